"""What became of a request's spans or records: how many are good, why the others are not, in words a sender can act on.

A fault is *structural* when the sender's encoding is wrong (a list that isn't one, ids of the wrong length): a
request of nothing but such items is refused as a whole with 400. Items outside the time window or the size limit are
rejected one by one.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Signal = Literal["traces", "logs", "metrics"]
ITEM: Mapping[Signal, str] = {"traces": "spans", "logs": "log records", "metrics": "data points"}

TRACE_ID_LENGTH = "trace_id must be 16 bytes"
TRACE_ID_ZERO = "trace_id is all zeros"
SPAN_ID_LENGTH = "span_id must be 8 bytes"
SPAN_ID_ZERO = "span_id is all zeros"
TIME_WINDOW = "start time is outside the accepted window"
SPAN_SIZE = "span is over the size limit"
NO_TRACE = "record belongs to no span: trace_id is missing"
NOT_STORED = "metrics aren't stored yet"
_NOT_STRUCTURAL = frozenset({TIME_WINDOW, SPAN_SIZE, NO_TRACE, NOT_STORED})
_MAX_SCOPES = 5


@dataclass(slots=True)
class Outcome:
    """Counts of one request."""

    total: int = 0
    faults: Counter[str] = field(default_factory=Counter[str])
    scopes: dict[str, None] = field(default_factory=dict[str, None])
    """Instrumentation scopes of the rejected items, the first few."""
    missing_ids: int = 0
    """Items without both ids: when all are, the body is another signal that decodes by accident."""

    @property
    def rejected(self) -> int:
        """Items that are not kept."""
        return sum(self.faults.values())

    @property
    def accepted(self) -> int:
        """Items that are kept."""
        return self.total - self.rejected

    @property
    def is_refused(self) -> bool:
        """Whether nothing is good and at least one item is malformed: the whole request deserves 400."""
        return self.accepted == 0 and any(reason not in _NOT_STRUCTURAL for reason in self.faults)

    def reject(self, reason: str, scope: str, count: int = 1) -> None:
        """Counts bad items; they must be counted in `total` too."""
        self.faults[reason] += count
        if scope and len(self.scopes) < _MAX_SCOPES:
            self.scopes[scope] = None

    def message(self, signal: Signal) -> str:
        """One sentence: how many were rejected, the reason per field with counts, the scopes."""
        reasons = "; ".join(f"{reason} ({n})" for reason, n in self.faults.most_common(10))
        scopes = f" [scope {', '.join(map(repr, self.scopes))}]" if self.scopes else ""
        return f"{self.rejected} of {self.total} {ITEM[signal]} rejected: {reasons}{scopes}"


class MalformedError(Exception):
    """The body isn't this signal at all; the message says what it is or where it breaks."""


class TooManyError(MalformedError):
    """The body holds more items or values than one request may."""
