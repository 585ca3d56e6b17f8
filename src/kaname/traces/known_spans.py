"""Which spans are stored already, so that none is stored twice: the exactly-once half of ingest.

The identity of a span is (project, trace, span id). Spans are looked up by (project, minute of start): the first time a
minute is touched, all its keys are read from the store by primary key, and from then on they are known here, because
this process is the store's only writer of spans. A minute with too many keys isn't remembered; then each batch asks the
store about its own traces. A delivery repeated seconds or months later, before or after a crash, changes nothing.

Keys are kept as 64-bit hashes with a secret of this process: a false duplicate has a chance of about 10⁻¹³ a span.
"""

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from kaname.traces.model import RawSpan

_MINUTE_NS = 60 * 10**9
_MAX_LOADED = 100_000
"""Keys of not yet known minutes read at once; beyond it the batch asks about its own traces instead."""
_MAX_MINUTES = 500


class Minute(NamedTuple):
    """A project's minute of start times; `minute` counts minutes since 1970."""

    project_id: str
    minute: int


class StoredKey(NamedTuple):
    """Identity of a span in the store."""

    project_id: str
    minute: int
    trace_id: str
    span_id: str


class KeyStore(Protocol):
    """Reads keys from the store."""

    def load_minutes(self, minutes: Sequence[Minute], limit: int) -> list[StoredKey]:
        """Keys in these minutes, at most `limit`."""
        ...

    def load_traces(self, minutes: Sequence[Minute], trace_ids: Sequence[str]) -> list[StoredKey]:
        """Keys of these traces in these minutes."""
        ...


@dataclass(slots=True)
class _Bucket:
    """Hashes of one minute. `complete`: all that the store has."""

    hashes: "array[int]" = field(default_factory=lambda: array("q"))
    complete: bool = False


class KnownSpans:
    """The recent keys. One thread uses it."""

    def __init__(self, store: KeyStore, capacity: int) -> None:
        self._store = store
        self._capacity = capacity
        self._hashes: set[int] = set()
        self._buckets: OrderedDict[Minute, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._hashes)

    def select_new(self, spans: Sequence[tuple[str, RawSpan]]) -> list[bool]:
        """Which of these (project, span) are new; they are known from now on. The first of equal ones wins.

        Call `forget` with the same spans if storing them fails.
        """
        minutes = [Minute(project_id, span.start_ns // _MINUTE_NS) for project_id, span in spans]
        touched = dict.fromkeys(minutes)
        unknown: list[Minute] = []
        for minute in touched:
            bucket = self._buckets.get(minute)
            if bucket is None:
                bucket = self._buckets[minute] = _Bucket()
            else:
                self._buckets.move_to_end(minute)
            if not bucket.complete:
                unknown.append(minute)
        if unknown:
            self._load(unknown, spans, minutes)
        known = self._hashes
        fresh: list[bool] = []
        for (project_id, span), minute in zip(spans, minutes, strict=True):
            hashed = hash((project_id, span.trace_id, span.span_id))
            is_new = hashed not in known
            if is_new:
                known.add(hashed)
                self._buckets[minute].hashes.append(hashed)
            fresh.append(is_new)
        self._evict(touched)
        return fresh

    def forget(self, spans: Iterable[tuple[str, RawSpan]]) -> None:
        """Drops what is known about the minutes of these spans: the store is asked again."""
        for project_id, span in spans:
            self._drop(Minute(project_id, span.start_ns // _MINUTE_NS))

    def _load(self, unknown: list[Minute], spans: Sequence[tuple[str, RawSpan]], minutes: list[Minute]) -> None:
        loaded = self._store.load_minutes(unknown, _MAX_LOADED + 1) if len(unknown) <= _MAX_MINUTES else None
        if loaded is not None and len(loaded) <= _MAX_LOADED:
            for minute in unknown:
                self._buckets[minute].complete = True
        else:
            wanted = set(unknown)
            traces = {span.trace_id for (_, span), minute in zip(spans, minutes, strict=True) if minute in wanted}
            loaded = self._store.load_traces(unknown, list(traces))
        for key in loaded:
            bucket = self._buckets.get(Minute(key.project_id, key.minute))
            hashed = hash((key.project_id, key.trace_id, key.span_id))
            if bucket is not None and hashed not in self._hashes:
                self._hashes.add(hashed)
                bucket.hashes.append(hashed)

    def _evict(self, touched: dict[Minute, None]) -> None:
        for minute in touched:
            if len(self._buckets[minute].hashes) > self._capacity // 2:
                self._drop(minute)
        while len(self._hashes) > self._capacity or len(self._buckets) > 20 * _MAX_MINUTES:
            self._drop(next(iter(self._buckets)))

    def _drop(self, minute: Minute) -> None:
        bucket = self._buckets.pop(minute, None)
        if bucket is not None:
            self._hashes.difference_update(bucket.hashes)
