"""One timer for everything that waits: deadlines of upstream calls, and when to watch for a client that leaves.

A timer per request costs more than the two set operations here, and nearly no request ever needs its timer. The price
is a precision of `SWEEP_INTERVAL_S`. Runs only while something is registered.
"""

import asyncio
import logging
from typing import Protocol

SWEEP_INTERVAL_S = 0.025

logger = logging.getLogger(__name__)


class Sweepable(Protocol):
    """Something that wants to look at the clock now and then."""

    def sweep(self, now: float) -> None:
        """Called every `SWEEP_INTERVAL_S` with the loop's time while registered. Must be quick."""
        ...


class Sweeper:
    """Calls everything registered at every interval. Belongs to one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._items: set[Sweepable] = set()
        self._timer: asyncio.TimerHandle | None = None
        self.lag_s = 0.0
        """How late the last sweep was: how long whatever is ready waits for the event loop. 0 when nothing runs."""

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Sweepable) -> None:
        """Registers; idempotent."""
        self._items.add(item)
        if self._timer is None:
            self._timer = self.loop.call_later(SWEEP_INTERVAL_S, self._sweep)

    def discard(self, item: Sweepable) -> None:
        """Unregisters; idempotent."""
        self._items.discard(item)

    def _sweep(self) -> None:
        now = self.loop.time()
        due = self._timer.when() if self._timer is not None else now
        self._timer = None
        self.lag_s = max(now - due, 0.0)
        for item in list(self._items):
            try:
                item.sweep(now)
            except Exception:  # border: one item's defect must not stop the clock of all others
                logger.exception("a timer check failed")
                self._items.discard(item)
        if self._items:
            self._timer = self.loop.call_later(SWEEP_INTERVAL_S, self._sweep)
        else:
            self.lag_s = 0.0
