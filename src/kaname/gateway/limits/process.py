"""The limits of one gateway process, put together: the service that calls use, and the exchange behind it."""

import asyncio
from dataclasses import dataclass

from kaname.gateway.limits.exchange import Exchange
from kaname.gateway.limits.flusher import FLUSH_S, LimitFlusher
from kaname.gateway.limits.ledger import Ledger
from kaname.gateway.limits.live import LiveStates
from kaname.gateway.limits.model import KeyDefaults
from kaname.gateway.limits.service import LimitService
from kaname.kernel.clock import Clock
from kaname.storage.sql.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """`start` in the event loop before the first call, `stop` after the last one."""

    service: LimitService
    flusher: LimitFlusher

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to exchange with the other processes."""
        self.flusher.start(loop)

    def stop(self) -> None:
        """Stores what is left. From the loop's thread."""
        self.flusher.stop()


def build_limits(
    database: Database, clock: Clock, defaults: KeyDefaults | None = None, *, flush_s: float = FLUSH_S
) -> ProcessLimits:
    """Reads everything that counts now; raises what the database raises."""
    live = LiveStates(clock)
    service = LimitService(clock, defaults, live=live)
    flusher = LimitFlusher(Ledger(service, live), Exchange(database, clock), flush_s=flush_s)
    flusher.load()
    return ProcessLimits(service=service, flusher=flusher)
