"""When a budget's window begins and ends: pure functions on aware UTC times.

Windows follow each other without gaps. Without `calendar` they are counted from a first start: minutes, hours, days and
weeks as fixed lengths, months, quarters and years as calendar steps from that date (31 January, 28 February, 31 March)
at that local time. With `calendar` they lie on midnight, Monday, the 1st, the quarter or 1 January of the budget's own
zone, so a day may have 23 or 25 hours. A local midnight that doesn't exist is the first instant of its day.
"""

import re
from bisect import bisect_right
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kaname.kernel.errors import InvalidInputError

PeriodUnit = Literal["m", "h", "d", "w", "M", "Q", "Y"]
MAX_COUNT = 400
_PERIOD = re.compile(r"([1-9]\d{0,2})([mhdwMQY])")
_WORDS = {"minute": "1m", "hour": "1h", "day": "1d", "week": "1w", "month": "1M", "quarter": "1Q", "year": "1Y"}
_FIXED = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_MONTHS = {"M": 1, "Q": 3, "Y": 12}
_UNITS: dict[str, PeriodUnit] = {"m": "m", "h": "h", "d": "d", "w": "w", "M": "M", "Q": "Q", "Y": "Y"}
_LONGEST_STEP = timedelta(days=31)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule:
    """How long a window is and where it begins."""

    count: int = 1
    unit: PeriodUnit = "M"
    calendar: bool = False
    time_zone: str = "UTC"
    quarter_start_month: int = 1
    """First month of a quarter; it matters modulo 3."""

    @property
    def period(self) -> str:
        """As people write it: `1d`, `2w`, `1M`."""
        return f"{self.count}{self.unit}"


class Window(NamedTuple):
    """From `start` up to, not including, `end`."""

    start: datetime
    end: datetime


def parse_period(text: str) -> tuple[int, PeriodUnit]:
    """`30m`, `1h`, `1d`, `2w`, `1M`, `1Q`, `1Y`, or a word such as `month`; raises InvalidInputError."""
    match = _PERIOD.fullmatch(_WORDS.get(text, text))
    if match is None or int(match[1]) > MAX_COUNT:
        raise InvalidInputError(
            f"period {text[:20]!r} isn't one",
            hint="Write a number and m, h, d, w, M, Q or Y: `1d`, `1M`.",
            param="period",
            code="budget_period_invalid",
            params={"value": text[:20]},
        )
    return int(match[1]), _UNITS[match[2]]


def check_window(rule: WindowRule) -> WindowRule:
    """The rule, or InvalidInputError: what would have no effect is refused, not ignored."""
    zone_of(rule.time_zone)
    if rule.calendar and rule.unit in ("m", "h"):
        raise _without_effect("calendar", "windows shorter than a day never align to the calendar")
    if rule.calendar and rule.count != 1:
        raise _without_effect("calendar", f"the calendar has no boundary every {rule.period}; use a period of 1")
    if rule.time_zone != "UTC" and not rule.calendar and rule.unit in _FIXED:
        raise _without_effect("time_zone", "a rolling window of fixed length is the same in every time zone")
    if not 1 <= rule.quarter_start_month <= 12:
        raise InvalidInputError(
            f"quarter_start_month {rule.quarter_start_month!r} isn't a month",
            hint="1 to 12.",
            param="quarter_start_month",
            code="budget_quarter_invalid",
        )
    if rule.quarter_start_month != 1 and not (rule.calendar and rule.unit == "Q"):
        raise _without_effect("quarter_start_month", "it moves calendar quarters only")
    return rule


@lru_cache(maxsize=600)
def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name; raises InvalidInputError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as e:
        raise InvalidInputError(
            f"time zone {name[:60]!r} doesn't exist",
            hint="Write an IANA name such as Asia/Tokyo or UTC.",
            param="time_zone",
            code="time_zone_unknown",
            params={"value": name[:60]},
        ) from e


def window_at(rule: WindowRule, first_start: datetime, now: datetime) -> Window:
    """The window that holds `now`; before `first_start` the first one. A calendar window may be cut off at it."""
    now = max(now, first_start)
    if not rule.calendar:
        return _counted(rule, first_start, now)
    zone = zone_of(rule.time_zone)
    day = _floor(rule, now.astimezone(zone).date())
    start, end = _midnight(day, zone), _midnight(_after(rule, day), zone)
    if now >= end:  # the local date runs behind where clocks are put back across midnight
        day = _after(rule, day)
        start, end = end, _midnight(_after(rule, day), zone)
    return Window(max(start, first_start), end)


def end_after(rule: WindowRule, first_start: datetime, now: datetime, cycles: int) -> datetime:
    """The end of the `cycles`-th window, counting the present one as the first."""
    end = now
    for _ in range(cycles):
        end = window_at(rule, first_start, end).end
    return end


def _counted(rule: WindowRule, first: datetime, now: datetime) -> Window:
    fixed = _FIXED.get(rule.unit)
    if fixed is not None:
        length = fixed * rule.count
        start = first + length * ((now - first) // length)
        return Window(start, start + length)
    months = _MONTHS[rule.unit] * rule.count
    zone = zone_of(rule.time_zone)
    local = first.astimezone(zone)
    guess = ((now - first) // _LONGEST_STEP) // months
    # A step is at most 31 days a month, so the guess is never too high and a few steps too low after decades.
    starts = [_months_later(local, months * n, zone) for n in range(guess, guess + 2)]
    while starts[-1] <= now:
        starts.append(_months_later(local, months * (guess + len(starts)), zone))
    at = bisect_right(starts, now)
    return Window(first if guess + at == 1 else starts[at - 1], starts[at])


def _months_later(local: datetime, months: int, zone: ZoneInfo) -> datetime:
    month = local.month - 1 + months
    year, month = local.year + month // 12, month % 12 + 1
    day = min(local.day, monthrange(year, month)[1])
    wall = local.replace(year=year, month=month, day=day, tzinfo=zone, fold=local.fold if months == 0 else 0)
    return wall.astimezone(UTC)


def _floor(rule: WindowRule, day: date) -> date:
    if rule.unit == "d":
        return day
    if rule.unit == "w":
        return day - timedelta(days=day.weekday())
    if rule.unit == "M":
        return day.replace(day=1)
    if rule.unit == "Q":
        back = (day.month - rule.quarter_start_month) % 3
        month = day.month - back
        return date(day.year, month, 1) if month > 0 else date(day.year - 1, month + 12, 1)
    return date(day.year, 1, 1)


def _after(rule: WindowRule, day: date) -> date:
    if rule.unit in _FIXED:
        return day + _FIXED[rule.unit]
    month = day.month - 1 + _MONTHS[rule.unit]
    return date(day.year + month // 12, month % 12 + 1, 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day: where midnight is skipped or comes twice, `fold=0` is that instant."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _without_effect(param: str, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"`{param}` would have no effect: {why}",
        hint="Leave it out, or change the period.",
        param=param,
        code="budget_setting_without_effect",
        params={"setting": param},
    )
