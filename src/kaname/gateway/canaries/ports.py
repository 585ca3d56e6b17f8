"""What canaries need from others."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class ScoreSource(Protocol):
    """Knows how the calls of an experiment were scored; `traces` implements it. Blocking: called in a thread."""

    def scores(self, experiment: str, metric: str, since_ns: int) -> Mapping[str, Sequence[float]]:
        """By arm, of calls that began at or after `since_ns`: all of them, or a fixed sample of many."""
        ...
