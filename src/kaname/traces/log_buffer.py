"""GenAI content that came as log records before its span: kept for a while, so that the span's row is complete.

A record may also come after its span; then the detail view merges it at read from `log_records`, which holds every
record. Bounded by count and age; losing an entry costs a preview in lists, never data.
"""

from collections import OrderedDict

from kaname.traces.model import RawEvent

_MAX_SPANS = 5_000
_MAX_EVENTS = 64
_MAX_AGE_NS = 10 * 60 * 10**9

SpanKey = tuple[str, str, str]
"""(project, trace, span)."""


class LogBuffer:
    """Events by the span they belong to. One thread uses it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._waiting: OrderedDict[SpanKey, tuple[int, int, list[RawEvent]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: SpanKey, event: RawEvent, size: int, received_ns: int) -> None:
        """Keeps an event of `size` bytes until its span comes, it grows old or there is no room."""
        since, held, events = self._waiting.get(key, (received_ns, 0, []))
        if len(events) >= _MAX_EVENTS:
            return
        events.append(event)
        self._waiting[key] = (since, held + size, events)
        self._bytes += size
        while self._waiting and (self._bytes > self._max_bytes or len(self._waiting) > _MAX_SPANS):
            self._drop_oldest()
        while self._waiting and received_ns - next(iter(self._waiting.values()))[0] > _MAX_AGE_NS:
            self._drop_oldest()

    def take(self, key: SpanKey) -> list[RawEvent]:
        """The events of a span, which are its own from now on."""
        if not self._waiting:
            return []
        found = self._waiting.pop(key, None)
        if found is None:
            return []
        self._bytes -= found[1]
        return found[2]

    def _drop_oldest(self) -> None:
        _, (_, size, _) = self._waiting.popitem(last=False)
        self._bytes -= size
