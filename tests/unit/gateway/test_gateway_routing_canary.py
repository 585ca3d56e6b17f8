from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaname.gateway.routing.canary import (
    ArmObservations,
    CanarySettings,
    CanaryState,
    Guard,
    check_canary,
    decide,
    rate_difference,
    wilson,
)
from kaname.kernel.errors import ConfigurationError

_ALL = CanarySettings(
    guards=(
        Guard(metric="error_rate", tolerance=0.01),
        Guard(metric="p95_latency", tolerance=0.2),
        Guard(metric="cost", tolerance=0.1),
        Guard(metric="score", tolerance=0.05),
    )
)


def _arm(
    calls: int = 4000,
    *,
    errors: float = 0.01,
    latency: float = 1.0,
    cost: float = 1.0,
    score: float = 0.8,
    seed: int = 1,
) -> ArmObservations:
    rng = Random(seed)
    return ArmObservations(
        calls=calls,
        errors=round(calls * errors),
        latencies_s=[latency * rng.lognormvariate(0, 0.3) for _ in range(calls)],
        costs=[cost * rng.expovariate(1.0) for _ in range(calls)],
        scores=[float(rng.random() < score) for _ in range(calls)],
    )


def test_a_canary_that_does_as_well_takes_every_step_and_finishes() -> None:
    state, shares = CanaryState(), list[float]()
    for step in range(5):
        shares.append(state.share(_ALL))
        decision = decide(state, _arm(seed=step), _arm(seed=step + 100), _ALL)
        assert decision.action == "advance", decision.results
        state = decision.state
    assert shares == [0.01, 0.05, 0.25, 0.5, 1.0]
    assert state.phase == "finished"
    assert state.share(_ALL) == 1.0


@pytest.mark.parametrize(
    ("metric", "canary"),
    [
        ("error_rate", _arm(errors=0.06)),
        ("p95_latency", _arm(latency=2.0)),
        ("cost", _arm(cost=1.5)),
        ("score", _arm(score=0.6)),
    ],
)
def test_each_guard_alone_rolls_back_for_good(metric: str, canary: ArmObservations) -> None:
    decision = decide(CanaryState(step=2), _arm(seed=9), canary, _ALL)
    assert decision.action == "rollback"
    assert [result.metric for result in decision.results if result.finding == "harmed"] == [metric]
    assert decision.state.share(_ALL) == 0.0
    again = decide(decision.state, _arm(), _arm(), _ALL)
    assert again.action == "hold"
    assert again.state == decision.state


def test_too_few_calls_hold_however_good_or_bad_they_look() -> None:
    for errors in (0.0, 1.0):
        decision = decide(CanaryState(), _arm(), _arm(99, errors=errors), _ALL)
        assert decision.action == "hold"
        assert decision.state == CanaryState()
        assert {result.finding for result in decision.results} == {"inconclusive"}
        assert decision.results[0].reason == "99 of 100 observations"


def test_an_interval_across_the_tolerance_holds() -> None:
    decision = decide(CanaryState(), _arm(), _arm(150, errors=0.02), CanarySettings(guards=_ALL.guards[:1]))
    assert decision.action == "hold"
    result = decision.results[0]
    assert result.low is not None
    assert result.high is not None
    assert result.low < 0.01 < result.high


def test_one_harmed_guard_outweighs_inconclusive_ones() -> None:
    canary = replace(_arm(errors=0.10), scores=())
    decision = decide(CanaryState(), _arm(), canary, _ALL)
    assert decision.action == "rollback"
    assert decision.results[3].finding == "inconclusive"


def test_a_missing_metric_never_advances() -> None:
    assert decide(CanaryState(), _arm(), replace(_arm(), costs=()), _ALL).action == "hold"


def test_a_canary_that_costs_where_the_stable_arm_was_free_is_harmed() -> None:
    cost = CanarySettings(guards=(Guard(metric="cost", tolerance=0.1),))
    free = replace(_arm(), costs=[0.0] * 500)
    assert decide(CanaryState(), free, _arm(), cost).action == "rollback"
    assert decide(CanaryState(), free, free, cost).action == "advance"


def test_the_same_observations_give_the_same_decision() -> None:
    stable, canary = _arm(seed=3), _arm(seed=4, latency=1.15)
    assert decide(CanaryState(), stable, canary, _ALL) == decide(CanaryState(), stable, canary, _ALL)


def test_a_harmless_canary_is_seldom_rolled_back_and_a_harmful_one_seldom_advanced() -> None:
    rng, latency = Random(6), CanarySettings(guards=(Guard(metric="p95_latency", tolerance=0.2),))
    actions = {1.0: list[str](), 1.2: list[str](), 1.8: list[str]()}
    for slower, taken in actions.items():
        for _ in range(60):
            stable = ArmObservations(latencies_s=[rng.lognormvariate(0, 0.5) for _ in range(400)])
            canary = ArmObservations(latencies_s=[slower * rng.lognormvariate(0, 0.5) for _ in range(400)])
            taken.append(decide(CanaryState(), stable, canary, latency).action)
    assert actions[1.0].count("rollback") == 0
    assert actions[1.2].count("rollback") + actions[1.2].count("advance") <= 9
    assert actions[1.8].count("advance") == 0
    assert actions[1.8].count("rollback") > 50


def test_wilson_and_newcombe_give_the_published_numbers() -> None:
    """Newcombe 1998, Table II: 56/70 and 48/80 by method 10; Wilson's 81/263 from his companion paper, Table I."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert rate_difference(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(st.integers(1, 10_000), st.data())
def test_wilson_contains_the_rate_and_stays_within_zero_and_one(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n + 1e-12
    assert successes / n - 1e-12 <= high <= 1


_ARMS = st.builds(
    ArmObservations,
    calls=st.integers(400, 500),
    errors=st.integers(0, 400),
    latencies_s=st.lists(st.floats(0, 100), max_size=150),
    costs=st.lists(st.floats(0, 100), max_size=150),
    scores=st.lists(st.floats(-1, 1), max_size=150),
)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 4), _ARMS, _ARMS)
def test_the_action_follows_from_the_findings(step: int, stable: ArmObservations, canary: ArmObservations) -> None:
    decision = decide(CanaryState(step=step), stable, canary, _ALL)
    findings = {result.finding for result in decision.results}
    if "harmed" in findings:
        assert decision.action == "rollback"
    elif findings == {"clear"}:
        assert decision.action == "advance"
    else:
        assert decision.action == "hold"
    assert decision.state.step in (step, step + 1)


@pytest.mark.parametrize(
    "changed",
    [
        replace(_ALL, steps=()),
        replace(_ALL, steps=(5, 1, 100)),
        replace(_ALL, steps=(1, 50)),
        replace(_ALL, steps=(0, 100)),
        replace(_ALL, guards=()),
        replace(_ALL, guards=(Guard(metric="cost", tolerance=-1),)),
        replace(_ALL, guards=(Guard(metric="cost", tolerance=0.1, min_n=5),)),
        replace(_ALL, level=1.0),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(changed: CanarySettings) -> None:
    check_canary(_ALL)
    with pytest.raises(ConfigurationError):
        check_canary(changed)
