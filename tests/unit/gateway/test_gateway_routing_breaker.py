from random import Random

from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.routing.breaker import Breaker, BreakerSettings


def _breaker(consecutive_failures: int = 5) -> Breaker:
    return Breaker(Random(3), BreakerSettings(consecutive_failures=consecutive_failures))


def _opened(now: float = 100.0) -> Breaker:
    breaker = _breaker()
    for _ in range(5):
        breaker.fail(now, now)
    assert breaker.state(now) == "open"
    return breaker


def test_half_of_twenty_failures_in_the_window_open_it() -> None:
    breaker = _breaker(consecutive_failures=1000)
    for call in range(19):
        (breaker.fail if call % 2 else breaker.succeed)(10.0, 10.0)
    assert breaker.state(10.0) == "closed"
    breaker.fail(10.0, 10.0)
    assert breaker.state(10.0) == "open"
    assert not breaker.allow(10.0)


def test_less_than_half_never_opens_it() -> None:
    breaker = _breaker()
    for call in range(1000):
        (breaker.fail if call % 5 in (0, 2) else breaker.succeed)(call / 10, call / 10)
    assert breaker.state(100.0) == "closed"


def test_failures_older_than_the_window_are_forgotten() -> None:
    breaker = _breaker(consecutive_failures=1000)
    for _ in range(19):
        breaker.fail(10.0, 10.0)
    for _ in range(3):
        breaker.fail(45.0, 45.0)
    assert breaker.state(45.0) == "closed"


def test_five_failures_in_a_row_open_it_even_without_traffic() -> None:
    breaker = _breaker()
    for call in range(4):
        breaker.fail(call * 600.0, call * 600.0)
    assert breaker.allow(2400.0)
    breaker.fail(2400.0, 2400.0)
    assert breaker.state(2400.0) == "open"


def test_half_open_allows_one_probe_until_it_reports() -> None:
    breaker = _opened()
    now = 101.0
    assert breaker.retry_after_s(now) == 0.0
    assert [breaker.allow(now) for _ in range(3)] == [True, False, False]
    assert breaker.state(now) == "half_open"
    assert breaker.retry_after_s(now) > 0
    breaker.fail(now + 0.1, now)
    assert breaker.state(now + 0.1) == "open"


def test_a_lost_probe_gives_its_place_to_the_next_one() -> None:
    breaker = _opened()
    assert breaker.allow(101.0)
    assert not breaker.allow(160.9)
    assert breaker.allow(161.0)
    breaker.succeed(162.0, 101.0)
    assert breaker.state(162.0) == "half_open"


def test_a_probe_that_proved_nothing_frees_its_place() -> None:
    breaker = _opened()
    assert breaker.allow(101.0)
    breaker.release(101.0)
    assert breaker.allow(101.0)


def test_cool_downs_double_to_a_minute_with_jitter_and_start_over_after_a_return() -> None:
    breaker, now, waits = _opened(), 100.0, list[float]()
    for _ in range(9):
        wait_s = breaker.retry_after_s(now)
        waits.append(wait_s)
        assert not breaker.allow(now + wait_s * 0.99)
        now += wait_s + 0.001
        assert breaker.allow(now)
        breaker.fail(now, now)
    for wait_s, whole_s in zip(waits, (1, 2, 4, 8, 16, 32, 60, 60, 60), strict=True):
        assert 0.8 * whole_s <= wait_s <= whole_s
    assert len(set(waits[-3:])) == 3
    now += breaker.retry_after_s(now) + 0.001
    assert breaker.allow(now)
    breaker.succeed(now, now)
    now += 10.0
    assert breaker.allow(now)
    for _ in range(5):
        breaker.fail(now, now)
    assert breaker.retry_after_s(now) <= 1.0


def _ramping() -> Breaker:
    breaker = _opened()
    assert breaker.allow(101.0)
    breaker.succeed(101.0, 101.0)
    assert breaker.state(101.0) == "ramping"
    return breaker


def test_the_return_after_half_open_is_a_ramp() -> None:
    breaker = _ramping()
    shares: list[float] = []
    for second in range(10):
        allowed = 0
        for call in range(200):
            now = 101.0 + second + call / 200
            if breaker.allow(now):
                allowed += 1
                breaker.succeed(now, now)
        shares.append(allowed / 200)
    assert abs(shares[0] - 0.1) < 0.02
    assert shares == sorted(shares)
    assert shares[-1] < 1.0
    assert all(breaker.allow(111.0) for _ in range(100))
    assert breaker.state(111.0) == "closed"


def test_the_last_target_left_is_not_held_back_by_its_ramp_but_by_being_open() -> None:
    assert all(_ramping().allow(101.1, last_resort=True) for _ in range(20))
    assert not _opened().allow(100.1, last_resort=True)


def test_failures_on_the_ramp_reopen_for_longer() -> None:
    breaker = _ramping()
    for _ in range(4):
        breaker.fail(102.0, 102.0)
    assert breaker.state(102.0) == "open"
    assert breaker.retry_after_s(102.0) > 1.0


def test_calls_from_before_the_opening_change_nothing() -> None:
    breaker = _opened(100.0)
    breaker.succeed(100.5, 99.0)
    assert breaker.state(100.5) == "open"
    assert breaker.allow(101.0)
    breaker.succeed(101.1, 99.0)
    breaker.fail(101.1, 99.0)
    assert breaker.state(101.1) == "half_open"


def test_a_429_cools_one_key_only_and_is_no_failure() -> None:
    first, second = _breaker(), _breaker()
    for _ in range(50):
        first.cool(10.0, 2.0, 10.0)
    assert not first.allow(11.9)
    assert first.state(11.9) == "cooling"
    assert first.retry_after_s(11.0) == 1.0
    assert second.allow(11.9)
    assert first.allow(12.0)
    assert first.state(12.0) == "closed"


def test_a_shorter_429_does_not_end_a_longer_one_and_one_without_a_wish_rests_a_second() -> None:
    breaker = _breaker()
    breaker.cool(10.0, 5.0, 10.0)
    breaker.cool(11.0, None, 11.0)
    assert not breaker.allow(14.9)
    breaker.cool(20.0, None, 20.0)
    assert breaker.retry_after_s(20.0) == 1.0


def test_a_429_answer_to_the_probe_frees_the_place_for_after_the_rest() -> None:
    breaker = _opened()
    assert breaker.allow(101.0)
    breaker.cool(101.2, 3.0, 101.0)
    assert not breaker.allow(102.0)
    assert [breaker.allow(104.2), breaker.allow(104.2)] == [True, False]


@given(st.lists(st.tuples(st.sampled_from(["allow", "ok", "fail", "cool", "release"]), st.floats(0, 20)), max_size=200))
def test_no_order_of_events_breaks_the_invariants(events: list[tuple[str, float]]) -> None:
    breaker, now, running = _breaker(), 0.0, list[float]()
    for kind, step_s in events:
        now += step_s / 4
        if kind == "allow":
            state = breaker.state(now)
            allowed = breaker.allow(now)
            if state in ("open", "cooling"):
                assert not allowed
            if state == "closed":
                assert allowed
            if allowed:
                running.append(now)
        elif running:
            began = running.pop(0)
            if kind == "ok":
                breaker.succeed(now, began)
            elif kind == "fail":
                breaker.fail(now, began)
            elif kind == "cool":
                breaker.cool(now, step_s, began)
            else:
                breaker.release(began)
        assert 0.0 <= breaker.retry_after_s(now) <= 60.0
    quiet = now + 200.0
    assert breaker.allow(quiet)
