"""How many calls, errors and how long, over the last five minutes: for status pages, cheap enough for every call.

Latencies go into buckets a quarter of a power of two wide, so a quantile is off by at most an eighth. In memory, for
one process and one event loop; reading from another thread may miss the call that is being counted.
"""

from collections.abc import Iterable, Sequence
from math import frexp
from typing import NamedTuple

SLOT_S = 10.0
SLOTS = 30
WINDOW_S = SLOT_S * SLOTS
_LEAST_EXPONENT = -10
"""Buckets begin below a millisecond …"""
_OCTAVES = 21
"""… and end above half an hour."""
_BUCKETS = 4 * _OCTAVES


class TrafficCount(NamedTuple):
    """Sums over the window. Quantiles are None without calls that worked."""

    requests: int
    errors: int
    p50_s: float | None
    p95_s: float | None


class TrafficSum(NamedTuple):
    """What a process, or several, counted: since the start, and in the window with its latencies by bucket."""

    requests: int = 0
    errors: int = 0
    window_requests: int = 0
    window_errors: int = 0
    latencies: dict[int, int] = {}  # noqa: RUF012 - never changed


class _Slot:
    __slots__ = ("epoch", "errors", "latencies", "requests")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.requests = 0
        self.errors = 0
        self.latencies: list[int] = [0] * _BUCKETS


class Traffic:
    """Counts calls of one thing: a route, an arm, a target."""

    __slots__ = ("_slots", "errors", "requests")

    def __init__(self) -> None:
        self.requests = 0
        """Since the start."""
        self.errors = 0
        self._slots: list[_Slot | None] = [None] * SLOTS

    def count(self, now: float, latency_s: float, ok: bool) -> None:
        """One call that has ended; about half a microsecond."""
        epoch = int(now / SLOT_S)
        slot = self._slots[epoch % SLOTS]
        if slot is None or slot.epoch != epoch:
            slot = self._slots[epoch % SLOTS] = _Slot(epoch)
        slot.requests += 1
        self.requests += 1
        if ok:
            mantissa, exponent = frexp(latency_s)
            index = (exponent - _LEAST_EXPONENT) * 4 + int(mantissa * 8) - 4
            slot.latencies[0 if index < 0 else index if index < _BUCKETS else _BUCKETS - 1] += 1
        else:
            slot.errors += 1
            self.errors += 1

    def slots_since(self, epoch: int) -> list[_Slot]:
        """Those that began at or after an epoch; for `window_of`."""
        return [slot for slot in self._slots if slot is not None and slot.epoch >= epoch]


def window_of(parts: Sequence[Traffic], now: float) -> TrafficCount:
    """The last five minutes of several things together."""
    return count_of(sum_of(parts, now))


def sum_of(parts: Sequence[Traffic], now: float) -> TrafficSum:
    """Several things of this process together, as others can add it to theirs."""
    oldest = int(now / SLOT_S) - SLOTS + 1
    slots = [slot for part in parts for slot in part.slots_since(oldest)]
    sums = [sum(column) for column in zip(*(slot.latencies for slot in slots), strict=True)]
    return TrafficSum(
        requests=sum(part.requests for part in parts),
        errors=sum(part.errors for part in parts),
        window_requests=sum(slot.requests for slot in slots),
        window_errors=sum(slot.errors for slot in slots),
        latencies={index: count for index, count in enumerate(sums) if count},
    )


def add_up(sums: Iterable[TrafficSum]) -> TrafficSum:
    """The same of several processes."""
    total, latencies = TrafficSum(), dict[int, int]()
    for each in sums:
        for index, count in each.latencies.items():
            latencies[index] = latencies.get(index, 0) + count
        total = TrafficSum(
            total.requests + each.requests, total.errors + each.errors,
            total.window_requests + each.window_requests, total.window_errors + each.window_errors,
        )  # fmt: skip
    return total._replace(latencies=latencies)


def count_of(traffic: TrafficSum) -> TrafficCount:
    """The window for people."""
    counts = [traffic.latencies.get(index, 0) for index in range(_BUCKETS)] if traffic.latencies else []
    return TrafficCount(
        requests=traffic.window_requests,
        errors=traffic.window_errors,
        p50_s=_quantile(counts, 0.5),
        p95_s=_quantile(counts, 0.95),
    )


def _quantile(counts: list[int], share: float) -> float | None:
    total = sum(counts)
    if not total:
        return None
    rank = share * total
    seen = 0
    for index, count in enumerate(counts):
        if count and seen + count >= rank:
            low, high = _edge(index), _edge(index + 1)
            return low + (high - low) * (rank - seen) / count
        seen += count
    return _edge(_BUCKETS)


def _edge(index: int) -> float:
    """Where a bucket begins."""
    octave, quarter = divmod(index, 4)
    return (4 + quarter) / 8 * 2.0 ** (octave + _LEAST_EXPONENT)
