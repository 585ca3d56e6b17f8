"""95 % confidence intervals of what scores are summed up to.

Deliberately not here: comparisons between groups and power; this is what a number needs to be shown at all.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


class Interval(NamedTuple):
    """Both ends; low ≤ high."""

    low: float
    high: float


def wilson_interval(successes: int, n: int) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927, JASA 22:209), within [0, 1]. n ≥ 1.

    >>> [round(x, 4) for x in wilson_interval(8, 10)]
    [0.4902, 0.9433]
    """
    p = successes / n
    z2 = _Z * _Z / n
    middle = (p + z2 / 2) / (1 + z2)
    half = _Z / (1 + z2) * math.sqrt(p * (1 - p) / n + z2 / (4 * n))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def mean_interval(mean: float, deviation: float, n: int) -> Interval | None:
    """Student's interval of a mean from the sample standard deviation; None for n < 2, where there is none."""
    if n < 2 or not math.isfinite(deviation):
        return None
    half = student_quantile(n - 1) * deviation / math.sqrt(n)
    return Interval(mean - half, mean + half)


def student_quantile(degrees: int) -> float:
    """The two-sided 95 % point of Student's t, to four digits (Hill 1970, CACM algorithm 396).

    >>> [round(student_quantile(d), 3) for d in (1, 2, 5, 30, 1000)]
    [12.706, 4.303, 2.571, 2.042, 1.962]
    """
    p, n = 1 - CONFIDENCE, float(degrees)
    if degrees == 1:
        return math.cos(p * math.pi / 2) / math.sin(p * math.pi / 2)
    if degrees == 2:
        return math.sqrt(2 / (p * (2 - p)) - 2)
    a = 1 / (n - 0.5)
    b = 48 / (a * a)
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * n
    y = (d * p) ** (2 / n)
    if y > 0.05 + a:
        x = NormalDist().inv_cdf(p / 2)
        y = x * x
        if degrees < 5:
            c += 0.3 * (n - 4.5) * (x + 0.6)
        c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c
        y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
        y = math.expm1(a * y * y)
    else:
        y = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * (n + 1) / (
            n + 2
        ) + 1 / y
    return math.sqrt(n * y)
