"""Full-text search over passages with SQLite FTS5, for English and Japanese alike.

Japanese has no spaces, so its runs are indexed as overlapping pairs of characters; English as lower-case words. Ranking
is BM25. Everything is in memory: a few hundred passages take milliseconds.
"""

import re
import sqlite3
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from assistant.corpus import Passage

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff々〇]+")
_WORD = re.compile(r"[a-z0-9]+")
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be by did do does for from had has have how in is it many of on or that the there this to
        was were what when where which who whom whose why will with""",
    )
)


class Hit(NamedTuple):
    """A passage found; a higher score is better."""

    passage: Passage
    score: float


class PassageIndex:
    """An FTS5 table of passages."""

    def __init__(self, passages: Iterable[Passage]) -> None:
        self._passages = list(passages)
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute("CREATE VIRTUAL TABLE passages USING fts5(title, text, tokenize='unicode61')")
        self._database.executemany(
            "INSERT INTO passages(rowid, title, text) VALUES (?, ?, ?)",
            (
                (i, " ".join(terms(p.title)), " ".join(terms(f"{p.title} {p.text}")))
                for i, p in enumerate(self._passages)
            ),
        )

    def search(self, query: str, limit: int) -> list[Hit]:
        """The best passages for a question; none if no word of it occurs anywhere."""
        wanted = " OR ".join(f'"{t}"' for t in dict.fromkeys(terms(query)))
        if not wanted:
            return []
        rows = self._database.execute(
            "SELECT rowid, bm25(passages) FROM passages WHERE passages MATCH ? ORDER BY 2 LIMIT ?", (wanted, limit)
        )
        return [Hit(self._passages[row], -rank) for row, rank in rows]


def terms(text: str) -> list[str]:
    """Searchable terms: English words without the commonest, and pairs of Japanese characters."""
    folded = unicodedata.normalize("NFKC", text).lower()
    found = [w for w in _WORD.findall(folded) if w not in _STOP_WORDS]
    for run in _CJK.findall(folded):
        found.extend(run[i : i + 2] for i in range(max(1, len(run) - 1)))
    return found
