"""Files and batches of one process: the API, and the worker that takes batches which nobody runs.

Several processes on one database share the work: each takes what is free, a batch is run by one of them.
"""

import asyncio
import logging

from kaname.gateway.batches.api import BatchesApi, BatchStores
from kaname.gateway.batches.batch_store import BatchStore
from kaname.gateway.batches.calls import BatchCalls
from kaname.gateway.batches.content import FileContent
from kaname.gateway.batches.file_store import FileStore
from kaname.gateway.batches.lease_store import LeaseStore
from kaname.gateway.batches.model import Batch
from kaname.gateway.batches.ports import KeysById
from kaname.gateway.batches.runner import BatchRunner
from kaname.gateway.exchange import Exchange, Receive
from kaname.gateway.pipeline import GATEWAY_CALL
from kaname.gateway.ports import Caller
from kaname.gateway.settings import GatewaySettings
from kaname.kernel.border import survive
from kaname.kernel.clock import Clock
from kaname.kernel.errors import KanameError
from kaname.kernel.ids import new_id
from kaname.storage.blobs.ports import BlobStore
from kaname.storage.sql.database import Database

POLL_S = 1.0
BATCHES_AT_ONCE = 4
_LAST_S = 5.0

logger = logging.getLogger(__name__)


class Batches:
    """Implements `ports.BatchService`."""

    def __init__(
        self, database: Database, blobs: BlobStore, keys: KeysById, clock: Clock, settings: GatewaySettings
    ) -> None:
        self.files = FileStore(database, FileContent(blobs), clock)
        self._leases = LeaseStore(database, clock, new_id("prc"))
        self._keys = keys
        self._clock = clock
        self._width = settings.batch_concurrency
        self._room = asyncio.Semaphore(self._width)
        self._wake = asyncio.Event()
        self._api = BatchesApi(BatchStores(self.files, BatchStore(database, clock)), settings, self._wake.set)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._follower: asyncio.Task[None] | None = None

    def start(self, calls: BatchCalls) -> None:
        """See `ports.BatchService`. With a concurrency of 0 this process runs none."""
        if self._width:
            self._follower = asyncio.create_task(self._follow(calls))

    async def close(self) -> None:
        """See `ports.BatchService`. Calls must be draining."""
        if self._follower is not None:
            self._follower.cancel()
        if tasks := list(self._running.values()):
            await asyncio.wait(tasks, timeout=_LAST_S)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def serve(
        self, exchange: Exchange, caller: Caller, method: str, path: str, query: bytes, receive: Receive
    ) -> None:
        """See `ports.BatchService`."""
        await self._api.serve(exchange, caller, method, path, query, receive)

    async def _follow(self, calls: BatchCalls) -> None:
        failing = False
        while not calls.is_draining:
            with survive(logger, "taking batches"):
                try:
                    await self._take(calls)
                    failing = False
                except KanameError as e:
                    if not failing:
                        logger.warning("batches can't be taken now, tried again: %s", e)
                    failing = True
            try:
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()

    async def _take(self, calls: BatchCalls) -> None:
        if (room := BATCHES_AT_ONCE - len(self._running)) <= 0:
            return
        for batch in await asyncio.to_thread(self._leases.claim, room):
            task = asyncio.create_task(self._run(batch, calls))
            self._running[batch.id] = task

    async def _run(self, batch: Batch, calls: BatchCalls) -> None:
        runner = BatchRunner(
            batch, leases=self._leases, files=self.files, calls=calls, room=self._room, width=self._width,
            may_go_on=lambda: self._may_call(batch), clock=self._clock,
        )  # fmt: skip
        try:
            with survive(logger, "running batch %s", batch.id):
                try:
                    await runner.run()
                except KanameError as e:
                    logger.warning("batch %s stopped and will be taken again: %s", batch.id, e)
        finally:
            self._running.pop(batch.id, None)
            self._wake.set()

    def _may_call(self, batch: Batch) -> bool:
        caller = self._keys.principal(batch.owner.key_id)
        return caller is not None and GATEWAY_CALL in caller.permissions
