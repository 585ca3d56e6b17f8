"""Answers requests of the ClickHouse interface from the store: picks a lane, runs, streams, words the errors.

Results of up to `BUFFER_BYTES` and everything asked for with `wait_end_of_query=1` are answered whole, so that an error
has its status. Larger ones flow through a pipe from the engine's own formatter, in any format, with the client's pace
as back-pressure; an error after the start is written as ClickHouse writes it and the connection is cut. A statement
that only reads is stopped when its client leaves; one that writes runs to its end.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter_ns

import msgspec

from kaname.storage.columns.engine.bodies import Packer, make_packer
from kaname.storage.columns.engine.chdb import ChdbStore, Outcome
from kaname.storage.columns.engine.faults import StatementError
from kaname.storage.columns.engine.lanes import Lane
from kaname.storage.columns.engine.request import HttpRequest, QueryRequest, check_secret, read_query
from kaname.storage.columns.engine.server import Exchange, Headers

logger = logging.getLogger(__name__)

BUFFER_BYTES = 256 << 10
PIPE_BYTES = 1 << 20
KILL_AGAIN_S = 0.5
MAX_BUFFERED_RESULT_BYTES = 256 << 20
F_SETPIPE_SZ = 1031
_CONTENT_TYPES = {
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "Parquet": "application/octet-stream",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """Where statements run."""

    reads: Lane
    writes: Lane
    exports: Lane
    control: Lane
    """For stopping statements, also when every other lane is full."""

    @property
    def finished(self) -> int:
        """Statements that have ended since the start."""
        return sum(lane.finished for lane in (self.reads, self.writes, self.exports))

    @property
    def running(self) -> int:
        """Statements that run or wait."""
        return sum(lane.inside for lane in (self.reads, self.writes, self.exports))

    def close(self) -> None:
        """Takes no more statements."""
        for lane in (self.reads, self.writes, self.exports, self.control):
            lane.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineService:
    """The handler of every request."""

    store: ChdbStore
    lanes: Lanes
    user: str
    secret: str
    max_body_bytes: int

    def check_head(self, request: HttpRequest) -> None:
        """Refuses a request before its body is read: without the secret, or with a method that isn't served."""
        if request.method not in ("GET", "HEAD", "POST"):
            raise StatementError(1000, f"Method {request.method} is not supported", "POCO_EXCEPTION", status=405)
        if not _is_ping(request):
            check_secret(request.headers, request.query_string, self.user, self.secret)

    async def handle(self, exchange: Exchange) -> None:
        """Answers one request."""
        request = exchange.request
        if _is_ping(request):
            await exchange.send(200, b"Ok.\n", {"Content-Type": "text/html; charset=UTF-8"})
            return
        query_id = str(uuid.uuid4())
        started = perf_counter_ns()
        try:
            if request.path != "/":
                raise StatementError(1000, f"There is no handle {request.path}", "POCO_EXCEPTION", status=404)
            query = await self._read(request, query_id)
            if query.is_streaming:
                await self._answer_streaming(exchange, query, started)
            else:
                await self._answer_whole(exchange, query, started)
        except StatementError as fault:
            if exchange.has_begun:
                exchange.abort()
                return
            await self._answer_fault(exchange, fault, query_id)

    async def _read(self, request: HttpRequest, query_id: str) -> QueryRequest:
        reader = partial(read_query, request, new_query_id=query_id, unpack_limit=self.max_body_bytes)
        if len(request.body) > BUFFER_BYTES and request.headers.get("content-encoding"):
            return await asyncio.to_thread(reader)
        return reader()

    async def _answer_whole(self, exchange: Exchange, query: QueryRequest, started: int) -> None:
        lane = self.lanes.reads if query.job.statement.kind == "result" else self.lanes.writes
        outcome = await self._run(exchange, query, lane, partial(self.store.run, query.job))
        headers = self._headers(query, outcome, started)
        body = outcome.body
        if query.encoding and body:
            packer = make_packer(query.encoding)
            body = await asyncio.to_thread(lambda: packer.pack(outcome.body) + packer.finish())
            headers["Content-Encoding"] = query.encoding
        await exchange.send(200, body, headers)

    async def _answer_streaming(self, exchange: Exchange, query: QueryRequest, started: int) -> None:
        pipe = _Pipe()

        def run() -> Outcome:
            try:
                return self.store.run(query.job, into_fd=pipe.write_fd)
            finally:
                pipe.close_writer()

        def done(work: "asyncio.Future[Outcome]") -> None:
            pipe.close_writer()  # also when the lane was full and `run` never ran
            _ = work.cancelled() or work.exception()

        work = asyncio.ensure_future(self._run(exchange, query, self.lanes.exports, run))
        work.add_done_callback(done)
        try:
            await self._pump(exchange, query, pipe.read(), work, started)
        finally:
            pipe.close_reader()

    async def _pump(
        self,
        exchange: Exchange,
        query: QueryRequest,
        pieces: AsyncIterator[bytes],
        work: "asyncio.Future[Outcome]",
        started: int,
    ) -> None:
        """Answers whole if the result ends within the buffer, in chunks otherwise."""
        buffer = bytearray()
        packer = make_packer(query.encoding) if query.encoding else None
        tag = uuid.uuid4().hex[:16]
        try:
            async for piece in pieces:
                if exchange.has_begun:
                    await exchange.send_chunk(packer.pack(piece) if packer else piece)
                    continue
                buffer += piece
                if len(buffer) > BUFFER_BYTES:
                    headers = self._headers(query, None, started) | {"X-ClickHouse-Exception-Tag": tag}
                    await exchange.begin(headers | ({"Content-Encoding": query.encoding} if packer else {}))
                    await exchange.send_chunk(packer.pack(bytes(buffer)) if packer else bytes(buffer))
            outcome = await work
        except StatementError as fault:
            if not exchange.has_begun:
                raise
            await self._end_with_fault(exchange, packer, tag, fault)
            return
        except ConnectionResetError:
            with contextlib.suppress(StatementError):
                await self.lanes.control.run(partial(self.store.kill, query.job.query_id))
            raise
        if exchange.has_begun:
            if packer:
                await exchange.send_chunk(packer.finish())
            await exchange.finish()
            return
        headers, body = self._headers(query, outcome, started), bytes(buffer)
        if packer and body:
            body, headers["Content-Encoding"] = packer.pack(body) + packer.finish(), query.encoding
        await exchange.send(200, body, headers)

    async def _run(self, exchange: Exchange, query: QueryRequest, lane: Lane, call: Callable[[], Outcome]) -> Outcome:
        """Runs the call in the lane; stops a reading statement when the client leaves."""
        # A request that waited in line while the engine restarted may be one that its client has given up and will send
        # again: the loop gets the time to notice the closed connection before anything is written.
        for _ in range(3):
            await asyncio.sleep(0)

        def run_unless_gone() -> Outcome:
            if exchange.is_gone:
                raise StatementError(394, "Query was cancelled", "QUERY_WAS_CANCELLED")
            return call()

        if query.job.statement.kind != "result":
            return await lane.run(run_unless_gone)
        work = asyncio.ensure_future(lane.run(run_unless_gone))
        gone = asyncio.ensure_future(exchange.wait_gone())
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
            while not work.done():  # again, in case it was just starting
                await self.lanes.control.run(partial(self.store.kill, query.job.query_id))
                await asyncio.wait((work,), timeout=KILL_AGAIN_S)
            return await work
        finally:
            gone.cancel()

    async def _end_with_fault(self, exchange: Exchange, packer: Packer | None, tag: str, fault: StatementError) -> None:
        """Writes the error at the end of a begun answer as ClickHouse does, then cuts the connection."""
        text = fault.to_text(self.store.version).strip()
        block = f"__exception__\r\n{tag}\r\n{text}\r\n{len(text.encode())} {tag}\r\n__exception__\r\n".encode()
        await exchange.send_chunk(packer.pack(block) + packer.finish() if packer else block)
        exchange.close_unfinished()

    async def _answer_fault(self, exchange: Exchange, fault: StatementError, query_id: str) -> None:
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-ClickHouse-Exception-Code": str(fault.code),
            "X-ClickHouse-Query-Id": query_id,
        }
        if fault.status == 503:
            headers["Retry-After"] = "1"
        await exchange.send(fault.status, fault.to_text(self.store.version).encode("utf-8", "replace"), headers)

    def _headers(self, query: QueryRequest, outcome: Outcome | None, started: int) -> Headers:
        statement, job = query.job.statement, query.job
        headers = {
            "Content-Type": _CONTENT_TYPES.get(job.output_format, "text/plain; charset=UTF-8"),
            "X-ClickHouse-Server-Display-Name": "kaname-engine",
            "X-ClickHouse-Query-Id": job.query_id,
            "X-ClickHouse-Timezone": "UTC",
        }
        if statement.kind == "result":
            headers["X-ClickHouse-Format"] = job.output_format
        if outcome is not None:
            headers["X-ClickHouse-Summary"] = _summarise(statement.kind == "insert", outcome, started)
        return headers


def _summarise(is_insert: bool, outcome: Outcome, started: int) -> str:
    numbers = {
        "read_rows": outcome.read_rows,
        "read_bytes": outcome.read_bytes,
        "written_rows": outcome.result_rows if is_insert else 0,
        "result_rows": 0 if is_insert else outcome.result_rows,
        "result_bytes": len(outcome.body),
        "elapsed_ns": perf_counter_ns() - started,
    }
    return msgspec.json.encode({k: str(v) for k, v in numbers.items()}).decode()


def _is_ping(request: HttpRequest) -> bool:
    return request.path in ("/ping", "/") and request.method != "POST" and not request.query_string


class _Pipe:
    """From the engine's formatter, which blocks, to the event loop, which doesn't."""

    def __init__(self) -> None:
        self._read_fd, self.write_fd = os.pipe()
        self._writer_is_open = True
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.write_fd, F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(self._read_fd, False)

    def close_writer(self) -> None:
        """Ends the stream. Called by the thread that writes, and once more when its work is done."""
        if self._writer_is_open:
            self._writer_is_open = False
            os.close(self.write_fd)

    def close_reader(self) -> None:
        """The writer's next write fails."""
        os.close(self._read_fd)

    async def read(self) -> AsyncIterator[bytes]:
        """The pieces until the writer closes its end."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                piece = os.read(self._read_fd, BUFFER_BYTES)
            except BlockingIOError:
                ready: asyncio.Future[None] = loop.create_future()
                loop.add_reader(self._read_fd, _set_once, ready)
                try:
                    await ready
                finally:
                    loop.remove_reader(self._read_fd)
                continue
            if not piece:
                return
            yield piece


def _set_once(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
