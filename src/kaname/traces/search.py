"""Full-text search over names, error messages, inputs, outputs and documents of spans, in any language.

A query is the words and phrases that must all occur. Words with spaces around them are looked up in the word index;
Japanese, Chinese and Korean as overlapping pairs of characters in `search_cjk` (kernel.text). An id finds its trace or
span. Deliberately not here: ranking. Results come in the order of the list, newest first.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from kaname.kernel.errors import ErrorParams, InvalidInputError
from kaname.kernel.text import cjk_bigrams
from kaname.traces.queries.statement import ProjectStatement
from kaname.traces.tables import SEARCH_WORDS

MAX_QUERY = 500
MAX_TERMS = 32
_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{16}")
_UNSPACED = re.compile(
    "[\u00a0-\u00bf\u2000-\u206f\u3000-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
    "\U00020000-\U0003ffff]+"
)
_WORD = re.compile(r"[^\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+")
"""What the engine's tokenizer keeps together: ASCII letters and digits, and everything that isn't ASCII."""
_WIDE = {ord(c): ord(c) + 0xFEE0 for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What must occur: an id, or words (each with its spellings), pairs and single characters."""

    id_kind: Literal["", "trace_id", "span_id"] = ""
    id: str = ""
    words: tuple[tuple[str, ...], ...] = ()
    pairs: tuple[str, ...] = ()
    characters: tuple[str, ...] = ()


def parse_search(query: str | None) -> Search | None:
    """Reads a query; None for an empty one. Raises InvalidInputError if it has nothing that can be searched."""
    if query is None or not query.strip():
        return None
    if len(query) > MAX_QUERY:
        raise _invalid(
            f"the search is {len(query)} characters long",
            f"At most {MAX_QUERY}.",
            code="search_too_long",
            params={"length": len(query), "limit": MAX_QUERY},
        )
    folded = unicodedata.normalize("NFKC", query)
    if _ID.fullmatch(folded.strip().lower()):
        found = folded.strip().lower()
        return Search(id_kind="trace_id" if len(found) == 32 else "span_id", id=found)
    words = tuple(dict.fromkeys(_spellings(w) for w in _WORD.findall(_UNSPACED.sub(" ", folded))))
    grams = cjk_bigrams(folded)
    search = Search(
        words=words[:MAX_TERMS],
        pairs=tuple(g for g in grams if len(g) > 1)[:MAX_TERMS],
        characters=tuple(g for g in grams if len(g) == 1)[:MAX_TERMS],
    )
    if not (search.words or search.pairs or search.characters):
        raise _invalid(
            f"search {query[:80]!r} has no letter or digit",
            "Search for words.",
            code="search_without_words",
            params={"value": query[:80]},
        )
    return search


def search_conditions(statement: ProjectStatement, search: Search) -> list[str]:
    """Conditions over table `spans`, to be joined by AND; the indexes serve them."""
    if search.id_kind:
        return [f"{search.id_kind} = {statement.text(search.id)}"]
    conditions = [f"hasAnyTokens({SEARCH_WORDS}, {statement.texts(spellings)})" for spellings in search.words]
    if search.pairs:
        conditions.append(f"hasAllTokens(search_cjk, {statement.texts(search.pairs)})")
    # A lone character is part of any pair that has it; no index knows, so this one reads the column.
    conditions += [
        f"arrayExists(gram -> position(gram, {statement.text(c)}) > 0, search_cjk)" for c in search.characters
    ]
    return conditions


def _spellings(word: str) -> tuple[str, ...]:
    """The index folds the case of ASCII only and keeps full-width letters: ask for each spelling."""
    if word.isascii():
        wide = word.lower().translate(_WIDE)
        return (word.lower(), *dict.fromkeys((wide, word.upper().translate(_WIDE))))
    forms = (word, word.lower(), word.upper(), word.capitalize())
    return tuple(dict.fromkeys(_lower_ascii(f) for f in forms))


def _lower_ascii(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def _invalid(message: str, hint: str, *, code: str, params: ErrorParams) -> InvalidInputError:
    return InvalidInputError(message, hint=hint, param="q", code=code, params=params)
