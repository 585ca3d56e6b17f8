"""What is spent of a budget for one subject in the present window, and what running calls hold of it.

    used = spent (as stored) + sharing (on its way there) + delta (new) + held (running here) + held_elsewhere

A call is let in only if its estimate fits on top of `used`, so calls that run at once can't overshoot together.
Invariants: a window never moves backwards, also when the wall clock does; a call is charged to the window it began in.
"""

from datetime import UTC, datetime

from kaname.gateway.limits.model import Budget
from kaname.gateway.limits.windows import window_at


class BudgetState:
    """Mutable counters of one (budget, subject). `*_s` are wall-clock seconds since 1970."""

    __slots__ = (
        "bucket",
        "budget",
        "delta",
        "dirty",
        "end",
        "ends_s",
        "entered",
        "held",
        "held_elsewhere",
        "late",
        "late_end",
        "late_start",
        "limit",
        "limit_until_s",
        "sharing",
        "spent",
        "start",
        "starts_s",
        "subject",
        "used",
    )

    def __init__(self, budget: Budget, subject: str, wall_s: float) -> None:
        """`entered` is the monotonic time at which this process began to count in the present window."""
        self.budget = budget
        self.subject = subject
        self.spent = self.sharing = self.delta = self.held = self.held_elsewhere = self.used = 0
        self.late = 0
        self.late_start: datetime | None = None
        self.late_end = _at(wall_s)
        self.entered = 0.0
        self.dirty = False
        self._enter(wall_s)

    def _enter(self, wall_s: float) -> None:
        budget, now = self.budget, _at(wall_s)
        window = window_at(budget.window, budget.window_from, now)
        self.start: datetime = window.start
        self.end: datetime = window.end
        self.bucket = f"b:{budget.id}:{self.subject}:{window.start:%Y%m%dT%H%M%S}"
        self.starts_s, self.ends_s = window.start.timestamp(), window.end.timestamp()
        self.limit = budget.limit_at(now)
        extra = budget.extra_until
        self.limit_until_s = min(self.ends_s, extra.timestamp()) if extra is not None and now < extra else self.ends_s

    def roll(self, wall_s: float, now: float) -> None:
        """Begins the window of now; called when `limit_until_s` has passed."""
        if wall_s < self.ends_s:  # only an override ended
            self.limit = self.budget.limit_at(_at(wall_s))
            self.limit_until_s = self.ends_s
            return
        self._leave(self.late + self.delta, now)
        self._enter(wall_s)

    def redefine(self, budget: Budget, wall_s: float, now: float) -> None:
        """Goes on with a changed budget. Spend moves along; what is stored comes with the exchange that brought it."""
        self.budget = budget
        start, end = self.start, self.end
        self._enter(max(wall_s, self.starts_s))
        if self.start != start and budget.moved_from != start:
            begun, ends, self.start, self.end = self.start, self.end, start, end
            self._leave(self.late + self.delta, now)
            self.start, self.end = begun, ends

    def _leave(self, late: int, now: float) -> None:
        """What this process hasn't stored of the window that ends now is stored as that window's."""
        self.late, self.late_start, self.late_end, self.entered = late, self.start, self.end, now
        self.spent = self.sharing = self.delta = self.held = self.held_elsewhere = self.used = 0

    def is_exceeded_by(self, cost: int | None) -> bool:
        """Whether a call of this cost doesn't fit. Without a known cost any remaining amount is enough; a free call
        always fits."""
        need = 1 if cost is None else cost
        return need > 0 and self.used + need > self.limit

    def hold(self, cost: int) -> None:
        """Keeps an amount for a running call."""
        self.held += cost
        self.used += cost

    def settle(self, held: int, cost: int, began: float) -> None:
        """Replaces what a call held by what it cost."""
        if began >= self.entered:
            self.held -= held
            self.delta += cost
            self.used += cost - held
        else:  # its window is over; what it held ended with it
            self.late += cost

    def add_up(self) -> None:
        """Recomputes `used` after what is stored, or held elsewhere, has changed."""
        self.used = self.spent + self.sharing + self.delta + self.held + self.held_elsewhere

    @property
    def settled(self) -> int:
        """What has been spent in this window, stored or not."""
        return self.spent + self.sharing + self.delta


def _at(wall_s: float) -> datetime:
    return datetime.fromtimestamp(wall_s, UTC)
