"""What is left of limits, as a refusal tells it: in the headers beside `retry-after`.

The names are the headers' own: requests and tokens a minute, calls at once (`concurrency`), and dollars (`budget`).
"""

from collections.abc import Sequence
from typing import NamedTuple

from kaname.gateway.limits.budget_state import BudgetState
from kaname.gateway.limits.gcra import Gcra
from kaname.gateway.limits.meters import Meter
from kaname.kernel.errors import QuotaExceededError, RateLimitedError
from kaname.kernel.money import from_nano


class Left(NamedTuple):
    """One limit. `reset_s`: until all of it is free again; None when that depends on other calls."""

    kind: str
    limit: str
    remaining: str
    reset_s: float | None


class RateReachedError(RateLimitedError):
    """A rate refused a call."""

    default_code = "rate_limit_exceeded"
    left: Sequence[Left] = ()


class BudgetReachedError(QuotaExceededError):
    """A budget, or the most that one call may cost, refused a call."""

    default_code = "insufficient_quota"
    left: Sequence[Left] = ()


def tighter(one: Gcra | None, other: Gcra | None, now: float) -> Gcra | None:
    """The bucket with less left."""
    if one is None or other is None:
        return other if one is None else one
    return other if other.remaining(now) < one.remaining(now) else one


def rates_left(meters: Sequence[Meter], now: float, refusing: Meter | None = None) -> list[Left]:
    """Requests and tokens: those that refused, else those closest to refusing. `now` is monotonic."""
    requests = tokens = None
    for meter in meters if refusing is None else (refusing, *meters):
        requests = tighter(requests, meter.requests, now)
        tokens = tighter(tokens, meter.tokens, now)
    found = [_bucket_left(kind, b, now) for kind, b in (("requests", requests), ("tokens", tokens)) if b is not None]
    if refusing is not None and (slots := refusing.slots).running + slots.elsewhere >= slots.limit:
        found.append(Left("concurrency", str(slots.limit), "0", None))
    return found


def budget_left(state: BudgetState, wall_s: float) -> Left:
    """Dollars of the present window, without what running calls hold."""
    remaining = max(0, state.limit - state.used)
    return Left("budget", dollars(state.limit), dollars(remaining), state.ends_s - wall_s)


def dollars(nano: int) -> str:
    """An amount as people write it."""
    return format(from_nano(nano).normalize(), "f")


def _bucket_left(kind: str, bucket: Gcra, now: float) -> Left:
    return Left(kind, str(bucket.limit), str(bucket.remaining(now)), bucket.full_in_s(now))
