"""The attempts of one call: which target and key first, and what follows a failure, until an answer can begin.

One budget of attempts and one deadline hold for the whole route. Before the first content event reaches the client a
failed attempt may be followed by another; after it the target isn't changed. When everything failed the client gets the
first target's error, with the least wait that any of them asked for. What a failure allows is in `failure.py`.
Every attempt is reported exactly once to its target's load and its key's breaker.
"""

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from kaname.gateway.config import RetryPolicy
from kaname.gateway.failure import AttemptFailedError, FailureKind
from kaname.gateway.health import KeyHealth, TargetHealth
from kaname.gateway.model import AttemptRecord
from kaname.gateway.openai_errors import ErrorReply, WireError
from kaname.gateway.plan import Choice, Plan
from kaname.gateway.planned_target import PlannedTarget, UsableKey
from kaname.gateway.routing.backoff import Backoff
from kaname.gateway.routing.balance import TargetLoad, cheapest, fastest, pick
from kaname.kernel.errors import UnavailableError

MAX_ATTEMPTS = 16
_REPEATABLE: frozenset[FailureKind] = frozenset({"transient", "timeout", "rate_limited", "credentials"})
_WAITS: frozenset[FailureKind] = frozenset({"transient", "rate_limited"})
_COUNTS: frozenset[FailureKind] = frozenset({"transient", "timeout"})

_NONE_DEAD: frozenset[str] = frozenset()

PriceOf = Callable[[PlannedTarget], float | None]
Allowed = Callable[[PlannedTarget], bool]


class CallFailedError(Exception):
    """Every attempt failed; `reply` is what the client gets. Never leaves the gateway."""

    def __init__(self, reply: ErrorReply) -> None:
        super().__init__(reply.code)
        self.reply = reply


class Candidate(NamedTuple):
    """A target and key to try at a time (of the loop's clock)."""

    target: PlannedTarget
    key: UsableKey
    at: float


class LiveAttempt:
    """One attempt under way. `succeeded`, `failed` or `proved_nothing` is called once, `close` at the very end."""

    __slots__ = ("_began", "_key", "_latency_s", "_ok", "_target", "record")

    def __init__(self, candidate: Candidate, record: AttemptRecord, now: float) -> None:
        target: TargetHealth = candidate.target.health
        key: KeyHealth = candidate.key.health
        self.record = record
        self._target = target
        self._key = key
        # A timer may fire a little early; the breaker let the call out for `at` and ignores results from before.
        self._began = began = max(now, candidate.at)
        self._latency_s = 0.0
        self._ok: bool | None = None
        target.load.in_flight += 1
        target.requests += 1
        key.requests += 1
        key.last_used = began

    def succeeded(self, now: float) -> None:
        """An answer, or its first content, is here."""
        self._latency_s = now - self._began
        self._ok = True
        self._key.breaker.succeed(now, self._began)

    def failed(self, now: float, failure: AttemptFailedError) -> None:
        """It led to nothing."""
        self._latency_s = now - self._began
        breaker = self._key.breaker
        if failure.kind in _COUNTS:
            self._ok = False
            self._target.errors += 1
            breaker.fail(now, self._began)
        elif failure.kind == "rate_limited":
            breaker.cool(now, failure.retry_after_s, self._began)
        else:
            breaker.release(self._began)

    def failed_late(self, now: float) -> None:
        """A stream broke after it had begun."""
        if self._ok:
            self._ok = False
            self._target.errors += 1
            self._key.breaker.fail(now, self._began)

    def close(self, now: float) -> None:
        """Ends its place among the calls in flight."""
        self.record.duration_ns = time.time_ns() - self.record.start_ns
        if self._ok is None:
            self._target.load.abandon()
            if not self._latency_s:
                self._key.breaker.release(self._began)
        else:
            self._target.load.end(now, self._latency_s, self._ok)
            self._target.traffic.count(now, self._latency_s, self._ok)


def only_candidate(choice: Choice, now: float) -> Candidate | None:
    """Where a call goes that has but one place to go at first: nearly all of them, and they need no `Attempts`."""
    if len(choice.primary) != 1:
        return None
    target = choice.primary[0]
    key = target.usable_key(now, _NONE_DEAD, last_resort=True)
    if key is None:
        return None
    target.health.retries.count_request(now)
    return Candidate(target, key, now)


class Attempts:
    """What is left to try for one call."""

    __slots__ = (
        "_allowed", "_choice", "_dead", "_failures", "_groups", "_last", "_left", "_policy", "_price_of", "_queue",
        "_retries", "_rng", "_tried", "count",
    )  # fmt: skip

    def __init__(
        self,
        plan: Plan,
        choice: Choice,
        rng: Random,
        *,
        allowed: Allowed | None = None,
        price_of: PriceOf | None = None,
    ) -> None:
        self._policy: RetryPolicy = plan.route.retry
        self._choice = choice
        self._rng = rng
        self._allowed = allowed
        self._price_of = price_of
        self._queue: list[Sequence[PlannedTarget]] = []
        self._groups: Sequence[PlannedTarget] = choice.primary
        self._tried: set[str] = set()
        self._dead: dict[str, frozenset[str]] = {}
        self._failures: list[tuple[PlannedTarget, AttemptFailedError]] = []
        self._last: tuple[PlannedTarget, UsableKey] | None = None
        self._retries = 0
        self._left = MAX_ATTEMPTS
        self.count = 0

    def resume(self, candidate: Candidate) -> None:
        """Goes on after `only_candidate`."""
        self._queue = [[target] for target in self._choice.step.fallback]
        self._took(candidate.target, candidate.key, candidate.at)

    def first(self, now: float) -> Candidate:
        """Where the call goes first; raises UnavailableError (`no_healthy_target`) when nothing may be called."""
        self._queue = [[target] for target in self._choice.step.fallback]
        candidate = self._from_group(now) or self._from_queue(now)
        if candidate is None:
            raise self._nothing_healthy(now)
        candidate.target.health.retries.count_request(now)
        return candidate

    def after(self, failure: AttemptFailedError, now: float, deadline: float) -> Candidate:
        """What follows a failure; raises CallFailedError when nothing does."""
        assert self._last is not None
        target, key = self._last
        self._failures.append((target, failure))
        if failure.kind == "credentials":
            self._dead[target.name] = self._dead.get(target.name, frozenset()) | {key.key.name}
        candidate = self._follow(failure, target, now, deadline) if self._left > 0 else None
        if candidate is None:
            raise CallFailedError(self._error(now))
        return candidate

    # ---- choosing

    def _follow(
        self, failure: AttemptFailedError, target: PlannedTarget, now: float, deadline: float
    ) -> Candidate | None:
        kind = failure.kind
        if kind in ("context", "content"):
            step = self._choice.step
            own = step.context_fallback if kind == "context" else step.content_fallback
            self._groups, self._queue = (), [[t] for t in own if t.name not in self._tried]
            return self._from_queue(now)
        if kind == "permanent":
            return None
        if kind in _REPEATABLE and (repeated := self._repeat(failure, target, now, deadline)) is not None:
            return repeated
        if kind == "unsupported":
            others = [t for t in self._groups if t.name not in self._tried]
            if others and (candidate := self._take(others, now)) is not None:
                return candidate
        return self._from_queue(now)

    def _repeat(
        self, failure: AttemptFailedError, target: PlannedTarget, now: float, deadline: float
    ) -> Candidate | None:
        """Another try within the present group: another key, another of the equals, or the same again."""
        if failure.kind == "credentials":
            key = self._key_of(target, now)
            if key is not None:
                return self._took(target, key, now)
        elif failure.kind == "rate_limited" and self._retries < self._policy.max:
            key = self._key_of(target, now)
            if key is not None:
                self._retries += 1
                wait_s = Backoff(base_s=self._policy.base_s, cap_s=self._policy.cap_s).wait_s(0, self._rng)
                return self._took(target, key, now + wait_s)
        others = [t for t in self._groups if t.name not in self._tried]
        if others and self._retries < self._policy.max:
            candidate = self._take(others, now)
            if candidate is not None:
                self._retries += 1
                return candidate
        if failure.kind == "credentials" or self._retries >= self._policy.max:
            return None
        return self._same_again(failure, target, now, deadline)

    def _same_again(
        self, failure: AttemptFailedError, target: PlannedTarget, now: float, deadline: float
    ) -> Candidate | None:
        if failure.kind == "timeout" and self._queue:
            return None
        wished_s = failure.retry_after_s if self._policy.honor_retry_after else None
        wait_s: float | None = 0.0
        if failure.kind in _WAITS:
            backoff = Backoff(base_s=self._policy.base_s, cap_s=self._policy.cap_s)
            wait_s = backoff.wait_within_s(self._retries, self._rng, wished_s, deadline - now)
            if wait_s is None or (wished_s is not None and wished_s > self._policy.cap_s):
                return None  # too long a wait: the fallback, or the client, is the better place for it
        if not target.health.retries.try_retry(now):
            return None
        key = self._key_of(target, now + wait_s)
        if key is None:
            return None
        self._retries += 1
        return self._took(target, key, now + wait_s)

    def _from_group(self, now: float) -> Candidate | None:
        return self._take(self._groups, now)

    def _from_queue(self, now: float) -> Candidate | None:
        while self._queue:
            group = self._queue.pop(0)
            candidate = self._take(group, now)
            if candidate is not None:
                self._groups = group
                return candidate
        return None

    def _take(self, targets: Sequence[PlannedTarget], now: float) -> Candidate | None:
        """The best of some equals that may be called now."""
        allowed = self._allowed
        rest = list(targets) if allowed is None else [target for target in targets if allowed(target)]
        while rest:
            target = rest.pop(self._pick(rest, now)) if len(rest) > 1 else rest.pop()
            key = self._key_of(target, now, last_resort=not rest)
            if key is not None:
                return self._took(target, key, now)
        return None

    def _pick(self, targets: Sequence[PlannedTarget], now: float) -> int:
        loads: list[TargetLoad] = [target.health.load for target in targets]
        choose = self._choice.step.step.choose
        if choose == "cheapest" and self._price_of is not None:
            return cheapest([self._price_of(target) for target in targets], self._rng)
        if choose == "fastest":
            return fastest(loads, now, self._rng)
        weights = [target.target.weight for target in targets]
        return pick(loads, now, self._rng, weights if len(set(weights)) > 1 else None)

    def _key_of(self, target: PlannedTarget, now: float, *, last_resort: bool = True) -> UsableKey | None:
        return target.usable_key(now, self._dead.get(target.name, frozenset()), last_resort=last_resort)

    def _took(self, target: PlannedTarget, key: UsableKey, at: float) -> Candidate:
        self._tried.add(target.name)
        self._last = (target, key)
        self._left -= 1
        self.count += 1
        return Candidate(target, key, at)

    # ---- giving up

    def _nothing_healthy(self, now: float) -> UnavailableError:
        targets = [*self._choice.primary, *self._choice.step.fallback]
        wait_s = min((target.retry_after_s(now) for target in targets), default=1.0)
        return UnavailableError(
            "none of the model's targets can be called now", hint="They failed or are at their limits; try later.",
            code="no_healthy_target", retry_after_s=max(wait_s, 1.0),
        )  # fmt: skip

    def _error(self, now: float) -> ErrorReply:
        """The first target's last error, with the least wait that any target asked for."""
        primary = self._failures[0][0]
        reply = next(failure.reply for target, failure in reversed(self._failures) if target is primary)
        waits = [f.retry_after_s for _, f in self._failures if f.retry_after_s is not None]
        if isinstance(reply, WireError) and reply.status in (429, 503) and waits:
            kept = [(name, value) for name, value in reply.headers if name not in (b"retry-after", b"retry-after-ms")]
            return reply._replace(headers=[*kept, (b"retry-after", b"%d" % max(1, round(min(waits))))])
        return reply
