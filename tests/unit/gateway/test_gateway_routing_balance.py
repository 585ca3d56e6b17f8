from collections import Counter
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kaname.gateway.routing.balance import TargetLoad, cheapest, fastest, pick


def _measured(latency_s: float, *, in_flight: int = 0, now: float = 0.0) -> TargetLoad:
    load = TargetLoad()
    for _ in range(20):
        load.begin()
        load.end(now, latency_s, ok=True)
    load.in_flight = in_flight
    return load


def _shares(loads: list[TargetLoad], weights: list[float] | None = None, *, now: float = 0.0) -> list[float]:
    rng = Random(11)
    counts = Counter(pick(loads, now, rng, weights) for _ in range(20_000))
    return [counts[index] / 20_000 for index in range(len(loads))]


def test_weights_hold_among_targets_that_do_equally_well() -> None:
    assert _shares([_measured(1.0), _measured(1.0)], [90, 10]) == pytest.approx([0.9, 0.1], abs=0.01)
    assert _shares([_measured(1.0), _measured(1.1), _measured(0.9)]) == pytest.approx([1 / 3] * 3, abs=0.02)


def test_weights_hold_under_load_too() -> None:
    assert _shares([_measured(1.0, in_flight=9), _measured(1.0, in_flight=1)], [90, 10])[1] == pytest.approx(
        0.1, abs=0.01
    )


def test_a_slow_or_busy_target_gives_way() -> None:
    assert _shares([_measured(4.0), _measured(1.0)], [90, 10])[1] == 1.0
    assert _shares([_measured(1.0, in_flight=30), _measured(1.0)])[1] == 1.0


def test_a_target_that_fails_at_once_does_not_look_fast() -> None:
    failing = _measured(1.0)
    for call in range(50):
        failing.begin()
        failing.end(call / 10, 0.001, ok=False)
    assert failing.score(5.0) > 1.5 * _measured(1.0, now=5.0).score(5.0)


def test_one_slow_answer_counts_at_once_and_fades_over_the_decay_time() -> None:
    load = _measured(0.2)
    load.begin()
    load.end(0.0, 2.0, ok=True)
    assert load.score(0.0) == pytest.approx(2.0)
    for tick in range(600):
        load.begin()
        load.end(tick / 10, 0.2, ok=True)
    assert load.score(60.0) < 0.25
    load.begin()
    load.end(60.0, 5.0, ok=True)
    assert load.score(60.0) == pytest.approx(5.0)


def test_an_idle_target_is_tried_again_but_not_flooded() -> None:
    slow, fast = _measured(9.0), _measured(1.0)
    for tick in range(600):
        fast.begin()
        fast.end(tick / 10, 1.0, ok=True)
    loads, now, rng = [slow, fast], 60.0, Random(5)
    chosen: list[int] = []
    for _ in range(40):
        index = pick(loads, now, rng)
        loads[index].begin()
        chosen.append(index)
    assert 1 <= chosen.count(0) <= 6


def test_a_target_without_weight_is_never_taken_while_another_has_some() -> None:
    assert _shares([_measured(9.0), _measured(0.1)], [1, 0]) == [1.0, 0.0]
    assert _shares([_measured(1.0), _measured(1.0)], [0, 0])[0] == pytest.approx(0.5, abs=0.02)


def test_power_of_two_choices_keeps_the_fullest_queue_short() -> None:
    rng = Random(2)
    loads, blind = [_measured(1.0) for _ in range(50)], [0] * 50
    for _ in range(1000):
        loads[pick(loads, 0.0, rng)].begin()
        blind[rng.randrange(50)] += 1
    assert max(load.in_flight for load in loads) < 28 < max(blind)


def test_cheapest_puts_unknown_prices_last_and_shares_equals() -> None:
    rng = Random(4)
    assert cheapest([None, 3.0, 2.0], rng) == 2
    assert Counter(cheapest([1.0, 1.0, None], rng) for _ in range(2000))[2] == 0
    assert {cheapest([None, None], rng) for _ in range(50)} == {0, 1}


def test_fastest_takes_the_least_score_of_all() -> None:
    assert fastest([_measured(2.0), _measured(1.5), _measured(3.0)], 0.0, Random(1)) == 1


@example([(0.0, 0, 5e-324), (0.0, 0, 0.0)], 0)
@example([(0.0, 0, 2.0), (0.0, 1, 5e-324)], 1)
@given(
    st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50), st.floats(0, 10)), min_size=1, max_size=8), st.integers()
)
def test_a_pick_is_always_a_candidate(targets: list[tuple[float, int, float]], seed: int) -> None:
    loads = [_measured(latency_s, in_flight=in_flight) for latency_s, in_flight, _ in targets]
    weights = [weight for _, _, weight in targets]
    index = pick(loads, 1.0, Random(seed), weights)
    assert 0 <= index < len(loads)
    assert weights[index] > 0 or not any(weights)
