"""The canaries of the configuration in force, in memory: their arms for the planner, and counts of what calls did.

Belongs to one event loop. It knows no database: `follower.py` brings standings and takes counts. A canary whose
standing isn't known yet gets no calls. Calls without a canary pay for one look at `record.arm`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from kaname.gateway.canaries.model import Canary, Standing, canaries_of
from kaname.gateway.canaries.observations import ArmCounts
from kaname.gateway.config import GatewayConfig
from kaname.gateway.model import GatewayRecord
from kaname.gateway.ports import RecordSink
from kaname.gateway.routing.split import Arms
from kaname.kernel.clock import Clock

MAX_HOLDERS = 8
NO_TARGET = "no_healthy_target"
_NOT_FAILED = frozenset({"ok", "cancelled"})


class HasArms(Protocol):
    """A planned step, whose arms are replaced."""

    arms: Arms | None


class Watched(NamedTuple):
    """A canary as the follower finds it."""

    canary: Canary
    standing: Standing | None
    counts: Mapping[str, ArmCounts] | None
    """What was counted in the standing's generation; None when nothing is new since the last time."""


class Update(NamedTuple):
    """What the follower brings."""

    canary: Canary
    standing: Standing
    arms: Arms | None
    """None: they are still the same."""


class _Live:
    __slots__ = ("arms", "canary", "counts", "holders", "is_new", "since_ns", "standing")

    def __init__(self, canary: Canary) -> None:
        self.canary = canary
        self.standing: Standing | None = None
        self.arms: Arms | None = None
        """Made when they are asked for: that takes some 10 ms."""
        self.holders: list[HasArms] = []
        self.counts: dict[str, ArmCounts] = {}
        self.is_new = False
        self.since_ns = 0
        """When this process began to place calls by the standing: earlier ones aren't of its step."""


class CanaryBook:
    """Of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._live: dict[str, _Live] = {}
        self._config: GatewayConfig | None = None
        self._wanted: dict[str, Canary] = {}

    # ---- for the planner and for people

    def arms(self, canary: Canary, holder: HasArms) -> Arms:
        """The present arms; `holder` gets others as the canary moves."""
        live = self._take(canary)
        live.holders = [*live.holders[1 - MAX_HOLDERS :], holder]
        if live.arms is None:
            live.arms = Arms(canary.weights(live.standing), canary.name)
        return live.arms

    def standing(self, canary: Canary) -> Standing | None:
        """Where a canary stands; None: not known."""
        live = self._live.get(canary.name)
        return live.standing if live is not None and live.canary.id == canary.id else None

    def items(self) -> list[tuple[Canary, Standing | None]]:
        """All canaries in force."""
        return [(live.canary, live.standing) for live in list(self._live.values())]

    # ---- for calls

    def observe(self, record: GatewayRecord) -> None:
        """Counts a call with an arm that is over. One that no target was asked for says nothing about its arm: it was
        refused by a limit or a guardrail, or answered by the cache; unless the arm's breakers were all open."""
        live = self._live.get(record.experiment)
        if live is None or live.standing is None or record.start_ns < live.since_ns:
            return
        targets = live.canary.targets.get(record.arm)
        if targets is None or live.standing.state.phase != "running":
            return
        attempts = record.attempts
        if not attempts:
            if record.error_code != NO_TARGET:
                return
        elif attempts[0].target not in targets and attempts[0].target not in live.canary.fallbacks:
            return  # a budget sent it to another model
        counts = live.counts.get(record.arm)
        if counts is None:
            counts = live.counts[record.arm] = ArmCounts()
        # Served by a fallback, the call succeeded and the arm failed.
        counts.count(record, record.outcome not in _NOT_FAILED or attempts[-1].target not in targets)
        live.is_new = True

    # ---- for the follower

    def collect(self, config: GatewayConfig) -> list[Watched]:
        """All canaries of the configuration, with copies of what was counted."""
        if config is not self._config:
            self._config = config
            self._wanted = {canary.name: canary for canary in canaries_of(config)}
        self._live = {name: self._take(canary) for name, canary in self._wanted.items()}
        return [
            Watched(
                live.canary,
                live.standing,
                {arm: counts.copy() for arm, counts in live.counts.items()} if live.is_new else None,
            )
            for live in self._live.values()
        ]

    def apply(self, updates: Sequence[Update], stored: Sequence[Watched]) -> None:
        """Takes over standings and arms; `stored`: whose counts have reached the database."""
        for watched in stored:
            live = self._live.get(watched.canary.name)
            if live is not None and live.standing is watched.standing and _same(live.counts, watched.counts):
                live.is_new = False
        for canary, standing, arms in updates:
            live = self._live.get(canary.name)
            if live is None or live.canary.id != canary.id:
                continue
            if arms is not None:
                live.arms = arms
                for holder in live.holders:
                    holder.arms = arms
            if live.standing is None or live.standing.generation != standing.generation:
                live.counts, live.is_new, live.since_ns = {}, False, self._clock.now_ns()
            live.standing = standing

    def _take(self, canary: Canary) -> _Live:
        live = self._live.get(canary.name)
        if live is None or live.canary.id != canary.id:
            live = self._live[canary.name] = _Live(canary)
        elif live.canary.split.arms != canary.split.arms:
            live.arms = None
        live.canary = canary
        return live


class ObservedSink:
    """A `RecordSink` before another one: calls with an arm are counted on their way."""

    __slots__ = ("_book", "_put", "flush")

    def __init__(self, sink: RecordSink, book: CanaryBook) -> None:
        self._put = sink.put
        self._book = book
        self.flush = sink.flush

    def put(self, record: GatewayRecord) -> None:
        """See `RecordSink`."""
        if record.arm:
            self._book.observe(record)
        self._put(record)


def _same(now: Mapping[str, ArmCounts], then: Mapping[str, ArmCounts] | None) -> bool:
    return then is not None and all(arm in then and then[arm].calls == counts.calls for arm, counts in now.items())
