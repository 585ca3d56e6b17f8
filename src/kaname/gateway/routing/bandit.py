"""Adaptive weights of an experiment's arms: Thompson sampling on batches of rewards, with a floor for every arm.

It turns rewards into an allocation every few minutes; `split.py` gives calls their arm by it, so nothing here is on
the path of a call. Rewards may come late, in any order and in any grouping: the state is their sums. Invariants: the
allocation sums to 1; every arm keeps its floor; until every arm has `min_n` rewards all get the same; the same state
gives the same allocation in every process. An arm's plain mean is biased when its share followed its luck, so results
are read with `inverse_propensity_mean`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from random import Random
from statistics import NormalDist
from typing import Literal, NamedTuple

from kaname.kernel.errors import ConfigurationError, InvalidInputError

MetricKind = Literal["boolean", "float"]
Direction = Literal["maximize", "minimize"]

_DRAWS = 4000
"""The share of wins has a standard error of at most 0.8 points."""


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
    seed: int = 0


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
        """Return each arm's share of the calls. Tens of milliseconds: not for an event loop that serves calls.

        Beyond the floors an arm gets the probability that it is the best one, by Monte Carlo over the posteriors of the
        means (Thompson 1933): Beta(1, 1) for boolean metrics, normal-inverse-gamma for float ones.
        """
        count = len(self._arms)
        if min(rewards.n for rewards in self._arms.values()) < self._settings.min_n:
            return dict.fromkeys(self._arms, 1 / count)
        draw = _draw_boolean_mean if self._settings.metric_kind == "boolean" else _draw_float_mean
        best = max if self._settings.direction == "maximize" else min
        rng = Random(self._settings.seed)  # noqa: S311  # repeatable on purpose, protects nothing
        arms = list(self._arms.items())
        wins = dict.fromkeys(self._arms, 0)
        for _ in range(_DRAWS):
            wins[best((draw(rewards, rng), arm) for arm, rewards in arms)[1]] += 1
        free = 1 - self._settings.floor * count
        return {arm: self._settings.floor + free * won / _DRAWS for arm, won in wins.items()}

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


def _draw_boolean_mean(rewards: Rewards, rng: Random) -> float:
    successes = rewards.n * rewards.mean
    return rng.betavariate(1 + successes, 1 + rewards.n - successes)


def _draw_float_mean(rewards: Rewards, rng: Random) -> float:
    """Draw from the normal-inverse-gamma posterior under the reference prior, which knows no scale (proper from n = 2).

    variance ~ InvGamma((n - 1) / 2, m2 / 2), mean ~ Normal(mean, variance / n). Gelman et al., BDA3, section 3.2.
    """
    variance = rewards.m2 / 2 / rng.gammavariate((rewards.n - 1) / 2, 1.0)
    return rng.gauss(rewards.mean, sqrt(variance / rewards.n))


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
