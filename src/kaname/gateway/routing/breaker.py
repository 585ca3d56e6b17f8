"""A circuit breaker for one (target, key): who may be called now, who only as a probe, and who not yet.

    closed ──failures──▶ open ──cool-down over──▶ half-open (one probe) ──success──▶ ramping ──▶ closed
                           ▲                            │ failure                       │ failures
                           └────── longer cool-down ◀───┴───────────────────────────────┘

It is not told what a failure is: bad requests (4xx) are never reported to it, a 429 is `cool`, and keys that died
(401, 402, 403) are the attempt loop's matter. Invariants: while open nothing is allowed; while half-open one call is;
a result counts only if its call began in the present state, so that stragglers from before an opening neither close
nor reopen it. Clock: monotonic seconds.
"""

from dataclasses import dataclass
from random import Random
from typing import Literal

BreakerState = Literal["closed", "cooling", "open", "half_open", "ramping"]

_CLOSED, _OPEN, _PROBING, _RAMPING = range(4)
_STATE_NAMES: tuple[BreakerState, ...] = ("closed", "open", "half_open", "ramping")
_BUCKETS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """When a breaker opens and how it comes back."""

    failure_share: float = 0.5
    min_calls: int = 20
    window_s: float = 30.0
    consecutive_failures: int = 5
    first_cooldown_s: float = 1.0
    max_cooldown_s: float = 60.0
    probe_lease_s: float = 60.0
    """A probe whose result never came gives its place to the next one after this long."""
    ramp_s: float = 10.0
    ramp_first_share: float = 0.1
    ramp_min_calls: int = 4
    """While ramping, `failure_share` is judged from this few calls: the target has just been down."""
    rate_limit_cool_s: float = 1.0
    """How long a 429 without Retry-After rests its key."""


_DEFAULTS = BreakerSettings()


class Breaker:
    """One (target, key). Ask `allow`, then report exactly one of `succeed`, `fail`, `release` or `cool`."""

    __slots__ = (
        "_bucket",
        "_calls",
        "_consecutive",
        "_cooled_until",
        "_credit",
        "_era",
        "_failures",
        "_open_until",
        "_openings",
        "_phase",
        "_ramp_from",
        "_rng",
        "_settings",
        "_slot_s",
        "_window_calls",
        "_window_failures",
    )

    def __init__(self, rng: Random, settings: BreakerSettings = _DEFAULTS) -> None:
        self._settings = settings
        self._rng = rng
        self._slot_s = settings.window_s / _BUCKETS
        self._phase = _CLOSED
        self._era = float("-inf")
        self._cooled_until = float("-inf")
        self._open_until = 0.0
        self._openings = 0
        self._ramp_from = 0.0
        self._credit = 0.0
        self._clear_window()

    def allow(self, now: float, *, last_resort: bool = False) -> bool:
        """Say whether a call may go out now; half-open, a True is the probe's place and must be reported on.

        `last_resort` passes calls over the ramped share: for a caller with no other target a half-trusted one beats a
        503.
        """
        if now < self._cooled_until:
            return False
        if self._phase == _CLOSED:
            return True
        return self._allow_returning(now, last_resort)

    def succeed(self, now: float, began: float) -> None:
        """Report that the call allowed at `began` worked."""
        if began < self._era or self._phase == _OPEN:
            return
        if self._phase == _PROBING:
            self._enter(_RAMPING, now)
            self._ramp_from = now
            self._credit = 0.0
            self._clear_window()
            return
        self._consecutive = 0
        self._count(now, 0)

    def fail(self, now: float, began: float) -> None:
        """Report that the call allowed at `began` failed in a way that is the target's fault."""
        if began < self._era or self._phase == _OPEN:
            return
        if self._phase == _PROBING:
            self._open(now)
            return
        self._consecutive += 1
        self._count(now, 1)
        settings = self._settings
        min_calls = settings.ramp_min_calls if self._phase == _RAMPING else settings.min_calls
        if self._consecutive >= settings.consecutive_failures or (
            self._window_calls >= min_calls and self._window_failures >= settings.failure_share * self._window_calls
        ):
            self._open(now)

    def release(self, began: float) -> None:
        """Report that the call allowed at `began` proved nothing (bad request, client left); a place is freed."""
        if self._phase == _PROBING and began >= self._era:
            self._phase = _OPEN

    def cool(self, now: float, seconds: float | None, began: float) -> None:
        """Rest this key after a 429: it is no failure, and only a longer wish moves the end."""
        wait_s = self._settings.rate_limit_cool_s if seconds is None else seconds
        self._cooled_until = max(self._cooled_until, now + wait_s)
        self.release(began)

    def retry_after_s(self, now: float) -> float:
        """Return how long until a call may be allowed again; 0 when one may be now."""
        wait_s = self._cooled_until - now
        if self._phase == _OPEN:
            wait_s = max(wait_s, self._open_until - now)
        elif self._phase == _PROBING:
            # The probe may come back any moment; the cool-down it was let out of is the best guess at a useful wait.
            wait_s = max(wait_s, self._settings.first_cooldown_s)
        return max(0.0, wait_s)

    def state(self, now: float) -> BreakerState:
        """Return the state to show; an open breaker whose cool-down is over is half-open."""
        if self._phase == _OPEN and now >= self._open_until:
            return "half_open"
        if self._phase == _RAMPING and now >= self._ramp_from + self._settings.ramp_s:
            return "cooling" if now < self._cooled_until else "closed"
        if self._phase == _CLOSED and now < self._cooled_until:
            return "cooling"
        return _STATE_NAMES[self._phase]

    def _allow_returning(self, now: float, last_resort: bool) -> bool:
        settings = self._settings
        if self._phase == _OPEN:
            if now < self._open_until:
                return False
            self._enter(_PROBING, now)
            return True
        if self._phase == _PROBING:
            if now < self._era + settings.probe_lease_s:
                return False
            self._era = now
            return True
        ramped = (now - self._ramp_from) / settings.ramp_s
        if ramped >= 1.0:
            self._phase = _CLOSED
            self._openings = 0
            return True
        # A running sum instead of a draw: at a tenth of the traffic every tenth call passes, however few there are.
        self._credit += max(settings.ramp_first_share, ramped)
        if self._credit >= 1.0:
            self._credit -= 1.0
            return True
        return last_resort

    def _open(self, now: float) -> None:
        settings = self._settings
        cooldown_s = min(settings.max_cooldown_s, settings.first_cooldown_s * (1 << min(self._openings, 16)))
        # Processes that saw the same outage shouldn't probe together; jitter only shortens, so that the cap is a cap.
        self._open_until = now + cooldown_s * (0.8 + 0.2 * self._rng.random())
        self._openings += 1
        self._enter(_OPEN, now)
        self._clear_window()

    def _enter(self, phase: int, now: float) -> None:
        self._phase = phase
        self._era = now

    def _clear_window(self) -> None:
        self._bucket = -1
        self._calls = [0] * _BUCKETS
        self._failures = [0] * _BUCKETS
        self._window_calls = 0
        self._window_failures = 0
        self._consecutive = 0

    def _count(self, now: float, failures: int) -> None:
        bucket = int(now / self._slot_s)
        if bucket > self._bucket:
            for passed in range(max(self._bucket + 1, bucket - _BUCKETS + 1), bucket + 1):
                slot = passed % _BUCKETS
                self._window_calls -= self._calls[slot]
                self._window_failures -= self._failures[slot]
                self._calls[slot] = self._failures[slot] = 0
            self._bucket = bucket
        slot = self._bucket % _BUCKETS
        self._calls[slot] += 1
        self._window_calls += 1
        self._failures[slot] += failures
        self._window_failures += failures
