"""Reading newest first in growing windows: complete, in order, no row twice, no more questions than needed."""

from hypothesis import given
from hypothesis import strategies as st

from kaname.traces.criteria import SpanCriteria
from kaname.traces.queries.span_list import newest_first

NOW_NS = 1_800_000_000_000_000_000
HOUR_NS = 3_600_000_000_000


def ask(starts: list[int], criteria: SpanCriteria, limit: int) -> tuple[list[int], list[SpanCriteria]]:
    asked: list[SpanCriteria] = []

    def fetch(part: SpanCriteria, n: int) -> list[dict[str, object]]:
        asked.append(part)
        low = -1 if part.from_ns is None else part.from_ns
        high = 1 << 70 if part.to_ns is None else part.to_ns
        found = sorted((s for s in starts if low <= s < high), reverse=True)
        return [{"start_ns": s} for s in found[:n]]

    rows = newest_first(fetch, criteria, limit, NOW_NS)
    return [r["start_ns"] for r in rows], asked  # type: ignore[misc]


def test_recent_rows_are_found_with_one_question() -> None:
    starts = [NOW_NS - n * 10**9 for n in range(100)]
    found, asked = ask(starts, SpanCriteria(), 50)
    assert found == starts[:50]
    assert len(asked) == 1


def test_a_range_is_never_left() -> None:
    low, high = NOW_NS - 5 * HOUR_NS, NOW_NS - 4 * HOUR_NS
    found, asked = ask([low - 1, low, high - 1, high], SpanCriteria(from_ns=low, to_ns=high), 50)
    assert found == [high - 1, low]
    assert all(a.from_ns is not None and a.from_ns >= low for a in asked)


@given(
    ages=st.lists(st.integers(-30, 3000), max_size=60),
    limit=st.integers(1, 20),
    bounds=st.tuples(st.none() | st.integers(-20, 3000), st.none() | st.integers(-20, 3000)),
)
def test_windows_change_nothing_but_the_work(
    ages: list[int], limit: int, bounds: tuple[int | None, int | None]
) -> None:
    starts = [NOW_NS - age * HOUR_NS for age in ages]
    oldest, newest = (None if b is None else NOW_NS - b * HOUR_NS for b in bounds)
    if oldest is not None and newest is not None and oldest >= newest:
        return
    found, asked = ask(starts, SpanCriteria(from_ns=oldest, to_ns=newest), limit)
    inside = [s for s in starts if (oldest is None or s >= oldest) and (newest is None or s < newest)]
    assert found == sorted(inside, reverse=True)[:limit]
    assert len(asked) <= 4
