"""Runs one batch that this process holds: check the input, run what has no result yet, make the files.

Invariants: a request's result is stored before it counts; what is stored is never run again; a stop (cancelled,
expired, key revoked) ends what is under way and keeps what is stored. Belongs to one event loop; SQL and
blobs wait in threads.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Literal

from kaname.gateway.batches.calls import BatchCalls, Pause
from kaname.gateway.batches.file_store import FileStore
from kaname.gateway.batches.lease_store import LEASE_S, LeaseLostError, LeaseStore
from kaname.gateway.batches.lines import check_lines, iterate_requests
from kaname.gateway.batches.model import Batch, BatchLine, BatchStatus, ItemResult, LineError, StoredFile
from kaname.gateway.batches.wire import response_line, unanswered_line
from kaname.kernel.clock import Clock
from kaname.kernel.errors import KanameError, NotFoundError
from kaname.kernel.ids import new_id

BEAT_S = 1.0
_READ_AHEAD = 64
_UNSTORED = 256
_RETRY_S = 1.0

Stop = Literal["cancelled", "expired", "revoked"]
_UNRUN = {
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
    "revoked": ("key_revoked", "The key that made the batch was revoked before this request was executed."),
}

logger = logging.getLogger(__name__)


class BatchRunner:
    """One batch under way. `may_go_on` says whether its key still may call."""

    def __init__(
        self, batch: Batch, *, leases: LeaseStore, files: FileStore, calls: BatchCalls, room: asyncio.Semaphore,
        width: int, may_go_on: Callable[[], bool], clock: Clock,
    ) -> None:  # fmt: skip
        self._batch = batch
        self._leases = leases
        self._files = files
        self._calls = calls
        self._room = room
        self._width = width
        self._may_go_on = may_go_on
        self._clock = clock
        self._stop = self._reason_to_stop(batch.status)
        self._pause = Pause()
        self._results: asyncio.Queue[ItemResult | None] = asyncio.Queue(_UNSTORED)
        self._work: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """To its end, or until the process ends or loses the lease; raises what SQL and blobs raise."""
        main = asyncio.create_task(self._run())
        keeper = asyncio.create_task(self._keep_lease())
        try:
            await asyncio.wait((main, keeper), return_when=asyncio.FIRST_COMPLETED)
            if not main.done():
                logger.warning("batch %s isn't run by this process any more", self._batch.id)
        finally:
            for task in (main, keeper):
                task.cancel()
            ended = await asyncio.gather(main, keeper, return_exceptions=True)
        if isinstance(ended[0], Exception) and not isinstance(ended[0], LeaseLostError):
            raise ended[0]

    async def _run(self) -> None:
        parts = await self._check_input()
        if parts is None:
            return
        if self._stop is None:
            await self._run_requests(parts)
        if self._stop is None and self._calls.is_draining:
            await asyncio.to_thread(self._leases.release, self._batch.id)
            return
        await self._make_files(parts)

    async def _check_input(self) -> tuple[str, ...] | None:
        """Where the input is; None when the batch has failed."""
        batch = self._batch
        try:
            file = await asyncio.to_thread(self._files.get, batch.owner.project_id, batch.input_file_id)
        except NotFoundError:
            gone = LineError("input_file_not_found", "The input file was deleted.", "input_file_id", None)
            await asyncio.to_thread(self._leases.fail, batch.id, [gone])
            return None
        if batch.status == "validating":
            checked = await asyncio.to_thread(
                lambda: check_lines(self._files.content.lines(file.parts), batch.endpoint)
            )
            if checked.errors:
                await asyncio.to_thread(self._leases.fail, batch.id, checked.errors)
                return None
            await asyncio.to_thread(self._leases.begin, batch.id, checked.total)
        return file.parts

    # ---- requests

    async def _run_requests(self, parts: tuple[str, ...]) -> None:
        """Until all have a result, or a stop."""
        done = await asyncio.to_thread(self._leases.done, self._batch.id)
        source = _Source(r for r in self._requests(parts) if r.position not in done)
        storing = asyncio.create_task(self._store_results())
        self._work = asyncio.create_task(self._work_all(source))
        if self._stop is not None:  # it came meanwhile
            self._work.cancel()
        try:
            await asyncio.wait((self._work, storing), return_when=asyncio.FIRST_COMPLETED)
            if not self._work.done():
                storing.result()  # it ends first only by failing
            if not self._work.cancelled():
                self._work.result()
            await self._results.put(None)
            await storing
        finally:
            for task in (self._work, storing):
                task.cancel()
            await asyncio.gather(self._work, storing, return_exceptions=True)

    async def _work_all(self, source: "_Source") -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._width):
                group.create_task(self._work_on(source))

    async def _work_on(self, source: "_Source") -> None:
        while not self._calls.is_draining and (line := await source.next()) is not None:
            async with self._room:
                answer = await self._calls.make(self._batch, line, self._pause)
            if answer is None:
                return
            text = response_line(new_id("batch_req"), line.custom_id, answer.status, answer.request_id, answer.body)
            await self._results.put(ItemResult(line.position, line.custom_id, answer.status < 300, text))

    async def _store_results(self) -> None:
        """Stores what is there in one transaction, again and again; tries until the lease is lost."""
        is_over = False
        while not is_over:
            waiting = [await self._results.get()]
            while not self._results.empty():
                waiting.append(self._results.get_nowait())
            is_over = None in waiting
            results = [result for result in waiting if result is not None]
            while results:
                try:
                    await asyncio.to_thread(self._leases.add_results, self._batch, results)
                    break
                except LeaseLostError:
                    raise
                except KanameError as e:
                    logger.warning("results of batch %s can't be stored now, tried again: %s", self._batch.id, e)
                    await asyncio.sleep(_RETRY_S)

    def _requests(self, parts: Iterable[str]) -> Iterator[BatchLine]:
        return iterate_requests(self._files.content.lines(parts), self._batch.endpoint)

    # ---- the end

    async def _make_files(self, parts: tuple[str, ...]) -> None:
        batch = self._batch
        await asyncio.to_thread(self._leases.begin_finalizing, batch.id)
        if self._stop is None and await asyncio.to_thread(self._leases.beat, batch.id) == "cancelling":
            self._stop = "cancelled"
        await asyncio.to_thread(self._finish, parts)

    def _finish(self, parts: tuple[str, ...]) -> None:
        """In a thread."""
        leases, batch, stop = self._leases, self._batch, self._stop
        output = self._make_file("output", leases.result_lines(batch.id, succeeded=True))
        unrun = self._unrun_lines(parts, *_UNRUN[stop]) if stop in _UNRUN else iter(())
        errors = self._make_file("error", chain(leases.result_lines(batch.id, succeeded=False), unrun))
        status: BatchStatus = "completed" if stop is None else "expired" if stop == "expired" else "cancelled"
        try:
            leases.finish(batch.id, status, output, errors)
        except BaseException:
            for file in (output, errors):
                if file is not None:
                    self._files.content.delete(file.parts)
            raise

    def _unrun_lines(self, parts: tuple[str, ...], code: str, message: str) -> Iterator[bytes]:
        done = self._leases.done(self._batch.id)
        for request in self._requests(parts):
            if request.position not in done:
                yield unanswered_line(new_id("batch_req"), request.custom_id, code, message) + b"\n"

    def _make_file(self, kind: str, lines: Iterator[bytes]) -> StoredFile | None:
        """None without lines."""
        parts, size = self._files.content.put_all(lines)
        if not size:
            return None
        name = f"{self._batch.id}_{kind}.jsonl"
        return self._files.describe(self._batch.owner.project_id, "batch_output", name, parts, size)

    # ---- the lease

    async def _keep_lease(self) -> None:
        """Ends when the lease is lost."""
        loop = asyncio.get_running_loop()
        good_until = loop.time() + LEASE_S
        while True:
            await asyncio.sleep(BEAT_S)
            began = loop.time()
            try:
                status = await asyncio.to_thread(self._leases.beat, self._batch.id)
                good_until = began + LEASE_S
            except LeaseLostError:
                return
            except KanameError as e:
                logger.warning("the lease of batch %s can't be kept now: %s", self._batch.id, e)
                if loop.time() + BEAT_S >= good_until:
                    return
                continue
            if self._stop is None:
                self._stop = self._reason_to_stop(status)
                if self._stop is not None and self._work is not None:
                    self._work.cancel()

    def _reason_to_stop(self, status: BatchStatus) -> Stop | None:
        if status == "cancelling":
            return "cancelled"
        if status == "finalizing":
            return None
        if self._clock.now() >= self._batch.expires_at:
            return "expired"
        return None if self._may_go_on() else "revoked"


class _Source:
    """Requests one by one for several takers; read in a thread, some ahead."""

    def __init__(self, requests: Iterator[BatchLine]) -> None:
        self._requests = requests
        self._ready: list[BatchLine] = []
        self._reading = asyncio.Lock()

    async def next(self) -> BatchLine | None:
        """None after the last."""
        async with self._reading:
            if not self._ready:
                self._ready = await asyncio.to_thread(lambda: list(islice(self._requests, _READ_AHEAD)))
                self._ready.reverse()
            return self._ready.pop() if self._ready else None
