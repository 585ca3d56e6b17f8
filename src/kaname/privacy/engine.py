"""All recognisers over one text: who applies, what they find, and which of several overlapping findings stays."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from kaname.privacy.model import Finding, Recogniser, View
from kaname.privacy.recognisers.registry import RECOGNISERS

THRESHOLD = 0.5
PIECE_CHARS = 1 << 20
OVERLAP_CHARS = 256


class Engine:
    """Finds `kinds` (None: all) from `threshold` on. Immutable, so one serves every call."""

    __slots__ = ("_kinds", "_recognisers", "threshold")

    def __init__(self, kinds: Iterable[str] | None = None, threshold: float = THRESHOLD) -> None:
        wanted = None if kinds is None else frozenset(kinds)
        self._kinds = wanted
        self.threshold = threshold
        self._recognisers: tuple[Recogniser, ...] = tuple(
            found for _, found in RECOGNISERS.items() if wanted is None or wanted.intersection(found.kinds)
        )

    def find(self, text: str) -> list[Finding]:
        """Findings in order, none overlapping. Long texts are taken in pieces that overlap."""
        if len(text) <= PIECE_CHARS:
            return self._find(text)
        found: list[Finding] = []
        for start in range(0, len(text), PIECE_CHARS - OVERLAP_CHARS):
            piece = self._find(text[start : start + PIECE_CHARS])
            found += [f._replace(start=f.start + start, end=f.end + start) for f in piece]
        return resolve(found)

    def _find(self, text: str) -> list[Finding]:
        view, found = View(text), list[Finding]()
        for recogniser in self._recognisers:
            if recogniser.applies(view):
                found += recogniser.find(view)
        if not found:
            return found
        wanted, threshold = self._kinds, self.threshold
        kept = [f for f in found if f.score >= threshold and (wanted is None or f.kind in wanted)]
        return resolve(kept) if len(kept) > 1 else kept


def resolve(findings: Sequence[Finding]) -> list[Finding]:
    """Of overlapping findings: the higher score, then the longer, then the first kind by name."""
    in_order = sorted(findings, key=lambda f: f.start)
    if all(before.end <= after.start for before, after in pairwise(in_order)):
        return in_order
    kept: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (-f.score, f.start - f.end, f.kind, f.start)):
        if all(finding.end <= other.start or other.end <= finding.start for other in kept):
            kept.append(finding)
    return sorted(kept, key=lambda f: f.start)
