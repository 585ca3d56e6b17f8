"""Writes of one turn of the event loop, made together when everything that had come in has been served.

Under load a turn serves many calls. To write for each at once means to leave for the kernel and wake another process in
the middle of every one, which makes the processor forget what it had learnt of our code: a third of a call's CPU. As
long as turns have but one write each it is made at once, so that a call that runs alone doesn't wait for the loop.
Belongs to one event loop.
"""

import asyncio
from collections.abc import Callable


class Outbox:
    """What is to be written in this turn."""

    __slots__ = ("_alone", "_has_begun", "_writes")

    def __init__(self) -> None:
        self._has_begun = False
        """Whether this turn has had a write."""
        self._alone = True
        """Whether the last turn had one only."""
        self._writes: list[Callable[[], object]] = []

    def post(self, write: Callable[[], object]) -> None:
        """Calls `write`, at the end of the turn at the latest. It must not raise."""
        if not self._has_begun:
            self._has_begun = True
            asyncio.get_running_loop().call_soon(self._flush)
            if self._alone:
                write()
                return
        self._writes.append(write)

    def _flush(self) -> None:
        writes, self._writes = self._writes, []
        self._alone = len(writes) < (1 if self._alone else 2)
        self._has_begun = False
        for write in writes:
            write()
