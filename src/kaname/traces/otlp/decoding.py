"""What reading an OTLP body means, in either format: count what is good, or decode it too.

A format gives its two walks over a body; whether they decode is decided by the list that they are given, or not. So the
acknowledgement path and the worker can't disagree about which spans are good.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from kaname.traces.logs import LogRecord
from kaname.traces.model import RawSpan
from kaname.traces.otlp.limits import OtlpLimits
from kaname.traces.otlp.outcome import Outcome, TooManyError


class DecodedTraces(NamedTuple):
    """The good spans of a request and what became of the rest."""

    spans: list[RawSpan]
    outcome: Outcome


class DecodedLogs(NamedTuple):
    """The good records of a request and what became of the rest."""

    records: list[LogRecord]
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OtlpFormat:
    """A format's walks: (body, limits, time of arrival, list for decoded items or None) → outcome."""

    read_traces: Callable[[bytes, OtlpLimits, int, list[RawSpan] | None], Outcome]
    read_logs: Callable[[bytes, OtlpLimits, int, list[LogRecord] | None], Outcome]

    def inspect_traces(self, body: bytes, limits: OtlpLimits, received_ns: int) -> Outcome:
        """Counts good and bad spans; raises MalformedError when the body isn't a trace request."""
        return self.read_traces(body, limits, received_ns, None)

    def decode_traces(self, body: bytes, limits: OtlpLimits, received_ns: int) -> DecodedTraces:
        """Decodes the good spans; raises MalformedError when the body isn't a trace request."""
        spans: list[RawSpan] = []
        return DecodedTraces(spans, self.read_traces(body, limits, received_ns, spans))

    def inspect_logs(self, body: bytes, limits: OtlpLimits, received_ns: int) -> Outcome:
        """Counts good and bad records; raises MalformedError when the body isn't a logs request."""
        return self.read_logs(body, limits, received_ns, None)

    def decode_logs(self, body: bytes, limits: OtlpLimits, received_ns: int) -> DecodedLogs:
        """Decodes the good records; raises MalformedError when the body isn't a logs request."""
        records: list[LogRecord] = []
        return DecodedLogs(records, self.read_logs(body, limits, received_ns, records))


def bound_items(count: int, what: str, limits: OtlpLimits) -> None:
    """Raises TooManyError for more items than a request may hold."""
    if count > limits.max_items:
        raise TooManyError(
            f"the request holds {count} {what}, more than {limits.max_items}: lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
        )
