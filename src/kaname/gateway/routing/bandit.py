"""Adaptive weights of an experiment's arms: Thompson sampling on batches of rewards, with a floor for every arm.

It turns rewards into an allocation every few minutes; `split.py` gives calls their arm by it, so nothing here is on
the path of a call. Rewards may come late, in any order and in any grouping: the state is their sums. Invariants: the
allocation sums to 1; every arm keeps its floor; until every arm has `min_n` rewards all get the same; the same state
gives the same allocation in every process. An arm's plain mean is biased when its share followed its luck, so results
are read with `inverse_propensity_mean`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import exp, isfinite, log, log1p, sinh, sqrt
from statistics import NormalDist
from typing import Literal, NamedTuple

from kaname.kernel.errors import ConfigurationError, InvalidInputError

MetricKind = Literal["boolean", "float"]
Direction = Literal["maximize", "minimize"]

_GRID = [sinh(step / 16) for step in range(-96, 97)]
_EDGE = 1e-12


class Rewards(NamedTuple):
    """The sums of some rewards: number, mean and squared deviations from the mean (`n * varPop` in SQL)."""

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0

    @classmethod
    def of(cls, values: Iterable[float]) -> "Rewards":
        """Sum up single rewards."""
        rewards = list(values)
        if not rewards:
            return cls()
        mean = sum(rewards) / len(rewards)
        return cls(len(rewards), mean, sum((value - mean) ** 2 for value in rewards))

    def merge(self, other: "Rewards") -> "Rewards":
        """Return the sums of both together (Chan, Golub and LeVeque 1979)."""
        n = self.n + other.n
        if n == 0:
            return self
        apart = other.mean - self.mean
        return Rewards(n, self.mean + apart * other.n / n, self.m2 + other.m2 + apart * apart * self.n * other.n / n)


@dataclass(frozen=True, slots=True, kw_only=True)
class BanditSettings:
    """What an adaptive split is told."""

    metric_kind: MetricKind
    direction: Direction = "maximize"
    floor: float = 0.05
    min_n: int = 50


class Bandit:
    """The rewards of every arm so far, and the allocation that follows from them."""

    __slots__ = ("_arms", "_settings")

    def __init__(self, arms: Sequence[str], settings: BanditSettings) -> None:
        """Raises ConfigurationError when the floors leave nothing to allocate."""
        if not arms or not 0 <= settings.floor * len(arms) < 1 or settings.min_n < 2:
            raise ConfigurationError(
                f"A floor of {settings.floor!r}, {len(arms)} arms and min_n {settings.min_n!r} give no allocation",
                hint="Floors must sum to less than 1, and min_n must be 2 or more.",
                code="invalid_bandit",
            )
        self._settings = settings
        self._arms = dict.fromkeys(sorted(arms), Rewards())

    def update(self, arm: str, batch: Rewards) -> bool:
        """Add a batch of rewards; False when there is no such arm (a late reward of one that was taken away).

        Raises InvalidInputError for what can't be the sums of rewards of this kind.
        """
        if arm not in self._arms:
            return False
        possible = batch.n >= 0 and batch.m2 >= 0 and isfinite(batch.mean) and isfinite(batch.m2)
        if self._settings.metric_kind == "boolean":
            possible = possible and 0 <= batch.mean <= 1
        if not possible:
            raise InvalidInputError(
                f"{batch!r} can't be the sums of {self._settings.metric_kind} rewards",
                hint="A boolean metric takes rewards of 0 and 1, a float metric finite numbers.",
                code="invalid_reward",
            )
        self._arms[arm] = self._arms[arm].merge(batch)
        return True

    def rewards(self) -> Mapping[str, Rewards]:
        """Return what each arm earned so far."""
        return dict(self._arms)

    def allocation(self) -> dict[str, float]:
        """Return each arm's share of the calls; a millisecond or two for two arms, a few tens for ten.

        Beyond the floors an arm gets the probability that it is the best one (Thompson 1933), integrated rather than
        sampled. Posteriors of the means: Beta for boolean metrics, normal-inverse-gamma for float ones.
        """
        count = len(self._arms)
        if min(rewards.n for rewards in self._arms.values()) < self._settings.min_n:
            return dict.fromkeys(self._arms, 1 / count)
        posteriors = [
            _boolean_posterior(rewards) if self._settings.metric_kind == "boolean" else _float_posterior(rewards)
            for rewards in self._arms.values()
        ]
        shares = win_shares(posteriors, self._settings.direction)
        free = 1 - self._settings.floor * count
        return {arm: self._settings.floor + free * share for arm, share in zip(self._arms, shares, strict=True)}

    def to_state(self) -> dict[str, list[float]]:
        """Return the sums by arm, ready for JSON."""
        return {arm: [rewards.n, rewards.mean, rewards.m2] for arm, rewards in self._arms.items()}

    @classmethod
    def from_state(
        cls, state: Mapping[str, Sequence[float]], arms: Sequence[str], settings: BanditSettings
    ) -> "Bandit":
        """Return the bandit of `arms` with the sums of those that `state` knows."""
        bandit = cls(arms, settings)
        for arm, (n, mean, m2) in state.items():
            bandit.update(arm, Rewards(int(n), mean, m2))
        return bandit


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of one arm's mean: its centre, its scale, the logarithm of its density and where that ends."""

    centre: float
    scale: float
    log_density: Callable[[float], float]
    low: float = float("-inf")
    high: float = float("inf")


def _boolean_posterior(rewards: Rewards) -> Posterior:
    """Beta(1 + successes, 1 + failures), from the uniform prior."""
    successes = rewards.n * rewards.mean
    a, b = 1 + successes, 1 + rewards.n - successes
    scale = sqrt(a * b / (a + b + 1)) / (a + b)
    return Posterior(a / (a + b), scale, lambda x: (a - 1) * log(x) + (b - 1) * log1p(-x), low=_EDGE, high=1 - _EDGE)


def _float_posterior(rewards: Rewards) -> Posterior:
    """The mean's marginal of a normal-inverse-gamma posterior under the reference prior, which knows no scale.

    Student's t with n - 1 degrees of freedom, proper from n = 2. Gelman et al., BDA3, section 3.2.
    """
    freedom = rewards.n - 1
    scale = sqrt(rewards.m2 / freedom / rewards.n)
    # Constant rewards have no spread; a scale of rounding error keeps the density one.
    scale = max(scale, 1e-9 * abs(rewards.mean), 1e-300)
    centre = rewards.mean

    def log_density(x: float) -> float:
        away = (x - centre) / scale
        # A product becomes infinite where a power would raise: nobody is that far from rewards that never differ.
        return -(freedom + 1) / 2 * log1p(away * away / freedom)

    return Posterior(centre, scale, log_density)


def win_shares(posteriors: Sequence[Posterior], direction: Direction) -> list[float]:
    """Return the probability of each arm to be the best: the integral of its density times the others' distributions.

    By the trapezoidal rule on the union of every arm's own grid, dense at its centre and reaching 200 scales, so that
    arms of very different spread are all resolved.
    """
    grid = sorted(
        {
            min(max(posterior.centre + posterior.scale * step, posterior.low), posterior.high)
            for posterior in posteriors
            for step in _GRID
        }
    )
    widths = [right - left for left, right in pairwise(grid)]
    densities: list[list[float]] = []
    distributions: list[list[float]] = []
    for posterior in posteriors:
        logs = [posterior.log_density(x) for x in grid]
        top = max(logs)
        density = [exp(value - top) for value in logs]
        reached = list(accumulate(_masses(density, widths), initial=0.0))
        whole = reached[-1]
        densities.append(density)
        distributions.append([value if direction == "maximize" else whole - value for value in reached])
    wins: list[float] = []
    for arm, product in enumerate(densities):
        whole = max(distributions[arm])
        for other, distribution in enumerate(distributions):
            if other != arm:
                scale = max(distribution)
                product = [value * reached / scale for value, reached in zip(product, distribution, strict=True)]
        wins.append(sum(_masses(product, widths)) / whole)
    total = sum(wins)
    return [win / total for win in wins]


def _masses(density: Sequence[float], widths: Sequence[float]) -> list[float]:
    return [(left + right) / 2 * width for (left, right), width in zip(pairwise(density), widths, strict=True)]


class Estimate(NamedTuple):
    """A mean with its interval; None where there are fewer than two rows. `effective_n` is Kish's."""

    mean: float
    low: float | None
    high: float | None
    n: int
    effective_n: float


def inverse_propensity_mean(rows: Iterable[tuple[float, float]], *, level: float = 0.95) -> Estimate | None:
    """Return the mean reward of one arm from its (reward, propensity) rows; None without rows.

    Self-normalised: `sum(r / p) / sum(1 / p)` (Hájek 1971), with the interval of its linearised variance. Each call
    counts for all those that had the same chance and got another arm. Raises InvalidInputError for a propensity
    outside (0, 1].
    """
    data = list(rows)
    if not data:
        return None
    for _, propensity in data:
        if not 0 < propensity <= 1:
            raise InvalidInputError(
                f"A propensity can't be {propensity!r}", hint="It is above 0 and at most 1.", code="invalid_propensity"
            )
    weights = [1 / propensity for _, propensity in data]
    total = sum(weights)
    mean = sum(weight * reward for weight, (reward, _) in zip(weights, data, strict=True)) / total
    effective_n = total * total / sum(weight * weight for weight in weights)
    n = len(data)
    if n < 2:
        return Estimate(mean, None, None, n, effective_n)
    spread = sum((weight * (reward - mean)) ** 2 for weight, (reward, _) in zip(weights, data, strict=True))
    reach = NormalDist().inv_cdf((1 + level) / 2) * sqrt(spread * n / (n - 1)) / total
    return Estimate(mean, mean - reach, mean + reach, n, effective_n)
