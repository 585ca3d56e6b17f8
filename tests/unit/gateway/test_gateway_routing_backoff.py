from random import Random

from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.routing.backoff import Backoff, RetryBudget


@given(st.integers(0, 200), st.integers(), st.none() | st.floats(0, 3600))
def test_a_wait_is_jittered_above_what_the_upstream_asked_for(attempt: int, seed: int, asked_s: float | None) -> None:
    wait_s = Backoff().wait_s(attempt, Random(seed), asked_s)
    floor_s = asked_s or 0.0
    assert floor_s <= wait_s <= floor_s + min(5.0, 0.25 * 2.0**attempt)


def test_jitter_is_full_and_doubles_to_the_cap() -> None:
    rng = Random(7)
    for attempt, ceiling_s in ((0, 0.25), (1, 0.5), (2, 1.0), (5, 5.0), (9, 5.0)):
        waits = [Backoff().wait_s(attempt, rng) for _ in range(4000)]
        assert max(waits) <= ceiling_s
        assert abs(sum(waits) / len(waits) - ceiling_s / 2) < 0.03 * ceiling_s


def test_callers_that_were_told_the_same_second_do_not_come_back_together() -> None:
    rng = Random(1)
    waits = [Backoff().wait_s(2, rng, 1.0) for _ in range(1000)]
    assert min(waits) >= 1.0
    assert (
        max(sum(start <= wait < start + 0.1 for wait in waits) for start in (1 + step / 20 for step in range(20))) < 160
    )


@given(st.integers(0, 40), st.integers(), st.none() | st.floats(0, 100), st.floats(-5, 700))
def test_a_wait_fits_the_deadline_or_there_is_none(
    attempt: int, seed: int, asked_s: float | None, left_s: float
) -> None:
    wait_s = Backoff().wait_within_s(attempt, Random(seed), asked_s, left_s)
    if wait_s is None:
        assert (asked_s or 0.0) >= left_s
    else:
        assert (asked_s or 0.0) <= wait_s < left_s


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=400), st.floats(0, 1e6))
def test_retries_never_pass_a_fifth_of_the_last_ten_seconds(steps: list[tuple[float, bool]], start: float) -> None:
    budget = RetryBudget()
    now, requests, retries = start, list[float](), list[float]()
    for step_s, is_request in steps:
        now += step_s / 10
        if is_request:
            budget.count_request(now)
            requests.append(now)
        elif budget.try_retry(now):
            retries.append(now)
            in_window = sum(moment > now - 10 for moment in retries)
            assert in_window <= max(3, 0.2 * sum(moment > now - 10 for moment in requests))


def test_the_budget_grants_its_share_under_load_and_three_when_idle() -> None:
    budget = RetryBudget()
    assert [budget.try_retry(100.0) for _ in range(5)] == [True, True, True, False, False]
    granted = 0
    for tick in range(6000):
        now = 200 + tick / 100
        budget.count_request(now)
        granted += budget.try_retry(now)
    assert 0.15 * 6000 < granted <= 0.2 * 6000


def test_the_budget_comes_back_after_the_window_and_survives_a_clock_that_steps_back() -> None:
    budget = RetryBudget()
    assert [budget.try_retry(50.0) for _ in range(4)][-1] is False
    assert not budget.try_retry(10.0)
    assert not budget.try_retry(59.9)
    assert budget.try_retry(61.0)


def test_requests_older_than_ten_seconds_earn_no_retries() -> None:
    budget = RetryBudget()
    for _ in range(100):
        budget.count_request(0.0)
    assert sum(budget.try_retry(10.5) for _ in range(30)) == 3
