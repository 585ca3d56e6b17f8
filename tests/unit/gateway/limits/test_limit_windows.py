"""Windows of budgets: month ends, leap days, daylight saving, Japan, quarters; and as properties over all zones."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.limits.windows import (
    WindowRule,
    check_window,
    end_after,
    parse_period,
    window_at,
    zone_of,
)
from kaname.kernel.errors import InvalidInputError

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ZONES = sorted(z for z in available_timezones() if "/" in z)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if "+" not in text else datetime.fromisoformat(text)


def calendar(unit: str, zone: str = "UTC", quarter: int = 1) -> WindowRule:
    return WindowRule(count=1, unit=unit, calendar=True, time_zone=zone, quarter_start_month=quarter)  # type: ignore[arg-type]


def starts(rule: WindowRule, first: datetime, count: int) -> list[datetime]:
    found = [first]
    for _ in range(count):
        found.append(window_at(rule, first, found[-1]).end)
    return found


def test_a_japanese_day_begins_at_15_utc() -> None:
    window = window_at(calendar("d", "Asia/Tokyo"), LONG_AGO, at("2026-03-10T14:59:59"))
    assert window == (at("2026-03-09T15:00:00"), at("2026-03-10T15:00:00"))
    assert window_at(calendar("M", "Asia/Tokyo"), LONG_AGO, at("2026-02-28T15:00:00")).start == at("2026-02-28T15:00")


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29T12:00", 23), ("2026-10-25T12:00", 25), ("2026-06-01T12:00", 24)]
)
def test_days_have_23_or_25_hours_where_clocks_change(day: str, hours: int) -> None:
    window = window_at(calendar("d", "Europe/Berlin"), LONG_AGO, at(day))
    assert window.end - window.start == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("zone", "inside", "first_instant"),
    [
        ("Africa/Cairo", "2023-04-28T12:00", "2023-04-27T22:00"),  # midnight is skipped: the day begins at 01:00
        ("America/Havana", "2026-11-01T12:00", "2026-11-01T04:00"),  # 00:00 to 01:00 comes twice
        ("Pacific/Apia", "2011-12-31T00:00", "2011-12-30T10:00"),  # the 30th didn't exist
    ],
)
def test_odd_midnights(zone: str, inside: str, first_instant: str) -> None:
    assert window_at(calendar("d", zone), LONG_AGO, at(inside)).start == at(first_instant)


def test_months_counted_from_the_31st_end_with_shorter_months_and_come_back() -> None:
    found = starts(WindowRule(count=1, unit="M"), at("2026-01-31T10:00"), 4)
    assert [f"{s:%m-%d}" for s in found] == ["01-31", "02-28", "03-31", "04-30", "05-31"]


def test_years_counted_from_a_leap_day() -> None:
    found = starts(WindowRule(count=1, unit="Y"), at("2024-02-29T00:00"), 4)
    assert [f"{s:%Y-%m-%d}" for s in found] == ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]


@pytest.mark.parametrize(
    ("quarter", "now", "start", "end"),
    [
        (1, "2026-05-20T00:00", "2026-04-01T00:00", "2026-07-01T00:00"),
        (2, "2026-01-20T00:00", "2025-11-01T00:00", "2026-02-01T00:00"),
        (3, "2026-01-20T00:00", "2025-12-01T00:00", "2026-03-01T00:00"),
        (4, "2026-12-31T23:59", "2026-10-01T00:00", "2027-01-01T00:00"),
        (11, "2026-05-20T00:00", "2026-05-01T00:00", "2026-08-01T00:00"),
    ],
)
def test_quarters(quarter: int, now: str, start: str, end: str) -> None:
    assert window_at(calendar("Q", quarter=quarter), LONG_AGO, at(now)) == (at(start), at(end))


def test_weeks_begin_on_monday_and_years_on_the_first_of_january() -> None:
    assert window_at(calendar("w"), LONG_AGO, at("2026-03-15T23:59")).start == at("2026-03-09T00:00")
    assert window_at(calendar("Y"), LONG_AGO, at("2026-03-15T23:59")).end == at("2027-01-01T00:00")


def test_the_first_calendar_window_begins_with_the_budget() -> None:
    assert window_at(calendar("M"), at("2026-03-10T09:00"), at("2026-03-11T00:00")) == (
        at("2026-03-10T09:00"),
        at("2026-04-01T00:00"),
    )


def test_an_override_lasts_for_whole_windows() -> None:
    assert end_after(calendar("M"), LONG_AGO, at("2026-01-15T00:00"), 2) == at("2026-03-01T00:00")


def instants(days: int) -> st.SearchStrategy[datetime]:
    return st.timedeltas(timedelta(days=366), timedelta(days=days)).map(lambda past: LONG_AGO + past)


@given(
    unit=st.sampled_from("dwMQY"),
    zone=st.sampled_from(ZONES),
    quarter=st.integers(1, 12),
    now=instants(60 * 365),
)
def test_calendar_windows_hold_now_touch_each_other_and_lie_on_local_boundaries(
    unit: str, zone: str, quarter: int, now: datetime
) -> None:
    rule = calendar(unit, zone, quarter)
    window = window_at(rule, LONG_AGO, now)
    assert window.start <= now < window.end
    assert window_at(rule, LONG_AGO, window.start) == window
    assert window_at(rule, LONG_AGO, window.end).start == window.end
    assert window_at(rule, LONG_AGO, window.start - timedelta(microseconds=1)).end == window.start
    local, before = (t.astimezone(ZoneInfo(zone)) for t in (window.start, window.start - timedelta(microseconds=1)))
    assert local.date() > before.date() or (local.hour, local.minute) == (0, 0)
    if unit == "w" and local.hour == 0:
        assert local.weekday() == 0


@given(
    count=st.integers(1, 30),
    unit=st.sampled_from("mhdwMQY"),
    zone=st.sampled_from(ZONES),
    first=instants(30 * 365),
    ahead=st.timedeltas(timedelta(0), timedelta(days=9000)),
)
def test_counted_windows_hold_now_and_follow_from_the_first(
    count: int, unit: str, zone: str, first: datetime, ahead: timedelta
) -> None:
    rule = WindowRule(count=count, unit=unit, time_zone=zone)  # type: ignore[arg-type]
    window = window_at(rule, first, first + ahead)
    assert window.start <= first + ahead < window.end
    assert window_at(rule, first, window.end).start == window.end
    assert window_at(rule, first, window.start) == window
    assert window_at(rule, first, first - timedelta(days=1)).start == first
    assert all(a < b for a, b in pairwise(starts(rule, first, 5)))


@pytest.mark.parametrize(
    ("rule", "param"),
    [
        (WindowRule(count=1, unit="h", calendar=True), "calendar"),
        (WindowRule(count=2, unit="w", calendar=True), "calendar"),
        (WindowRule(count=1, unit="d", time_zone="Asia/Tokyo"), "time_zone"),
        (WindowRule(count=1, unit="Q", quarter_start_month=2), "quarter_start_month"),
        (WindowRule(count=1, unit="M", calendar=True, quarter_start_month=4), "quarter_start_month"),
        (WindowRule(count=1, unit="Q", calendar=True, quarter_start_month=13), "quarter_start_month"),
        (WindowRule(time_zone="Mars/Olympus"), "time_zone"),
        (WindowRule(time_zone="../etc/passwd"), "time_zone"),
    ],
)
def test_settings_without_effect_are_refused(rule: WindowRule, param: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_window(rule)
    assert refused.value.param == param


def test_periods_are_a_number_and_a_unit_or_a_word() -> None:
    assert [parse_period(t) for t in ("30m", "2w", "1M", "month", "year")] == [
        (30, "m"), (2, "w"), (1, "M"), (1, "M"), (1, "Y"),
    ]  # fmt: skip
    for wrong in ("", "0d", "1", "M", "1y", "1.5h", "401d", "-1d", "1d "):
        with pytest.raises(InvalidInputError):
            parse_period(wrong)
    assert zone_of("Asia/Tokyo").key == "Asia/Tokyo"
