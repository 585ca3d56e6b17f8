"""What is found (`Finding`) and how a text is looked at (`View`).

Offsets are code points of the original text. Matching happens on a folded view: full-width letters and digits become
ASCII, every kind of dash becomes `-`, zero-width characters vanish; a map leads back when lengths differ.
`\\b` is of no use in Japanese (電話は090… has no word break there), so patterns look for ASCII letters and
digits instead.
"""

import re
from typing import NamedTuple, Protocol

CONTEXT_BEFORE = 40
"""How far before a match a word counts for or against it."""
CONTEXT_AFTER = 15

_FOLDABLE = re.compile("[！-～　‐‑‒–—−－ー\u200b-‍⁠﻿]")
_ZERO_WIDTH = re.compile("[\u200b-‍⁠﻿]")
_LONG_VOWEL = re.compile("(?<=[0-9])ー(?=[0-9])")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−－"), "-")
_FOLD = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {0x3000: " "} | _DASHES
_NUMBER = re.compile(r"[0-9](?:[ .()/-]{0,3}[0-9])*")


class Finding(NamedTuple):
    """A stretch of text that is probably of a kind. `score` 0–1; from 0.5 on it counts by default."""

    kind: str
    start: int
    end: int
    score: float
    why: str = ""
    """Which pattern, check and context words spoke for it. Never the text itself."""


class NumberRun(NamedTuple):
    """Digits with at most three separators between neighbours."""

    start: int
    end: int
    digits: int


class View:
    """A text as recognisers see it. What several of them need is worked out once."""

    __slots__ = ("_lower", "_numbers", "_origins", "_size", "text")

    def __init__(self, text: str) -> None:
        self._size = len(text)
        self._origins: list[int] | None = None
        self._numbers: list[NumberRun] | None = None
        self._lower: str | None = None
        if not text.isascii() and _FOLDABLE.search(text):
            if _ZERO_WIDTH.search(text):
                self._origins = [i for i, character in enumerate(text) if not _ZERO_WIDTH.match(character)]
                text = _ZERO_WIDTH.sub("", text)
            text = _LONG_VOWEL.sub("-", text.translate(_FOLD))
        self.text = text

    @property
    def numbers(self) -> list[NumberRun]:
        """Where the digits are."""
        if self._numbers is None:
            self._numbers = [_run(match) for match in _NUMBER.finditer(self.text)]
        return self._numbers

    def around(self, start: int, end: int) -> str:
        """The lower-case text shortly before and after a match, with a line end where the match was."""
        if self._lower is None:
            self._lower = self.text.lower()
        if len(self._lower) != len(self.text):  # a few capitals have two lower-case characters
            self._lower = self.text
        return f"{self._lower[max(0, start - CONTEXT_BEFORE) : start]}\n{self._lower[end : end + CONTEXT_AFTER]}"

    def finding(self, kind: str, start: int, end: int, score: float, why: str) -> Finding:
        """A finding at a place of the view, in the original's offsets."""
        origins = self._origins
        if origins is not None:
            start, end = origins[start], origins[end - 1] + 1
        return Finding(kind, start, end, min(max(round(score, 2), 0.0), 1.0), why)


class Recogniser(Protocol):
    """Finds one kind, or a few that are hard to tell apart. Pure; linear in the length of the text."""

    @property
    def kinds(self) -> tuple[str, ...]: ...

    def applies(self, view: View) -> bool:
        """Whether a look is worth it: cheap, and never wrong when it says no."""
        ...

    def find(self, view: View) -> list[Finding]:
        """All findings, the doubtful ones with their low score."""
        ...


def _run(match: re.Match[str]) -> NumberRun:
    found = match[0]
    separators = found.count(" ") + found.count("-") + found.count(".")
    separators += found.count("(") + found.count(")") + found.count("/") if separators < len(found) - 1 else 0
    return NumberRun(match.start(), match.end(), len(found) - separators)
