import json
from math import exp, lgamma, log
from random import Random
from statistics import NormalDist, fmean, pvariance

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kaname.gateway.routing.bandit import Bandit, BanditSettings, MetricKind, Rewards, inverse_propensity_mean
from kaname.kernel.errors import ConfigurationError, InvalidInputError


def _settings(kind: MetricKind = "boolean", min_n: int = 20) -> BanditSettings:
    return BanditSettings(metric_kind=kind, min_n=min_n)


def _play(bandit: Bandit, truth: dict[str, float], *, spread: float | None = None, delay: int = 0) -> dict[str, float]:
    """Play 30 batches of 200 calls; each batch's rewards arrive `delay` batches later."""
    rng = Random(5)
    waiting: list[dict[str, list[float]]] = []
    for _ in range(30):
        allocation = bandit.allocation()
        batch: dict[str, list[float]] = {arm: [] for arm in truth}
        for arm in rng.choices(list(allocation), list(allocation.values()), k=200):
            mean = truth[arm]
            batch[arm].append(float(rng.random() < mean) if spread is None else rng.gauss(mean, spread))
        waiting.append(batch)
        if len(waiting) > delay:
            for arm, values in waiting.pop(0).items():
                bandit.update(arm, Rewards.of(values))
    return bandit.allocation()


def test_it_converges_on_the_better_arm_and_keeps_the_floor() -> None:
    allocation = _play(Bandit(["a", "b", "c"], _settings()), {"a": 0.10, "b": 0.20, "c": 0.12})
    assert allocation["b"] > 0.88
    assert min(allocation.values()) >= 0.05


def test_it_converges_on_float_rewards_of_any_scale_and_on_less_when_asked() -> None:
    dear = BanditSettings(metric_kind="float", direction="minimize", min_n=20)
    assert _play(Bandit(["a", "b"], dear), {"a": 0.0011, "b": 0.0010}, spread=0.0003)["b"] == pytest.approx(
        0.95, abs=0.01
    )
    assert _play(Bandit(["a", "b"], _settings("float")), {"a": 5100, "b": 5000}, spread=400)["a"] > 0.9


def test_late_rewards_only_make_it_slower() -> None:
    allocation = _play(Bandit(["a", "b"], _settings()), {"a": 0.10, "b": 0.20}, delay=8)
    assert allocation["b"] > 0.9


def test_until_every_arm_has_its_least_number_all_get_the_same() -> None:
    bandit = Bandit(["a", "b", "c"], _settings(min_n=50))
    bandit.update("a", Rewards.of([1.0] * 500))
    bandit.update("b", Rewards.of([0.0] * 500))
    bandit.update("c", Rewards.of([1.0] * 49))
    assert bandit.allocation() == dict.fromkeys("abc", 1 / 3)
    bandit.update("c", Rewards.of([1.0]))
    assert bandit.allocation()["b"] == pytest.approx(0.05)


def _beats(a: float, b: float, other_a: float, other_b: float) -> float:
    """P(Beta(a, b) > Beta(other_a, other_b)) in closed form, for whole a (Cook 2005)."""

    def log_beta(x: float, y: float) -> float:
        return lgamma(x) + lgamma(y) - lgamma(x + y)

    return sum(
        exp(log_beta(other_a + i, b + other_b) - log(b + i) - log_beta(1 + i, b) - log_beta(other_a, other_b))
        for i in range(int(a))
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 3000), st.integers(20, 3000), st.floats(0, 1), st.floats(0, 1))
def test_shares_of_boolean_arms_are_the_closed_form(n: int, other_n: int, rate: float, other_rate: float) -> None:
    good, other_good = round(n * rate), round(other_n * other_rate)
    bandit = Bandit(["a", "b"], BanditSettings(metric_kind="boolean", floor=0.0, min_n=2))
    bandit.update("a", Rewards.of([1.0] * good + [0.0] * (n - good)))
    bandit.update("b", Rewards.of([1.0] * other_good + [0.0] * (other_n - other_good)))
    exact = _beats(1 + good, 1 + n - good, 1 + other_good, 1 + other_n - other_good)
    assert bandit.allocation()["a"] == pytest.approx(exact, abs=0.002)


@settings(max_examples=60, deadline=None)
@given(st.floats(-5, 5), st.floats(0.01, 100), st.floats(0.01, 100), st.sampled_from([1e-6, 1.0, 1e6]))
def test_shares_of_float_arms_with_many_rewards_are_the_normal_one(
    apart: float, spread: float, other_spread: float, unit: float
) -> None:
    n = 4000
    reach = (spread**2 + other_spread**2) ** 0.5
    bandit = Bandit(["a", "b"], BanditSettings(metric_kind="float", floor=0.0, min_n=2))
    bandit.update("a", Rewards(n, apart * reach / n**0.5 * unit, (spread * unit) ** 2 * (n - 1)))
    bandit.update("b", Rewards(n, 0.0, (other_spread * unit) ** 2 * (n - 1)))
    assert bandit.allocation()["a"] == pytest.approx(NormalDist().cdf(apart), abs=0.003)


_VALUES = st.lists(st.integers(0, 1).map(float), min_size=20, max_size=60)


@example({"a": [0.0] * 20, "b": [0.0] * 19 + [1.0]}, "float")
@settings(max_examples=20, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdef"), _VALUES, min_size=1, max_size=6), st.sampled_from(["boolean", "float"])
)
def test_any_rewards_keep_the_floor_and_sum_to_one(rewards: dict[str, list[float]], kind: MetricKind) -> None:
    bandit = Bandit(list(rewards), _settings(kind))
    for arm, values in rewards.items():
        bandit.update(arm, Rewards.of(values))
    allocation = bandit.allocation()
    assert min(allocation.values()) >= 0.05
    assert sum(allocation.values()) == pytest.approx(1)
    assert bandit.allocation() == allocation


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_order_and_grouping_of_rewards_change_nothing(values: list[float], order: Random) -> None:
    shuffled = list(values)
    order.shuffle(shuffled)
    merged = Rewards()
    while shuffled:
        size = order.randint(1, len(shuffled))
        merged = merged.merge(Rewards.of(shuffled[:size]))
        shuffled = shuffled[size:]
    assert merged.n == len(values)
    assert merged.mean == pytest.approx(fmean(values), rel=1e-9, abs=1e-6)
    assert merged.m2 == pytest.approx(pvariance(values) * len(values), rel=1e-6, abs=1e-2)


def test_state_survives_json_and_a_change_of_arms() -> None:
    bandit = Bandit(["a", "b"], _settings())
    bandit.update("a", Rewards.of([1, 0, 1] * 20))
    bandit.update("b", Rewards.of([0, 0, 1] * 20))
    state = json.loads(json.dumps(bandit.to_state()))
    assert Bandit.from_state(state, ["b", "a"], _settings()).allocation() == bandit.allocation()
    changed = Bandit.from_state(state, ["a", "new"], _settings())
    assert changed.rewards()["a"].n == 60
    assert changed.allocation() == {"a": 0.5, "new": 0.5}
    assert not changed.update("b", Rewards.of([1.0]))


def test_what_gives_no_allocation_or_is_no_reward_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        Bandit([str(arm) for arm in range(20)], _settings())
    with pytest.raises(ConfigurationError):
        Bandit(["a", "b"], _settings(min_n=1))
    bandit = Bandit(["a", "b"], _settings())
    for batch in (Rewards.of([5.0]), Rewards(-1, 0.5, 0.0), Rewards(1, float("nan"), 0.0)):
        with pytest.raises(InvalidInputError):
            bandit.update("a", batch)


def test_constant_float_rewards_do_not_divide_by_nothing() -> None:
    bandit = Bandit(["a", "b"], _settings("float"))
    bandit.update("a", Rewards.of([2.0] * 30))
    bandit.update("b", Rewards.of([3.0] * 30))
    assert bandit.allocation()["b"] == pytest.approx(0.95)


def test_weighted_means_undo_the_bias_of_an_adaptive_share() -> None:
    """Of two equal arms the leader gets 90 %, so one that begins badly is seldom corrected and plain means are low."""
    rng, plain, weighted = Random(8), list[float](), list[float]()
    for _ in range(2500):
        rows: dict[int, list[tuple[float, float]]] = {0: [], 1: []}
        sums = [0.0, 0.0]
        for call in range(60):
            share = 0.5
            if call >= 6 and rows[0] and rows[1]:
                share = 0.9 if sums[0] / len(rows[0]) >= sums[1] / len(rows[1]) else 0.1
            arm = 0 if rng.random() < share else 1
            reward = rng.gauss(0, 1)
            rows[arm].append((reward, share if arm == 0 else 1 - share))
            sums[arm] += reward
        estimate = inverse_propensity_mean(rows[0])
        if estimate is not None:
            plain.append(fmean(reward for reward, _ in rows[0]))
            weighted.append(estimate.mean)
    assert fmean(plain) < -0.05
    assert abs(fmean(weighted)) < abs(fmean(plain)) / 2


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng, covered = Random(12), 0
    for _ in range(400):
        rows: list[tuple[float, float]] = []
        while len(rows) < 200:
            propensity = rng.choice([0.05, 0.5, 0.95])
            if rng.random() < propensity:
                rows.append((float(rng.random() < 0.3), propensity))
        estimate = inverse_propensity_mean(rows)
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.effective_n < estimate.n
        covered += estimate.low <= 0.3 <= estimate.high
    assert 0.88 <= covered / 400 <= 0.99


def test_few_rows_give_no_interval_and_no_rows_no_mean() -> None:
    assert inverse_propensity_mean([]) is None
    single = inverse_propensity_mean([(1.0, 0.5)])
    assert single is not None
    assert (single.mean, single.low, single.high) == (1.0, None, None)
    for propensity in (0.0, 1.5, float("nan")):
        with pytest.raises(InvalidInputError):
            inverse_propensity_mean([(1.0, propensity)])
