"""Reserve before a call, settle after it: the hot path of limits, all in memory, in one event loop.

`reserve` checks everything that applies and takes all of it or nothing. A reservation is settled exactly once: what
was estimated is replaced by what was used, or given back when the call failed. Nothing here waits, and nothing reads
a clock's wall time except for the windows of budgets. Sharing with other processes and the database: `exchange.py`.
"""

from ipaddress import ip_address

from kaname.gateway.limits.budget_state import BudgetState
from kaname.gateway.limits.gcra import WINDOW_S, Gcra
from kaname.gateway.limits.headers import anthropic_headers, openai_headers, openai_lines
from kaname.gateway.limits.key_limits import KeyLimits
from kaname.gateway.limits.left import BudgetReachedError, budget_left, rates_left, tighter
from kaname.gateway.limits.live import LiveStates
from kaname.gateway.limits.meters import Meter, Refusal
from kaname.gateway.limits.model import Definitions, Estimate, KeyDefaults, Subject
from kaname.gateway.limits.refusals import (
    address_not_allowed,
    budget_exceeded,
    call_too_expensive,
    limit_name,
    price_unknown,
    rate_limited,
)
from kaname.gateway.limits.reservation import Reservation
from kaname.gateway.model import Outcome
from kaname.gateway.openai_errors import Headers, join_lines, model_not_allowed
from kaname.kernel.clock import Clock
from kaname.kernel.errors import KanameError

MAX_KEYS = 50_000
_FAILED: frozenset[Outcome] = frozenset({"error", "cancelled"})


class LimitService:
    """Limits of every key. Belongs to one event loop."""

    def __init__(self, clock: Clock, defaults: KeyDefaults | None = None, *, live: LiveStates | None = None) -> None:
        self.live = live or LiveStates(clock)
        self.definitions = Definitions()
        self._clock = clock
        self.defaults = defaults or KeyDefaults()
        self._keys: dict[str, KeyLimits] = {}

    # ---- configuration

    def use_defaults(self, defaults: KeyDefaults) -> None:
        """Takes `key_defaults` of the configuration in force; told on every call, so cheap if nothing changed."""
        if defaults is self.defaults:
            return
        if defaults != self.defaults:
            self._keys = {}
        self.defaults = defaults

    def use_definitions(self, definitions: Definitions) -> None:
        """Takes what people set from now on; running calls settle what they reserved."""
        self.definitions = definitions
        self.live.redefine({b.id: b for b in definitions.budgets}, {r.id: r for r in definitions.rules})
        self._keys = {}

    # ---- calls

    def reserve(self, subject: Subject, estimate: Estimate) -> Reservation:
        """Lets a call in and holds its estimate of every limit that applies.

        Raises PermissionDeniedError, QuotaExceededError or RateLimitedError (`param`: requests, tokens, concurrency).
        """
        limits = self._keys.get(subject.key_id) or self._compile(subject)
        clock = self._clock
        now, wall_s = clock.monotonic(), clock.now_ns() / 1e9
        tokens = estimate.input_tokens + estimate.output_tokens
        cost = estimate.cost_nano_usd
        if not limits.models.allows_all and not limits.models.allow(subject.model):
            self._refuse(limits, model_not_allowed(subject.model))
        meters, budgets = limits.meters, limits.budgets
        if limits.is_dynamic:
            meters, budgets = limits.select(subject, self.live, meters, budgets)
        reservation = Reservation(limits, meters, budgets, tokens, cost, now)
        if not limits.plain:
            self._check_call(reservation, subject)
        for meter in meters:
            refusal = meter.refusal(tokens, now)
            if refusal is not None:
                self._over_rate(reservation, meter, refusal)
        for state in budgets:
            if wall_s >= state.limit_until_s:
                state.roll(wall_s, now)
            if state.is_exceeded_by(cost):
                self._over_budget(reservation, state)
        self._take(reservation, now)
        return reservation

    def known(self, key_id: str) -> KeyLimits | None:
        """The limits of a key that has called since they were set."""
        return self._keys.get(key_id)

    def try_reserve(self, limits: KeyLimits, tokens: int, cost: int | None) -> Reservation | None:
        """`reserve` for static limits, when there is room everywhere: nearly always. In two passes without a call,
        because it is a tenth of what a call costs otherwise. None: nothing was taken, and `reserve` says what is wrong.
        """
        clock = self._clock
        now = clock.monotonic()
        meters, budgets = limits.meters, limits.budgets
        for meter in meters:
            slots = meter.slots
            if slots.running + slots.elsewhere >= slots.limit:
                return None
            for bucket, units in ((meter.requests, 1), (meter.tokens, tokens)):
                if bucket is not None:
                    ahead_s, seconds = bucket.tat - now, units * bucket.seconds_per_unit
                    if ahead_s + seconds > WINDOW_S or seconds > WINDOW_S or not bucket.limit:
                        return None
                    if bucket.pending_s + seconds > bucket.lease_s:
                        return None
        if budgets:
            wall_s, need = clock.now_ns() / 1e9, 1 if cost is None else cost
            for state in budgets:
                if wall_s >= state.limit_until_s or (need and state.used + need > state.limit):
                    return None
        reservation = Reservation(limits, meters, budgets, tokens, cost, now)
        self._take(reservation, now)
        return reservation

    def settle(
        self, reservation: Reservation, *, tokens: int | None, cost_nano_usd: int | None, outcome: Outcome
    ) -> None:
        """Replaces the estimate by what was used; a second call does nothing.

        `tokens` and `cost_nano_usd` None: unknown. Then a call that failed or was cancelled costs nothing, another one
        its estimate. The call itself stays counted in requests a minute.
        """
        if reservation.settled:
            return
        reservation.settled = True
        failed = outcome in _FAILED
        if tokens is None:
            tokens = 0 if failed else reservation.tokens
        usage = reservation.limits.usage
        if cost_nano_usd is None:
            cost_nano_usd = 0 if failed else reservation.held
            usage.unpriced += not failed and reservation.cost is None
        live = self.live
        now = self._clock.monotonic()
        for meter in reservation.meters:
            bucket = meter.tokens
            if bucket is not None and tokens != reservation.tokens:
                bucket.take(tokens - reservation.tokens, now)
                if not bucket.dirty:
                    self._mark(bucket)
            slots = meter.slots
            slots.running -= 1
            if not slots.dirty:
                slots.dirty = True
                live.dirty_slots.append(slots)
        held, began = reservation.held, reservation.began
        for state in reservation.budgets:
            state.settle(held, cost_nano_usd, began)
            if not state.dirty:
                state.dirty = True
                live.dirty_budgets.append(state)
        for state in reservation.provider_budgets:
            state.settle(held, cost_nano_usd, began)
            if not state.dirty:
                state.dirty = True
                live.dirty_budgets.append(state)
        usage.requests += 1
        usage.tokens += tokens
        usage.cost_nano_usd += cost_nano_usd
        if not usage.dirty:
            usage.dirty = True
            live.dirty_usages.append(usage)

    # ---- targets

    def allows_target(self, reservation: Reservation, provider: str, model: str) -> bool:
        """Whether a target may serve this call: its provider is allowed and has budget left. Changes nothing."""
        limits = reservation.limits
        shadow = limits.policy.shadow
        names = limits.providers
        if not (names.allows_all or shadow or names.allow(provider) or names.allow(f"{provider}/{model}")):
            return False
        states = limits.provider_budgets.get(provider)
        if states is None or states is reservation.provider_budgets:
            return True
        wall_s = self._clock.now_ns() / 1e9
        for state in states:
            if wall_s >= state.limit_until_s:
                state.roll(wall_s, self._clock.monotonic())
            blocks = state.budget.on_exceed == "block" and not state.budget.shadow and not shadow
            if blocks and state.is_exceeded_by(reservation.cost):
                return False
        return True

    def begin_target(self, reservation: Reservation, provider: str) -> None:
        """Moves what the call holds of provider budgets to the provider that is about to be tried; `settle` charges
        the last one."""
        states = reservation.limits.provider_budgets.get(provider, ())
        if states is reservation.provider_budgets or reservation.settled:
            return
        for state in reservation.provider_budgets:
            state.settle(reservation.held, 0, reservation.began)
        wall_s = self._clock.now_ns() / 1e9
        for state in states:
            if wall_s >= state.limit_until_s:
                state.roll(wall_s, self._clock.monotonic())
            state.hold(reservation.held)
        reservation.provider_budgets = states

    def check_address(self, subject: Subject, address: str) -> None:
        """Raises PermissionDeniedError unless the key may be used from this network address."""
        limits = self._keys.get(subject.key_id) or self._compile(subject)
        if not limits.networks:
            return
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            self._refuse(limits, address_not_allowed())
            return
        mapped = getattr(parsed, "ipv4_mapped", None) or parsed
        if not any(mapped in network for network in limits.networks if network.version == mapped.version):
            self._refuse(limits, address_not_allowed())

    def allows_model(self, subject: Subject, model: str) -> bool:
        """Whether the key may use a model: for lists of models."""
        limits = self._keys.get(subject.key_id) or self._compile(subject)
        return limits.policy.shadow or limits.models.allow(model)

    def limits_of(self, subject: Subject) -> KeyLimits:
        """What limits a key, for showing it."""
        return self._keys.get(subject.key_id) or self._compile(subject)

    # ---- answers

    def header_lines(self, reservation: Reservation, *, anthropic: bool = False) -> bytes:
        """`headers` as lines, each with its line end."""
        meters = reservation.meters
        if anthropic or len(meters) != 1:
            return join_lines(self.headers(reservation, anthropic=anthropic))
        return openai_lines(meters[0].requests, meters[0].tokens, self._clock.monotonic())

    def headers(self, reservation: Reservation, *, anthropic: bool = False) -> Headers:
        """Limit, what remains and when it is whole again, of the requests and tokens limits that are closest to
        refusing: `x-ratelimit-…` or `anthropic-ratelimit-…`."""
        if not reservation.meters:
            return []
        now = self._clock.monotonic()
        requests = tokens = None
        for meter in reservation.meters:
            requests = tighter(requests, meter.requests, now)
            tokens = tighter(tokens, meter.tokens, now)
        if anthropic:
            return anthropic_headers(requests, tokens, now, self._clock.now())
        return openai_headers(requests, tokens, now)

    # ---- within

    def _compile(self, subject: Subject) -> KeyLimits:
        if len(self._keys) >= MAX_KEYS:
            self._keys.clear()
        limits = self._keys[subject.key_id] = KeyLimits(subject, self.definitions, self.defaults, self.live)
        return limits

    def _check_call(self, reservation: Reservation, subject: Subject) -> None:
        """What only some policies ask."""
        limits, cost = reservation.limits, reservation.cost
        policy = limits.policy
        if policy.shadow and not limits.models.allow(subject.model):
            self._note(reservation, "model", refused=True)
        error: KanameError | None = None
        if cost is None:
            if not policy.allow_unpriced:
                error = price_unknown(subject.model)
        elif policy.max_cost_nano_usd is not None and cost > policy.max_cost_nano_usd:
            error = call_too_expensive(cost, policy.max_cost_nano_usd)
        if error is not None:
            if isinstance(error, BudgetReachedError):
                error.left = rates_left(reservation.meters, self._clock.monotonic())
            self._refuse(limits, error)
            self._note(reservation, str(error.params["limited_by"]), refused=True)

    def _over_rate(self, reservation: Reservation, meter: Meter, refusal: Refusal) -> None:
        """Refuses, or in shadow mode goes on without this meter, which must not fill up further."""
        if not meter.shadow:
            error = rate_limited(meter, refusal, reservation.tokens)
            error.left = rates_left(reservation.meters, self._clock.monotonic(), meter)
            self._refuse(reservation.limits, error)
        self._note(reservation, limit_name(meter, refusal), refused=True)
        reservation.meters = [m for m in reservation.meters if m is not meter]

    def _over_budget(self, reservation: Reservation, state: BudgetState) -> None:
        """Refuses, unless the budget only warns, sends the call to a cheaper model, or is in shadow mode."""
        budget = state.budget
        blocks = budget.on_exceed == "block"
        if blocks and not budget.shadow:
            error = budget_exceeded(state, reservation.cost)
            left = budget_left(state, self._clock.now_ns() / 1e9)
            error.left = [*rates_left(reservation.meters, self._clock.monotonic()), left]
            self._refuse(reservation.limits, error)
        if budget.on_exceed == "downgrade" and not budget.shadow and not reservation.limits.policy.shadow:
            reservation.downgrade_to = reservation.downgrade_to or budget.downgrade_to
        self._note(reservation, f"budget:{budget.id}", refused=blocks)

    def _note(self, reservation: Reservation, name: str, *, refused: bool) -> None:
        """Remembers a limit that didn't stop the call; `refused`: it would have, but for shadow mode."""
        reservation.limited_by = (*reservation.limited_by, name)
        reservation.limits.usage.shadowed += refused

    def _refuse(self, limits: KeyLimits, error: KanameError) -> None:
        """Raises, and counts it, unless the key is in shadow mode."""
        if limits.policy.shadow:
            return
        usage = limits.usage
        usage.refused += 1
        if not usage.dirty:
            usage.dirty = True
            self.live.dirty_usages.append(usage)
        raise error

    def _take(self, reservation: Reservation, now: float) -> None:
        live = self.live
        tokens, held = reservation.tokens, reservation.held
        for meter in reservation.meters:
            for bucket, units in ((meter.requests, 1), (meter.tokens, tokens)):
                if bucket is not None:  # `Gcra.take`, without its call
                    seconds, tat = units * bucket.seconds_per_unit, bucket.tat
                    bucket.tat = (tat if tat > now else now) + seconds  # noqa: FURB136 - `max` is a call
                    bucket.pending_s += seconds
                    if not bucket.dirty:
                        self._mark(bucket)
            slots = meter.slots
            slots.running += 1
            if not slots.dirty:
                slots.dirty = True
                live.dirty_slots.append(slots)
        for state in reservation.budgets:
            state.held += held
            state.used += held
            if not state.dirty:
                state.dirty = True
                live.dirty_budgets.append(state)

    def _mark(self, bucket: Gcra) -> None:
        bucket.dirty = True
        self.live.dirty_buckets.append(bucket)
