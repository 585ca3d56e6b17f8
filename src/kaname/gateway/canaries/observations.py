"""What an arm did, in a form that costs a microsecond a call, adds up over processes and fits a database row.

Latencies and costs are counted in buckets 2 % wide, so a value is off by at most 1 % and both arms are off alike.
For the guards the buckets are unfolded into values again, at most `MAX_VALUES` of them and in a fixed shuffled order:
the bootstrap of a mean takes groups by position, and groups of a sorted list would all look the same.
"""

from collections.abc import Iterable, Sequence
from math import log
from random import Random
from typing import NamedTuple

import orjson

from kaname.gateway.model import GatewayRecord
from kaname.gateway.routing.canary import ArmObservations

MAX_VALUES = 20_000
_SCALE = 1.0 / log(1.02)
_ZERO = -1
_LEAST_NS = 1_000
"""Nothing takes less: bucket numbers stay above that of zero."""


class ArmCounts:
    """Calls of one arm during one generation. Costs are in nano-dollars."""

    __slots__ = ("calls", "costs", "errors", "latencies")

    def __init__(self) -> None:
        self.calls = 0
        self.errors = 0
        self.latencies: dict[int, int] = {}
        self.costs: dict[int, int] = {}

    def count(self, record: GatewayRecord, failed: bool) -> None:
        """A call that is over. One that its client left counts as long as it lasted, and costs nothing known."""
        self.calls += 1
        if failed:
            self.errors += 1
            return
        bucket = int(log(max(record.duration_ns, _LEAST_NS)) * _SCALE + 0.5)
        self.latencies[bucket] = self.latencies.get(bucket, 0) + 1
        cost = record.cost_nano_usd
        if cost is not None and record.outcome == "ok":
            bucket = int(log(cost) * _SCALE + 0.5) if cost > 0 else _ZERO
            self.costs[bucket] = self.costs.get(bucket, 0) + 1

    def copy(self) -> "ArmCounts":
        """As it is now."""
        made = ArmCounts()
        made.add(self)
        return made

    def add(self, other: "ArmCounts") -> None:
        """Adds what another process, or another arm, counted."""
        self.calls += other.calls
        self.errors += other.errors
        for mine, theirs in ((self.latencies, other.latencies), (self.costs, other.costs)):
            for bucket, count in theirs.items():
                mine[bucket] = mine.get(bucket, 0) + count

    def encode(self) -> str:
        """For a row."""
        said = [self.calls, self.errors, *([list(b.keys()), list(b.values())] for b in (self.latencies, self.costs))]
        return orjson.dumps(said).decode()

    @classmethod
    def decode(cls, text: str) -> "ArmCounts":
        """From a row."""
        made = cls()
        made.calls, made.errors, latencies, costs = orjson.loads(text)
        made.latencies = dict(zip(*latencies, strict=True))
        made.costs = dict(zip(*costs, strict=True))
        return made

    def observations(self, scores: Sequence[float], seed: int) -> ArmObservations:
        """What the guards read."""
        return ArmObservations(
            calls=self.calls,
            errors=self.errors,
            latencies_s=[ns / 1e9 for ns in _unfold(self.latencies, seed)],
            costs=_unfold(self.costs, seed + 1),
            scores=scores,
        )


class Evidence(NamedTuple):
    """Both sides of a canary."""

    stable: ArmCounts
    canary: ArmCounts
    stable_scores: Sequence[float] = ()
    canary_scores: Sequence[float] = ()


def total(parts: Iterable[ArmCounts]) -> ArmCounts:
    """Several as one."""
    made = ArmCounts()
    for part in parts:
        made.add(part)
    return made


def _unfold(buckets: dict[int, int], seed: int) -> list[float]:
    """The values, or of too many an even thinning by rank."""
    n = sum(buckets.values())
    kept = min(n, MAX_VALUES)
    values: list[float] = []
    seen = 0
    for bucket, count in sorted(buckets.items()):
        seen += count
        value = 0.0 if bucket == _ZERO else 1.02**bucket
        values += [value] * (seen * kept // n - len(values))
    Random(seed).shuffle(values)  # noqa: S311  # repeatable on purpose, protects nothing
    return values
