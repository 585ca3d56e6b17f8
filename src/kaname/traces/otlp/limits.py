"""What one OTLP request and one span may be, and when a span may have begun."""

from dataclasses import dataclass

_DAY_NS = 86_400 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class OtlpLimits:
    """Bounds that the receiver and the worker apply alike, so that both reject the same spans."""

    max_span_bytes: int = 10 << 20
    max_attributes: int = 2_000
    """Attributes of one span, event or record beyond this are dropped and counted."""
    max_events: int = 10_000
    max_items: int = 65_536
    """Spans or records in one request, and resources and scopes likewise."""
    max_age_ns: int = 3 * 366 * _DAY_NS
    max_ahead_ns: int = _DAY_NS
    max_depth: int = 32
    """Nesting of attribute values; what lies deeper becomes the text `…`."""

    def window(self, received_ns: int) -> tuple[int, int]:
        """Earliest and latest start that is accepted for a request of this time."""
        return received_ns - self.max_age_ns, received_ns + self.max_ahead_ns
