"""Personal data out of a text and back into it: `<EMAIL_1>` for the length of one call.

The same value always becomes the same placeholder; two values never share one. What already looks like a placeholder
in a text (`reserve`) is never given out, so that `unmask(mask(x)) == x` for every text of a call.
Not here: pseudonyms, hashes, and anything that outlives the call. The values live in this object only.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from kaname.privacy.model import Finding

MAX_TOKEN_CHARS = 40
TOKEN = re.compile(r"<[A-Z][A-Z_]{0,31}_[1-9][0-9]{0,5}>")
PARTIAL_TOKEN = re.compile(r"<(?:[A-Z][A-Z_0-9]{0,38})?\Z")


class Edit(NamedTuple):
    """One stretch to be exchanged. `restores`: it gives back what the caller had sent."""

    start: int
    end: int
    text: str
    restores: bool = False


class Placeholders:
    """The values that one call hides."""

    __slots__ = ("_by_token", "_by_value", "_next", "_taken")

    def __init__(self) -> None:
        self._by_value: dict[tuple[str, str], str] = {}
        self._by_token: dict[str, str] = {}
        self._next: dict[str, int] = {}
        self._taken: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._by_token)

    def reserve(self, text: str) -> None:
        """Keeps what looks like a placeholder from being one. Before the first `mask`, for every text of the call."""
        if "<" in text:
            self._taken.update(TOKEN.findall(text))

    def token(self, kind: str, value: str) -> str:
        """The placeholder of a value."""
        token = self._by_value.get((kind, value))
        if token is None:
            number = self._next.get(kind, 1)
            while (token := f"<{kind[:32]}_{number}>") in self._taken:
                number += 1
            self._next[kind] = number + 1
            self._taken.add(token)
            self._by_value[kind, value], self._by_token[token] = token, value
        return token

    def mask(self, text: str, findings: Sequence[Finding]) -> str:
        """The text without what was found. `findings` in order, not overlapping."""
        self.reserve(text)
        edits = [Edit(f.start, f.end, self.token(f.kind, text[f.start : f.end])) for f in findings]
        return apply_edits(text, edits)

    def restorations(self, text: str) -> list[Edit]:
        """Where placeholders of this call stand, with their values."""
        if not self._by_token or "<" not in text:
            return []
        known = self._by_token
        return [
            Edit(match.start(), match.end(), known[match[0]], True)
            for match in TOKEN.finditer(text)
            if match[0] in known
        ]

    def unmask(self, text: str) -> str:
        """The text with every placeholder of this call replaced by its value."""
        return apply_edits(text, self.restorations(text))


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text after edits that are in order and don't overlap."""
    if not edits:
        return text
    parts: list[str] = []
    end = 0
    for edit in edits:
        parts += (text[end : edit.start], edit.text)
        end = edit.end
    parts.append(text[end:])
    return "".join(parts)
