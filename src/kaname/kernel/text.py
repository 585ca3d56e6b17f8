"""Text that people see or search, in English and Japanese alike: previews and search tokens.

Words are runs of letters and digits. Japanese, Chinese and Korean have no spaces, so their runs become overlapping
pairs of characters (bigrams), the field's standard without a dictionary.
"""

import re
import unicodedata
from operator import add, itemgetter

PREVIEW_CHARS = 200
_CJK = (
    "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\uac00-\ud7af"
    "\u3005\u3007\U00020000-\U0003ffff"
)
_CJK_RUN = re.compile(f"[{_CJK}]+")
_PAIRS = tuple(itemgetter(*(slice(i, i + 2) for i in range(max(n, 2) - 1))) for n in range(64))
"""By the length of a run: what takes all its pairs at once. Longer runs are rare."""
_WORD_RUN = re.compile(r"[0-9a-z]+")


def preview(text: str, limit: int = PREVIEW_CHARS) -> str:
    """The first `limit` characters on one line, without cutting a base character from its combining marks."""
    flat = " ".join(text[: limit * 4].split())
    if len(flat) <= limit:
        return flat
    end = limit
    while end > 0 and (
        unicodedata.combining(flat[end]) or flat[end] in "\u200d\ufe0f\u3099\u309a" or flat[end - 1] == "\u200d"
    ):
        end -= 1
    return flat[:end]


def cjk_bigrams(text: str, limit: int = 20_000) -> list[str]:
    """Distinct bigrams of every CJK run after NFKC, in order of appearance; a lone character stands for itself.

    Empty at the cost of one regular-expression scan when the text has none. `limit` bounds the result.
    """
    if text.isascii() or not _CJK_RUN.search(text):
        return []
    seen: dict[str, None] = {}
    runs: set[str] = set()  # particles, endings and whole sentences come again and again
    for match in _CJK_RUN.finditer(unicodedata.normalize("NFKC", text)):
        run = match.group()
        if run in runs:
            continue
        runs.add(run)
        if len(run) <= 2:
            seen[run] = None
        elif len(run) < len(_PAIRS):
            # Without a Python step a character: most of what normalising Japanese costs is here.
            seen.update(dict.fromkeys(_PAIRS[len(run)](run)))
        else:
            seen.update(dict.fromkeys(map(add, run, run[1:])))
        if len(seen) >= limit:
            break
    return list(seen)[:limit]


def search_terms(query: str) -> tuple[list[str], list[str]]:
    """Splits a search into (lower-case ASCII words, CJK bigrams); both empty when nothing is searchable."""
    folded = unicodedata.normalize("NFKC", query).lower()
    return list(dict.fromkeys(_WORD_RUN.findall(folded))), cjk_bigrams(query)
