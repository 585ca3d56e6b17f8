"""Writes of one turn of the event loop, made together when everything that had come in has been served.

Under load a turn serves many calls. To write for each at once means to leave for the kernel and wake another process in
the middle of every one, which makes the processor forget what it had learnt of our code: a third of a call's CPU. When
one call runs alone its write waits for nothing but the end of its own work. Belongs to one event loop.
"""

import asyncio
from collections.abc import Callable


class Outbox:
    """What is to be written in this turn."""

    __slots__ = ("_writes",)

    def __init__(self) -> None:
        self._writes: list[Callable[[], object]] = []

    def post(self, write: Callable[[], object]) -> None:
        """Calls `write` at the end of the turn. It must not raise."""
        writes = self._writes
        if not writes:
            asyncio.get_running_loop().call_soon(self._flush)
        writes.append(write)

    def _flush(self) -> None:
        writes, self._writes = self._writes, []
        for write in writes:
            write()
