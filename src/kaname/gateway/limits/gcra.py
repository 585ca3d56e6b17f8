"""A continuous rate limit (GCRA): `limit` units a minute, of which a whole minute's worth may come at once.

State is one number, the theoretical arrival time (`tat`): how far ahead of now the units taken so far reach. Refilling
is continuous, so there is no window edge to crowd at. `pending_s` is what this process took and hasn't shared yet;
`share` and `adopt` carry it to the other processes and theirs back (`exchange.py`).
Between two exchanges a process takes at most its `lease` of what is free: an equal share, but never less than a
batch, so that several processes overshoot together by a batch each and not by a whole minute's worth.
Times are seconds of a clock that never runs backwards. Source: ITU-T I.371, annex A (virtual scheduling).
"""

import math

WINDOW_S = 60.0
LEASE_RETRY_S = 0.25
ROUNDING_S = 1e-6


class Gcra:
    """One bucket. `fits` changes nothing; `take` doesn't ask."""

    __slots__ = ("batch_s", "bucket", "dirty", "lease_s", "limit", "pending_s", "seconds_per_unit", "tat")

    def __init__(self, bucket: str, limit: int, batch: int) -> None:
        self.bucket = bucket
        self.limit = limit
        self.seconds_per_unit = WINDOW_S / limit if limit else 0.0
        self.batch_s = batch * self.seconds_per_unit
        self.lease_s = math.inf
        self.tat = 0.0
        self.pending_s = 0.0
        self.dirty = False

    def fits(self, units: int, now: float) -> bool:
        """Whether so many units are free now."""
        ahead = self.tat - now
        seconds = units * self.seconds_per_unit
        return (
            (ahead if ahead > 0 else 0.0) + seconds <= WINDOW_S + ROUNDING_S
            and self.pending_s + seconds <= self.lease_s + ROUNDING_S
            and self.limit > 0
        )

    def wait_s(self, units: int, now: float) -> float | None:
        """Until so many units will be free; None if they never are."""
        if units > self.limit:
            return None
        wait_s = max(0.0, self.tat - now + units * self.seconds_per_unit - WINDOW_S)
        return wait_s or LEASE_RETRY_S

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

    def lease(self, peers: int, now: float) -> None:
        """Takes a share of what is free, with so many other processes at work."""
        free_s = WINDOW_S - max(0.0, self.tat - now)
        self.lease_s = max(free_s / (peers + 1), self.batch_s) if peers else math.inf

    def share(self) -> float:
        """What hasn't been shared; from now on it has."""
        pending, self.pending_s, self.dirty = self.pending_s, 0.0, False
        return pending

    def adopt(self, tat: float, now: float) -> None:
        """Takes over the state that all processes agree on, plus what this one has taken since it shared."""
        # A tat further ahead than a full window comes from a clock that was moved: it would close the bucket for long.
        self.tat = max(now, min(tat, now + WINDOW_S)) + self.pending_s
