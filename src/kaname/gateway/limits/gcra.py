"""A continuous rate limit (GCRA): `limit` units a minute, of which a whole minute's worth may come at once.

State is one number, the theoretical arrival time (`tat`): how far ahead of now the units taken so far reach. Refilling
is continuous, so there is no window edge to crowd at. `pending_s` is what this process took and hasn't shared yet;
`share` and `adopt` carry it to the other processes and theirs back (`exchange.py`).
Times are seconds of a clock that never runs backwards. Source: ITU-T I.371, annex A (virtual scheduling).
"""

WINDOW_S = 60.0


class Gcra:
    """One bucket. `fits` changes nothing; `take` doesn't ask."""

    __slots__ = ("bucket", "dirty", "limit", "pending_s", "seconds_per_unit", "tat")

    def __init__(self, bucket: str, limit: int) -> None:
        self.bucket = bucket
        self.limit = limit
        self.seconds_per_unit = WINDOW_S / limit if limit else 0.0
        self.tat = 0.0
        self.pending_s = 0.0
        self.dirty = False

    def fits(self, units: int, now: float) -> bool:
        """Whether so many units are free now."""
        ahead = self.tat - now
        return (ahead if ahead > 0 else 0.0) + units * self.seconds_per_unit <= WINDOW_S and self.limit > 0

    def wait_s(self, units: int, now: float) -> float | None:
        """Until so many units will be free; None if they never are."""
        if units > self.limit:
            return None
        return max(0.0, self.tat - now + units * self.seconds_per_unit - WINDOW_S)

    def take(self, units: int, now: float) -> None:
        """Uses units up; negative gives them back."""
        seconds = units * self.seconds_per_unit
        tat = self.tat
        self.tat = (max(now, tat)) + seconds
        self.pending_s += seconds

    def remaining(self, now: float) -> int:
        """Units that are free now."""
        if not self.limit:
            return 0
        ahead = self.tat - now
        free = int((WINDOW_S - ahead if ahead > 0 else WINDOW_S) / self.seconds_per_unit + 1e-6)
        return max(0, free)

    def full_in_s(self, now: float) -> float:
        """Until the whole limit is free again."""
        return max(0.0, self.tat - now)

    def share(self) -> float:
        """What hasn't been shared; from now on it has."""
        pending, self.pending_s, self.dirty = self.pending_s, 0.0, False
        return pending

    def adopt(self, tat: float, now: float) -> None:
        """Takes over the state that all processes agree on, plus what this one has taken since it shared."""
        # A tat further ahead than a full window comes from a clock that was moved: it would close the bucket for long.
        self.tat = max(now, min(tat, now + WINDOW_S)) + self.pending_s
