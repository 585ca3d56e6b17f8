"""Intervals against published values."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.traces.intervals import mean_interval, student_quantile, wilson_interval


@pytest.mark.parametrize(
    ("degrees", "value"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (5, 2.5706), (10, 2.2281), (20, 2.0860), (60, 2.0003),
     (120, 1.9799), (100_000, 1.9600)],
)  # fmt: skip
def test_student_quantile_agrees_with_the_tables(degrees: int, value: float) -> None:
    assert student_quantile(degrees) == pytest.approx(value, abs=6e-4)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_newcombe(successes: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 10_000), st.data())
def test_wilson_holds_the_proportion_and_stays_inside(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    low, high = wilson_interval(successes, n)
    assert 0 <= low <= successes / n + 1e-12
    assert successes / n - 1e-12 <= high <= 1


def test_one_value_has_no_interval() -> None:
    assert mean_interval(1.0, math.nan, 1) is None


def test_mean_interval_of_ten() -> None:
    assert mean_interval(5.0, 2.0, 10) == pytest.approx((3.5693, 6.4307), abs=1e-4)
