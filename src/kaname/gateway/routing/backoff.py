"""How long to wait before another attempt, and whether a target may be retried at all.

`Backoff` is full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"). What an upstream asked for is a
floor *under* the jitter, never a replacement: callers who were all told "one second" must not come back in the same
instant. `RetryBudget` bounds how much a failing target's load can grow by retries. Neither counts the attempts of a
request nor knows its deadline's owner; that is one budget per request, held by the attempt loop.
"""

from dataclasses import dataclass
from random import Random

_SLOTS = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Full jitter: attempt n (from 0) waits a uniform share of `min(cap, base * 2**n)`."""

    base_s: float = 0.25
    cap_s: float = 5.0

    def wait_s(self, attempt: int, rng: Random, retry_after_s: float | None = None) -> float:
        """Return the wait before retry number `attempt` (from 0), at least `retry_after_s`."""
        ceiling_s = self.cap_s if attempt > 32 else min(self.cap_s, self.base_s * (1 << attempt))
        wait_s = ceiling_s * rng.random()
        return wait_s if retry_after_s is None else retry_after_s + wait_s

    def wait_within_s(self, attempt: int, rng: Random, retry_after_s: float | None, left_s: float) -> float | None:
        """Return the wait, or None when what the upstream asked for doesn't fit in `left_s`.

        On None the caller goes to its fallback and cools the key. A jittered wait is shortened rather than refused,
        down to the floor: the upstream's wish fits, so only our own politeness would spend the deadline.
        """
        floor_s = retry_after_s or 0.0
        if floor_s >= left_s:
            return None
        wait_s = self.wait_s(attempt, rng, retry_after_s)
        return wait_s if wait_s < left_s else floor_s + (left_s - floor_s) * 0.5 * rng.random()


class RetryBudget:
    """At most `share` of a target's requests over 10 s may be retries, and at least `least` of them always.

    Counts lie in one-second buckets. Retries are summed over 10 to 11 s and requests over 9 to 10 s, so the bound
    holds for every exact window that ends in a grant. The clock is monotonic seconds; a step back counts in the
    current bucket.
    """

    __slots__ = ("_least", "_requests", "_requests_total", "_retries", "_retries_total", "_second", "_share")

    def __init__(self, *, share: float = 0.2, least: int = 3) -> None:
        self._share = share
        self._least = least
        self._second = -1
        self._requests = [0] * _SLOTS
        self._retries = [0] * _SLOTS
        self._requests_total = 0
        self._retries_total = 0

    def count_request(self, now: float) -> None:
        """Count a first attempt."""
        second = int(now)
        if second > self._second:
            self._advance(second)
        self._requests[self._second % _SLOTS] += 1
        self._requests_total += 1

    def try_retry(self, now: float) -> bool:
        """Take one retry out of the budget; False when it is used up."""
        second = int(now)
        if second > self._second:
            self._advance(second)
        if self._retries_total >= self._least and self._retries_total + 1 > self._share * self._requests_total:
            return False
        self._retries[self._second % _SLOTS] += 1
        self._retries_total += 1
        return True

    def _advance(self, second: int) -> None:
        """Move to `second`: empty the buckets that left; of the eleven, the oldest holds no counted requests."""
        for passed in range(max(self._second + 1, second - _SLOTS + 1), second + 1):
            slot = passed % _SLOTS
            self._retries_total -= self._retries[slot]
            self._retries[slot] = 0
            self._requests[slot] = 0
        self._second = second
        oldest = (second + 1) % _SLOTS
        self._requests_total = sum(self._requests) - self._requests[oldest]
