"""All states that calls change: meters, budgets and usage counters by name, and which of them aren't shared yet.

Users and metadata values come from clients, so the states they open are bounded: beyond `max_subjects` the ones not
used for longest go, if forgetting them loses nothing that isn't stored.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice

from kaname.gateway.limits.budget_state import BudgetState
from kaname.gateway.limits.concurrency import Concurrency
from kaname.gateway.limits.gcra import Gcra
from kaname.gateway.limits.meters import Meter
from kaname.gateway.limits.model import EACH, Budget, LimitRule, Rates
from kaname.gateway.limits.usage_count import KeyUsage
from kaname.kernel.clock import Clock

MAX_SUBJECTS = 20_000
_EVICT_TRIES = 32

BudgetKey = tuple[str, str]
DEFAULT_BUDGET = "default"
"""Id of the budget that `key_defaults` gives a key without a policy."""


class LiveStates:
    """Finds or opens states. `dirty_*` are lists of what changed since the last exchange; each is in them once."""

    def __init__(self, clock: Clock, *, max_subjects: int = MAX_SUBJECTS) -> None:
        self.clock = clock
        self.started_at = datetime(2020, 1, 6, tzinfo=UTC)  # a Monday: default budgets count from it in every process
        self._max_subjects = max_subjects
        self._max_remembered = 4 * max_subjects
        self.meters: dict[str, Meter] = {}
        self.rule_meters: dict[str, Meter] = {}
        self.budgets: dict[BudgetKey, BudgetState] = {}
        self.each_budgets: dict[BudgetKey, BudgetState] = {}
        self.usages: dict[str, KeyUsage] = {}
        self.unknown: list[BudgetState] = []
        """Opened since the last exchange: what is stored of them isn't known yet."""
        self.elsewhere: dict[str, int] = {}
        """What other processes hold, by bucket."""
        self.peers = 0
        """Other processes that are at work."""
        self._spends: dict[BudgetKey, tuple[datetime, int]] = {}
        self._rates: dict[str, float] = {}
        self._forgot = False
        self.sharing: list[BudgetState] = []
        """Whose spend is on its way to the store."""
        self.dirty_buckets: list[Gcra] = []
        self.dirty_slots: list[Concurrency] = []
        self.dirty_budgets: list[BudgetState] = []
        self.dirty_usages: list[KeyUsage] = []

    def meter(self, name: str, title: str, rates: Rates, *, shadow: bool) -> Meter:
        """The meter of a name, with these limits from now on."""
        meter = self.meters.get(name)
        if meter is None:
            meter = self.meters[name] = Meter(name)
            meter.configure(title, rates, shadow=shadow)
            self._recall(meter)
        else:
            meter.configure(title, rates, shadow=shadow)
        return meter

    def meter_of_rule(self, rule: LimitRule, value: str) -> Meter:
        """The meter of one value of a rule."""
        name = f"rule:{rule.id}:{value}" if value else f"rule:{rule.id}"
        meter = self.rule_meters.pop(name, None)
        if meter is None:
            meter = Meter(name)
            meter.configure(f"limit {rule.name!r}", rule.rates, shadow=rule.shadow)
            self._recall(meter)
            if len(self.rule_meters) >= self._max_subjects:
                self._evict_meter()
        self.rule_meters[name] = meter  # at the end: used last
        return meter

    def budget(self, budget: Budget, subject: str) -> BudgetState:
        """The state of a budget for a subject."""
        key = (budget.id, subject)
        if budget.subject != EACH:
            state = self.budgets.get(key)
            if state is None:
                state = self.budgets[key] = self._open(budget, subject)
            return state
        state = self.each_budgets.pop(key, None)
        if state is None:
            state = self._open(budget, subject)
            if len(self.each_budgets) >= self._max_subjects:
                self._evict_budget()
        self.each_budgets[key] = state
        return state

    def usage(self, project_id: str, key_id: str) -> KeyUsage:
        """The counters of a key."""
        usage = self.usages.get(key_id)
        if usage is None:
            usage = self.usages[key_id] = KeyUsage(project_id, key_id)
        return usage

    def find_budget(self, key: BudgetKey) -> BudgetState | None:
        """An open state."""
        return self.budgets.get(key) or self.each_budgets.get(key)

    def all_budgets(self) -> list[BudgetState]:
        """Every open state."""
        return [*self.budgets.values(), *self.each_budgets.values()]

    def find_meter(self, name: str) -> Meter | None:
        """An open meter by its name."""
        return self.meters.get(name) or self.rule_meters.get(name)

    def all_meters(self) -> list[Meter]:
        """Every open meter."""
        return [*self.meters.values(), *self.rule_meters.values()]

    def remember_spend(self, key: BudgetKey, start: datetime, nano_usd: int) -> None:
        """Keeps what is stored of a budget that no call has asked for yet. Past the bound it is asked for later."""
        if len(self._spends) >= self._max_remembered:
            self._spends.clear()
            self._forgot = True
        self._spends[key] = (start, nano_usd)

    def remember_rate(self, name: str, tat: float) -> None:
        """The same of a bucket."""
        if len(self._rates) >= self._max_remembered:
            now = self.clock.monotonic()
            self._rates = {n: t for n, t in self._rates.items() if t > now}
            if len(self._rates) >= self._max_remembered:
                self._rates.clear()
        self._rates[name] = tat

    def lease(self, meter: Meter, now: float) -> None:
        """Renews the meter's shares of what is free."""
        for bucket in (meter.requests, meter.tokens):
            if bucket is not None:
                bucket.lease(self.peers, now)

    def redefine(self, budgets: Mapping[str, Budget], rules: Mapping[str, LimitRule]) -> None:
        """Goes on with these definitions: states of what is gone are closed, the others keep what they counted."""
        wall_s, now = self.clock.now_ns() / 1e9, self.clock.monotonic()
        for states in (self.budgets, self.each_budgets):
            for key, state in list(states.items()):
                budget = budgets.get(key[0])
                if budget is not None:
                    state.redefine(budget, wall_s, now)
                elif key[0] != DEFAULT_BUDGET:
                    del states[key]
        for name, meter in list(self.rule_meters.items()):
            rule = rules.get(name.split(":", 2)[1])
            if rule is None:
                del self.rule_meters[name]
            else:
                meter.configure(f"limit {rule.name!r}", rule.rates, shadow=rule.shadow)

    def _open(self, budget: Budget, subject: str) -> BudgetState:
        state = BudgetState(budget, subject, self.clock.now_ns() / 1e9)
        start, nano_usd = self._spends.pop((budget.id, subject), (None, 0))
        if start == state.start:
            state.spent = nano_usd
        state.held_elsewhere = self.elsewhere.get(state.bucket, 0)
        state.add_up()
        if self._forgot:
            self.unknown.append(state)
        return state

    def _recall(self, meter: Meter) -> None:
        for bucket in (meter.requests, meter.tokens):
            if bucket is not None:
                bucket.tat = self._rates.pop(bucket.bucket, 0.0)
        self.lease(meter, self.clock.monotonic())
        meter.slots.elsewhere = self.elsewhere.get(meter.slots.bucket, 0)

    def _evict_meter(self) -> None:
        now = self.clock.monotonic()
        for name in list(islice(self.rule_meters, _EVICT_TRIES)):
            if self.rule_meters[name].is_idle(now):
                del self.rule_meters[name]
                return
        oldest = next((n for n, m in self.rule_meters.items() if not m.slots.running), None)
        if oldest is not None:
            del self.rule_meters[oldest]

    def _evict_budget(self) -> None:
        for key in list(islice(self.each_budgets, _EVICT_TRIES)):
            state = self.each_budgets[key]
            if not (state.dirty or state.held or state.delta or state.late or state.sharing):
                del self.each_budgets[key]
                self.remember_spend(key, state.start, state.spent)
                return
