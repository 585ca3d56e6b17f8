"""When guards are asked, and how often they err when they are asked again and again."""

from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_rig import call_record, canary_config
from kaname.gateway.canaries.look import is_due, look
from kaname.gateway.canaries.model import Canary, Standing, canaries_of
from kaname.gateway.canaries.observations import MAX_VALUES, ArmCounts, Evidence, total
from kaname.gateway.routing.canary import CanaryState
from kaname.kernel.clock import ManualClock

CLOCK = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
START_NS = CLOCK.now_ns()
MINUTE_NS = 60_000_000_000


def canary_with(guards: str) -> Canary:
    return next(canaries_of(canary_config(f"{{arm: b, guards: {guards}, interval: 60s}}")))


def begun(canary: Canary) -> Standing:
    return Standing(
        id=canary.id, name=canary.name, state=CanaryState(), generation=1, stable_generation=1, since_ns=START_NS,
        looked_ns=0, findings=(), rollbacks=0, revision=1,
    )  # fmt: skip


def arm(calls: int, errors: int = 0, rng: Random | None = None, median_ms: float = 100.0) -> ArmCounts:
    counts = ArmCounts()
    for i in range(calls):
        ms = median_ms * (rng.lognormvariate(0, 0.5) if rng else 1.0)
        counts.count(call_record(CLOCK, "b", failed=i < errors, ms=ms, cost=int(ms * 1000)), i < errors)
    return counts


def test_it_looks_when_a_guard_has_enough_and_then_when_that_has_grown_by_half() -> None:
    canary = canary_with("[{metric: error_rate, min_n: 100}]")
    standing = begun(canary)
    assert not is_due(standing, canary, Evidence(arm(500), arm(99)), START_NS + 1)
    assert is_due(standing, canary, Evidence(arm(500), arm(100)), START_NS + 1)
    first = look(standing, canary, Evidence(arm(500), arm(100)), START_NS + 1)
    looked = replace(standing, findings=first.findings, looked_ns=START_NS + 1)
    assert not is_due(looked, canary, Evidence(arm(900), arm(149)), START_NS + 2)
    assert is_due(looked, canary, Evidence(arm(900), arm(150)), START_NS + 2)


def test_the_end_of_the_interval_is_a_reason_to_look_once() -> None:
    canary = canary_with("[{metric: error_rate, min_n: 100}]")
    evidence = Evidence(arm(500), arm(400))
    standing = begun(canary)
    early = look(standing, canary, evidence, START_NS + 1)
    assert (early.action, early.findings[0].finding) == (None, "clear")
    looked = replace(standing, findings=early.findings, looked_ns=START_NS + 1)
    assert not is_due(looked, canary, evidence, START_NS + MINUTE_NS - 1)
    assert is_due(looked, canary, evidence, START_NS + MINUTE_NS)
    late = look(looked, canary, evidence, START_NS + MINUTE_NS)
    assert (late.action, late.state) == ("advance", CanaryState(step=1))
    held = replace(looked, looked_ns=START_NS + MINUTE_NS)
    assert not is_due(held, canary, evidence, START_NS + 10 * MINUTE_NS)


def test_a_guard_that_gets_its_observations_late_is_asked_when_it_has_them() -> None:
    canary = canary_with("[{metric: error_rate}, {metric: score, name: s, tolerance: 0.5}]")
    calls = Evidence(arm(10_000), arm(10_000))
    standing = begun(canary)
    looked = replace(standing, findings=look(standing, canary, calls, START_NS).findings, looked_ns=START_NS)
    assert not is_due(looked, canary, calls, START_NS + 1)
    assert is_due(looked, canary, Evidence(arm(10_000), arm(10_000), [1.0] * 100, [1.0] * 100), START_NS + 1)


def run(canary: Canary, rng: Random, *, rates: tuple[float, float], medians: tuple[float, float], calls: int) -> str:
    """One step under a stream of calls, looked at in every round of twenty; what came first."""
    standing = begun(canary)
    sides = [ArmCounts(), ArmCounts()]
    for at in range(0, calls, 20):
        for counts, rate, median in zip(sides, rates, medians, strict=True):
            counts.add(arm(20, sum(rng.random() < rate for _ in range(20)), rng, median))
        evidence = Evidence(sides[0], sides[1])
        if not is_due(standing, canary, evidence, START_NS + at):
            continue
        found = look(standing, canary, evidence, START_NS + at)
        if found.action is not None:
            return found.action
        standing = replace(standing, findings=found.findings, looked_ns=START_NS + at)
    return "none"


@pytest.mark.parametrize(
    "guards", ["[{metric: error_rate, tolerance: 0.01}]", "[{metric: p95_latency, tolerance: 0.2}]"]
)
def test_asked_again_and_again_a_harmless_canary_is_seldom_taken_out(guards: str) -> None:
    canary, rng = canary_with(guards), Random(11)
    outcomes = [run(canary, rng, rates=(0.02, 0.02), medians=(100, 100), calls=2000) for _ in range(40)]
    assert outcomes.count("rollback") <= 2


def test_a_canary_that_fails_half_of_its_calls_is_taken_out_at_the_first_look() -> None:
    canary, rng = canary_with("[{metric: error_rate, tolerance: 0.01, min_n: 50}]"), Random(12)
    assert {run(canary, rng, rates=(0.01, 0.5), medians=(100, 100), calls=60) for _ in range(20)} == {"rollback"}


def test_a_slow_canary_is_taken_out() -> None:
    canary, rng = canary_with("[{metric: p95_latency, tolerance: 0.2}]"), Random(13)
    outcomes = [run(canary, rng, rates=(0, 0), medians=(100, 200), calls=400) for _ in range(10)]
    assert outcomes.count("rollback") == 10


@given(st.lists(st.tuples(st.integers(0, 600_000), st.integers(0, 10**10), st.booleans()), max_size=60))
def test_counts_add_up_and_survive_their_row(calls: list[tuple[int, int, bool]]) -> None:
    parts = [ArmCounts(), ArmCounts()]
    for i, (ms, cost, failed) in enumerate(calls):
        parts[i % 2].count(call_record(CLOCK, "b", failed=failed, ms=ms, cost=cost), failed)
    added = total(ArmCounts.decode(part.encode()) for part in parts)
    kept = added.observations((), seed=1)
    fine = [(max(ms / 1e3, 1e-6), cost) for ms, cost, failed in calls if not failed]
    assert (kept.calls, kept.errors) == (len(calls), sum(failed for *_, failed in calls))
    assert sorted(kept.latencies_s) == pytest.approx(sorted(s for s, _ in fine), rel=0.0101)
    assert sorted(kept.costs) == pytest.approx(sorted(float(cost) for _, cost in fine), rel=0.0101)


def test_many_values_are_thinned_evenly_and_lie_in_no_order() -> None:
    counts = ArmCounts()
    counts.latencies = {900: 3 * MAX_VALUES, 1000: MAX_VALUES}
    values = counts.observations((), seed=3).latencies_s
    assert len(values) == MAX_VALUES
    assert values.count(min(values)) == pytest.approx(0.75 * MAX_VALUES, abs=1)
    assert values != sorted(values)
    assert sum(value == min(values) for value in values[:1000]) == pytest.approx(750, abs=60)
