"""Identical calls under way at once: the first goes upstream, the others wait for its answer."""

import asyncio
from typing import Literal

from kaname.gateway.cache.model import CachedAnswer, Digest, Key

Ending = Literal["answered", "failed", "abandoned"]
"""`abandoned`: its client left, which says nothing about the upstream."""


class Flight:
    """One call that others may wait for."""

    __slots__ = ("_done", "answer", "digest", "ending")

    def __init__(self, loop: asyncio.AbstractEventLoop, digest: Digest = b"") -> None:
        self.digest = digest
        self.answer: CachedAnswer | None = None
        self.ending: Ending = "failed"
        self._done: asyncio.Future[None] = loop.create_future()

    async def wait(self) -> None:
        """Returns when the call is over. Cancelling one who waits disturbs nobody else."""
        await asyncio.shield(self._done)

    def land(self, answer: CachedAnswer | None, ending: Ending) -> None:
        """Ends the wait; once."""
        self.answer, self.ending = answer, ending
        if not self._done.done():
            self._done.set_result(None)


class Flights:
    """Calls under way by key. Belongs to one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._flights: dict[Key, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def find(self, key: Key) -> Flight | None:
        """The call under way with this key."""
        return self._flights.get(key)

    def begin(self, key: Key, digest: Digest = b"") -> Flight:
        """Registers a call; `end` must follow."""
        flight = self._flights[key] = Flight(self._loop, digest)
        return flight

    def end(self, key: Key, answer: CachedAnswer | None, ending: Ending) -> None:
        """Gives everyone who waits the answer, or the news that there is none."""
        flight = self._flights.pop(key, None)
        if flight is not None:
            flight.land(answer, ending)
