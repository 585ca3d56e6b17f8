"""Time. Everything that needs "now" takes a `Clock`, so that tests can set it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall and monotonic time."""

    def now(self) -> datetime:
        """Aware UTC wall time."""
        ...

    def now_ns(self) -> int:
        """Wall time in nanoseconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(slots=True)
class ManualClock:
    """A clock that stands still until a test moves it."""

    at: datetime
    elapsed_s: float = 0.0

    def now(self) -> datetime:
        return self.at

    def now_ns(self) -> int:
        # Via integer microseconds: float seconds lose sub-microsecond digits today.
        return (self.at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000

    def monotonic(self) -> float:
        return self.elapsed_s

    def advance(self, seconds: float) -> None:
        """Moves both clocks forward."""
        self.at += timedelta(seconds=seconds)
        self.elapsed_s += seconds


def from_ns(ns: int) -> datetime:
    """Aware UTC datetime of nanoseconds since 1970, truncated to microseconds."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)


def to_ns(at: datetime) -> int:
    """Nanoseconds since 1970 of an aware datetime."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
