"""Bounded places to work in: reads, writes and exports each have their own, so that none can starve the others."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from kaname.storage.columns.engine.faults import StatementError

T = TypeVar("T")


class Lane:
    """Runs calls in threads, `width` at once, at most `max_waiting` in line. Belongs to one event loop."""

    def __init__(self, name: str, *, width: int, max_waiting: int) -> None:
        self.name = name
        self._width = width
        self._max_waiting = max_waiting
        self._inside = 0
        self.finished = 0
        self._threads = ThreadPoolExecutor(max_workers=width, thread_name_prefix=name)

    @property
    def inside(self) -> int:
        """Calls running or waiting."""
        return self._inside

    async def run(self, call: Callable[[], T]) -> T:
        """Runs the call in a thread; raises StatementError 202 (503) at once when the line is full.

        Cancelling the caller doesn't free the slot before the thread is done: the bound is on real work.
        """
        if self._inside >= self._width + self._max_waiting:
            raise StatementError(
                202,
                f"Too many simultaneous queries: {self._inside} in lane {self.name}",
                "TOO_MANY_SIMULTANEOUS_QUERIES",
            )
        self._inside += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, call)
        future.add_done_callback(self._leave)
        return await asyncio.shield(future)

    def close(self) -> None:
        """Takes no more calls; those in line are dropped, running ones end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _leave(self, _done: object) -> None:
        self._inside -= 1
        self.finished += 1
