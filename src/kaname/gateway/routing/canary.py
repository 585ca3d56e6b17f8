"""A canary's next step: advance, hold or roll back, from what both arms did. Pure; who acts on it is not here.

The new arm takes 1, 5, 25, 50, then 100 % of the calls. At each step every guard compares it with the stable arm on
the calls of that step only, and says *harmed* when the whole interval of the difference lies beyond what is
tolerated, *clear* when the whole interval lies within, else *inconclusive*. One harmed guard rolls back; all clear
advances; anything else holds. So a step is never passed for want of evidence: too few calls hold, however good they
look. Rolled back and finished are final.

Rates: Newcombe's interval of a difference from two Wilson intervals (Newcombe 1998, method 10). p95, cost and score:
percentile bootstrap (Efron 1979) of the ratio or difference, seeded, so that the same observations give the same
decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, sqrt
from random import Random
from statistics import NormalDist, fmean
from typing import Literal, NamedTuple

from kaname.kernel.errors import ConfigurationError

Action = Literal["advance", "hold", "rollback"]
Finding = Literal["harmed", "clear", "inconclusive"]
GuardName = Literal["error_rate", "p95_latency", "cost", "score"]
Phase = Literal["running", "rolled_back", "finished"]

STEPS = (1, 5, 25, 50, 100)

_RESAMPLES = 1000
_GROUPS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """How much worse than the stable arm the canary may be.

    `tolerance` is a difference for error_rate (0.01: one point) and score (0.02: that much lower), and a ratio for
    p95_latency and cost (0.1: a tenth more).
    """

    metric: GuardName
    tolerance: float
    min_n: int = 100
    name: str = ""
    """Of the feedback, for `score`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CanarySettings:
    """The plan of one canary. `level` is that of each interval, two-sided."""

    guards: Sequence[Guard] = (
        Guard(metric="error_rate", tolerance=0.01),
        Guard(metric="p95_latency", tolerance=0.2),
    )
    steps: Sequence[int] = STEPS
    level: float = 0.95
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryState:
    """Where a canary stands: the index of its step, and whether it is over."""

    step: int = 0
    phase: Phase = "running"

    def share(self, settings: CanarySettings) -> float:
        """Return the canary's share of the calls, 0 to 1."""
        if self.phase == "rolled_back":
            return 0.0
        return 1.0 if self.phase == "finished" else settings.steps[self.step] / 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmObservations:
    """What one arm did during the present step. The sequences may be samples; each has its own length."""

    calls: int = 0
    errors: int = 0
    latencies_s: Sequence[float] = field(default_factory=tuple[float, ...])
    costs: Sequence[float] = field(default_factory=tuple[float, ...])
    scores: Sequence[float] = field(default_factory=tuple[float, ...])


class GuardResult(NamedTuple):
    """What a guard found; `low` and `high` bound how much worse the canary is, None with too few calls."""

    metric: GuardName
    finding: Finding
    low: float | None
    high: float | None
    n: int
    reason: str


class Decision(NamedTuple):
    """What to do, the state that follows from it, and every guard's finding."""

    action: Action
    state: CanaryState
    results: list[GuardResult]


def check_canary(settings: CanarySettings) -> None:
    """Raise ConfigurationError for a plan that can't be followed."""
    steps = list(settings.steps)
    if not steps or steps != sorted(set(steps)) or steps[0] < 1 or steps[-1] != 100:
        raise ConfigurationError(
            f"The steps of a canary can't be {steps!r}",
            hint="Give rising percentages that end with 100, for example [1, 5, 25, 50, 100].",
            code="invalid_canary",
        )
    if not settings.guards or any(
        not 0 <= guard.tolerance < float("inf") or guard.min_n < 20 for guard in settings.guards
    ):
        raise ConfigurationError(
            f"The guards of a canary can't be {list(settings.guards)!r}",
            hint="Give at least one guard, tolerances of 0 or more, and min_n of 20 or more.",
            code="invalid_canary",
        )
    if not 0.5 <= settings.level < 1:
        raise ConfigurationError(
            f"The level of a canary can't be {settings.level!r}", hint="Usual is 0.95.", code="invalid_canary"
        )


def decide(state: CanaryState, stable: ArmObservations, canary: ArmObservations, settings: CanarySettings) -> Decision:
    """Return what to do after the present step's observations.

    Every look may err by chance, so look when the calls have grown by a half, not at every call.

    At the last step there is no stable arm left to compare with at the same time, so the observations of the step
    before stand for it: the caller keeps handing those in.
    """
    if state.phase != "running":
        return Decision("hold", state, [])
    results = [_judge(guard, stable, canary, settings) for guard in settings.guards]
    findings = {result.finding for result in results}
    if "harmed" in findings:
        return Decision("rollback", replace(state, phase="rolled_back"), results)
    if "inconclusive" in findings:
        return Decision("hold", state, results)
    if state.step + 1 < len(settings.steps):
        return Decision("advance", replace(state, step=state.step + 1), results)
    return Decision("advance", replace(state, phase="finished"), results)


def _judge(guard: Guard, stable: ArmObservations, canary: ArmObservations, settings: CanarySettings) -> GuardResult:
    if guard.metric == "error_rate":
        n = min(stable.calls, canary.calls)
        bounds = None
        if n >= guard.min_n:
            bounds = rate_difference(canary.errors, canary.calls, stable.errors, stable.calls, level=settings.level)
    else:
        before, after = _values(guard.metric, stable), _values(guard.metric, canary)
        n = min(len(before), len(after))
        bounds = None
        if n >= guard.min_n:
            bounds = _bootstrap(guard.metric, before, after, settings)
    if bounds is None:
        return GuardResult(guard.metric, "inconclusive", None, None, n, f"{n} of {guard.min_n} observations")
    low, high = bounds
    finding: Finding = "inconclusive"
    if low > guard.tolerance:
        finding = "harmed"
    elif high <= guard.tolerance:
        finding = "clear"
    return GuardResult(
        guard.metric, finding, low, high, n, f"{low:+.4g} to {high:+.4g} worse, {guard.tolerance:.4g} tolerated"
    )


def _values(metric: GuardName, arm: ArmObservations) -> Sequence[float]:
    values: Mapping[GuardName, Sequence[float]] = {
        "p95_latency": arm.latencies_s,
        "cost": arm.costs,
        "score": arm.scores,
    }
    return values[metric]


def wilson(successes: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a rate (Wilson 1927); n must be above 0."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    rate = successes / n
    centre = rate + z * z / (2 * n)
    reach = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def rate_difference(
    successes: int, n: int, base_successes: int, base_n: int, *, level: float = 0.95
) -> tuple[float, float]:
    """Return Newcombe's interval of `successes / n - base_successes / base_n`."""
    low, high = wilson(successes, n, level=level)
    base_low, base_high = wilson(base_successes, base_n, level=level)
    rate, base = successes / n, base_successes / base_n
    apart = rate - base
    return (
        apart - sqrt((rate - low) ** 2 + (base_high - base) ** 2),
        apart + sqrt((high - rate) ** 2 + (base - base_low) ** 2),
    )


def _bootstrap(
    metric: GuardName, before: Sequence[float], after: Sequence[float], settings: CanarySettings
) -> tuple[float, float]:
    """Return the interval of how much worse `after` is."""
    rng = Random(settings.seed)  # noqa: S311  # repeatable on purpose, protects nothing
    draw = _draw_p95 if metric == "p95_latency" else _draw_mean
    prepare = sorted if metric == "p95_latency" else _group_means
    first, second = prepare(before), prepare(after)
    worse: list[float] = []
    for _ in range(_RESAMPLES):
        base, now = draw(first, rng), draw(second, rng)
        if metric == "score":
            worse.append(base - now)
        elif base > 0:
            worse.append(now / base - 1)
        else:
            # Free before: anything above 0 is worse without bound, 0 is the same.
            worse.append(float("inf") if now > 0 else 0.0)
    worse.sort()
    tail = (1 - settings.level) / 2
    return worse[int(tail * _RESAMPLES)], worse[ceil((1 - tail) * _RESAMPLES) - 1]


def _group_means(values: Sequence[float]) -> list[float]:
    """Return the means of up to `_GROUPS` equal groups: cheap to resample, and their mean varies alike."""
    size = len(values) // _GROUPS
    if size < 2:
        return list(values)
    return [fmean(values[group : size * _GROUPS : _GROUPS]) for group in range(_GROUPS)]


def _draw_mean(values: list[float], rng: Random) -> float:
    return fmean(rng.choices(values, k=len(values)))


def _draw_p95(ordered: list[float], rng: Random) -> float:
    """Draw a resample's p95 without resampling: its rank's place is that of an order statistic, Beta(k, n - k + 1)."""
    n = len(ordered)
    rank = ceil(0.95 * n)
    return ordered[min(n - 1, int(n * rng.betavariate(rank, n - rank + 1)))]
