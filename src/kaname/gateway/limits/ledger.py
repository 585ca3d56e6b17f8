"""Carries what calls changed from memory to the exchange and back. Runs in the event loop; does no I/O.

`collect` takes what isn't shared yet, `apply` takes over what all processes together have used. In between, calls go
on: what they change meanwhile stays in `delta` and `pending_s` and is shared next time. Changes that couldn't be
stored are tried again as they are, with the same number, so nothing is added twice.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from kaname.gateway.limits.budget_state import BudgetState
from kaname.gateway.limits.gcra import Gcra
from kaname.gateway.limits.live import BudgetKey, LiveStates
from kaname.gateway.limits.model import Budget, Definitions
from kaname.gateway.limits.service import LimitService
from kaname.gateway.limits.usage_count import UsageDelta

MAX_RATES = 2_000
"""Buckets shared at a time; the others follow with the next exchange."""


class SpendDelta(NamedTuple):
    """What one budget was charged in a window since the last exchange."""

    budget: Budget
    subject: str
    starts_at: datetime
    ends_at: datetime
    nano_usd: int


class Changes(NamedTuple):
    """One exchange's worth of what this process did. `unknown` are states whose stored spend isn't known yet."""

    number: int
    definitions: int
    spends: Sequence[SpendDelta]
    rates: Sequence[tuple[str, float]]
    holds: Sequence[tuple[str, int]]
    usages: Sequence[UsageDelta]
    unknown: Sequence[BudgetKey]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to store."""
        return not (self.spends or self.rates or self.holds or self.usages or self.unknown)


class Spent(NamedTuple):
    """What is stored of a window."""

    budget_id: str
    subject: str
    starts_at: datetime
    nano_usd: int


class Totals(NamedTuple):
    """What an exchange brought. `definitions` None: unchanged. `holds`: what other processes hold, by bucket."""

    spends: Sequence[Spent]
    rates: Sequence[tuple[str, int]]
    holds: Mapping[str, int]
    definitions: Definitions | None
    peers: int = 0
    """Other processes that are at work."""


class Ledger:
    """Between one limit service and the exchange."""

    def __init__(self, limits: LimitService, live: LiveStates) -> None:
        self._limits = limits
        self._live = live
        self._number = 0

    def collect(self) -> Changes:
        """What calls changed since the last time."""
        live = self._live
        self._number += 1
        budgets, live.dirty_budgets = live.dirty_budgets, []
        slots, live.dirty_slots = live.dirty_slots, []
        usages, live.dirty_usages = live.dirty_usages, []
        buckets, live.dirty_buckets = live.dirty_buckets[:MAX_RATES], live.dirty_buckets[MAX_RATES:]
        unknown, live.unknown = live.unknown, []
        spends = [delta for state in budgets for delta in _spends(state)]
        holds = [(state.bucket, state.held) for state in budgets]
        for state in budgets:
            state.dirty = False
        live.sharing = [state for state in budgets if state.sharing]
        for slot in slots:
            slot.dirty = False
            holds.append((slot.bucket, slot.running))
        return Changes(
            number=self._number,
            definitions=self._limits.definitions.version,
            spends=spends,
            rates=[(bucket.bucket, bucket.share()) for bucket in buckets],
            holds=holds,
            usages=[usage.share() for usage in usages],
            unknown=[(state.budget.id, state.subject) for state in unknown],
        )

    def apply(self, totals: Totals) -> None:
        """Takes over the common state. States that appeared while the exchange ran are asked for next time."""
        if totals.definitions is not None:
            self._limits.use_definitions(totals.definitions)
        live = self._live
        for state in live.sharing:
            state.spent += state.sharing  # unless its row says more, below
            state.sharing = 0
        live.sharing = []
        for row in totals.spends:
            key = (row.budget_id, row.subject)
            state = live.find_budget(key)
            if state is None:
                live.remember_spend(key, row.starts_at, row.nano_usd)
            elif state.start == row.starts_at:
                state.spent = row.nano_usd
                state.add_up()
        if totals.peers != live.peers:
            live.peers = totals.peers
            now = live.clock.monotonic()
            for meter in live.all_meters():
                live.lease(meter, now)
        self._apply_rates(totals.rates)
        self._apply_holds(totals.holds)

    def _apply_rates(self, rates: Sequence[tuple[str, int]]) -> None:
        live = self._live
        clock = live.clock
        now, wall_ns = clock.monotonic(), clock.now_ns()
        for name, tat_ns in rates:
            bucket = self._bucket(name)
            tat = now + (tat_ns - wall_ns) / 1e9
            if bucket is not None:
                bucket.adopt(tat, now)
                bucket.lease(live.peers, now)
            else:
                live.remember_rate(name, tat)

    def _apply_holds(self, holds: Mapping[str, int]) -> None:
        """Sets what others hold, also to nothing where they no longer do."""
        changed = {name: holds.get(name, 0) for name in self._live.elsewhere.keys() | holds.keys()}
        by_bucket = {state.bucket: state for state in self._live.all_budgets()} if changed else {}
        for name, amount in changed.items():
            kind, _, rest = name.partition(":")
            if kind == "c":
                meter = self._live.find_meter(rest)
                if meter is not None:
                    meter.slots.elsewhere = amount
            elif (state := by_bucket.get(name)) is not None:
                state.held_elsewhere = amount
                state.add_up()
        self._live.elsewhere = dict(holds)

    def _bucket(self, name: str) -> Gcra | None:
        kind, _, rest = name.partition(":")
        meter = self._live.find_meter(rest)
        if meter is None:
            return None
        return meter.requests if kind == "r" else meter.tokens


def _spends(state: BudgetState) -> list[SpendDelta]:
    """Moves a state's deltas on their way to the store; they stay part of what is used."""
    found: list[SpendDelta] = []
    if state.late and state.late_start is not None:
        found.append(SpendDelta(state.budget, state.subject, state.late_start, state.late_end, state.late))
        state.late = 0
    if state.delta:
        found.append(SpendDelta(state.budget, state.subject, state.start, state.end, state.delta))
        state.sharing += state.delta
        state.delta = 0
    return found
