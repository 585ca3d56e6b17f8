"""Which of several equal targets gets a call: by observed latency and calls in flight, by price, or by speed.

`TargetLoad` is a peak-EWMA of latency (Finagle's balancer: a slow answer counts at once, a fast one gradually) times
the calls in flight, divided by the share of calls that worked, because a target that fails at once looks fast. It is
an ordering, not a limit: who may be called at all is the breaker's to say. Clock: monotonic seconds. For streams hand
in the time to the first token; the length of an answer says nothing about the target.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import exp
from random import Random

_WORST_SUCCESS_SHARE = 0.05
_LEAST_SHARE = 1e-9


class TargetLoad:
    """What is known of one target's latency, failures and calls in flight."""

    __slots__ = ("_decay_s", "_failing", "_latency_s", "_stamp", "in_flight")

    def __init__(self, *, decay_s: float = 10.0, assumed_latency_s: float = 1.0) -> None:
        self._decay_s = decay_s
        self._latency_s = assumed_latency_s
        self._failing = 0.0
        self._stamp = float("-inf")
        self.in_flight = 0

    def begin(self) -> None:
        """Count a call that goes out."""
        self.in_flight += 1

    def abandon(self) -> None:
        """Count a call that ended without saying anything about the target."""
        self.in_flight -= 1

    def end(self, now: float, latency_s: float, ok: bool) -> None:
        """Count a call that came back (or failed) after `latency_s`."""
        self.in_flight -= 1
        kept = self._kept(now)
        fresh = 1.0 - kept
        if latency_s > self._latency_s:
            self._latency_s = latency_s
        elif ok:
            self._latency_s = self._latency_s * kept + latency_s * fresh
        self._failing = self._failing * kept + (0.0 if ok else fresh)
        self._stamp = now

    @property
    def latency_s(self) -> float | None:
        """The averaged latency; None before the first call came back."""
        return None if self._stamp == float("-inf") else self._latency_s

    def score(self, now: float, share: float = 1.0) -> float:
        """Return the cost of sending a call here; less is better. `share`: this target's weight over the greatest one.

        An idle target's past fades, so that it is tried again; the call in flight that tries it brings the past back,
        so that a burst doesn't follow it before its answer is known.
        """
        kept = self._kept(now)
        worked = max(_WORST_SUCCESS_SHARE, 1.0 - self._failing * kept)
        if self.in_flight == 0:
            return self._latency_s * kept / worked
        return self._latency_s * (1.0 + self.in_flight / max(share, _LEAST_SHARE)) / worked

    def _kept(self, now: float) -> float:
        return exp(min(0.0, (self._stamp - now) / self._decay_s))


def pick(
    candidates: Sequence[TargetLoad],
    now: float,
    rng: Random,
    weights: Sequence[float] | None = None,
    *,
    margin: float = 1.25,
) -> int:
    """Return the index of the better of two candidates drawn by weight (Mitzenmacher 2001, power of two choices).

    The one drawn first stays unless the other is better by `margin`: among targets that do about equally well the
    weights hold, a clearly slower, busier or failing one gives way. A weight of 0 is drawn only when there is no
    other.
    """
    count = len(candidates)
    if count == 1:
        return 0
    if weights is None:
        first = int(rng.random() * count)
        second = int(rng.random() * (count - 1))
        second += second >= first
        first_score = candidates[first].score(now)
        return second if candidates[second].score(now) * margin < first_score else first
    first = _draw(weights, rng)
    rest = list(weights)
    rest[first] = 0.0
    second = _draw(rest, rng)
    if second == first or weights[second] <= 0:
        return first
    greatest = max(weights)
    first_score = candidates[first].score(now, weights[first] / greatest)
    second_score = candidates[second].score(now, weights[second] / greatest)
    return second if second_score * margin < first_score else first


def cheapest(prices: Sequence[float | None], rng: Random) -> int:
    """Return the index of the least price; an unknown price comes last, equals are drawn evenly."""
    known = [price for price in prices if price is not None]
    least = min(known) if known else None
    equals = [index for index, price in enumerate(prices) if price == least]
    return equals[int(rng.random() * len(equals))]


def fastest(candidates: Sequence[TargetLoad], now: float, rng: Random) -> int:
    """Return the index of the least score over all candidates; equals are drawn evenly."""
    scores = [candidate.score(now) for candidate in candidates]
    least = min(scores)
    equals = [index for index, score in enumerate(scores) if score == least]
    return equals[int(rng.random() * len(equals))]


def _draw(weights: Sequence[float], rng: Random) -> int:
    """Draw an index by weight; evenly when all are 0."""
    sums = list(accumulate(weights))
    point = rng.random() * sums[-1]
    for index, upto in enumerate(sums):
        if point < upto:
            return index
    if sums[-1] > 0:  # rounded up to the sum
        return max(index for index, weight in enumerate(weights) if weight > 0)
    return int(rng.random() * len(sums))
