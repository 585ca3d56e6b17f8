"""One call while it is under way: what is known so far, its way to the client, and whether the client is still there.

A client that leaves cancels the call's task, wherever it waits; a client that stops reading does so after
`write_timeout_s`. The watch begins at the first sweep, so calls that are answered at once don't pay for it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal

from kaname.gateway.cache.fill import Fill
from kaname.gateway.decode import DecodedRequest
from kaname.gateway.guardrails.run import GuardRun
from kaname.gateway.health import RouteTraffic
from kaname.gateway.inline_call import InlineCall
from kaname.gateway.limits.reservation import Reservation
from kaname.gateway.model import GatewayRecord
from kaname.gateway.openai_errors import Headers, join_lines
from kaname.gateway.passing import Passed
from kaname.gateway.plan import Choice
from kaname.gateway.planned_target import PlannedTarget
from kaname.gateway.surfaces import ErrorStyle
from kaname.gateway.sweep import Sweeper
from kaname.gateway.upstream_response import UpstreamResponse
from kaname.gateway.whole_reply import reply_whole, split_lines, write_chunk

Message = MutableMapping[str, Any]  # the type that the ASGI specification gives
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


_CACHE = {"hit": b"hit", "semantic_hit": b"hit", "miss": b"miss", "bypass": b"bypass"}


class Exchange:
    """State of one call. `record` is filled in pipeline order; whatever is known when the call ends is recorded."""

    __slots__ = (
        "_cancel", "_receive", "_seen_sent", "_send", "_sending", "_sent", "_since", "_started_at", "_sweeper",
        "_watcher", "_write_timeout_s", "body", "choice", "drains", "errors", "fill", "gone", "guards", "headers",
        "inline", "is_internal", "limits",
        "organization_id", "passed", "record", "request", "reservation", "response", "source",
        "target", "traffic",
    )  # fmt: skip

    def __init__(
        self,
        record: GatewayRecord,
        headers: dict[bytes, bytes],
        *,
        receive: Receive,
        send: Send,
        sweeper: Sweeper,
        write_timeout_s: float,
        errors: ErrorStyle = "openai",
        inline: InlineCall | None = None,
    ) -> None:
        self.record = record
        self.inline = inline
        """What runs the call, unless a task does. Whoever gives it says by `client_left` when the client leaves."""
        self.errors: ErrorStyle = errors
        """In whose words this client gets errors."""
        self.drains = False
        """Whether the answer is read to its end after the client has left."""
        self.headers = headers
        self.body = b""
        self.organization_id = ""
        self.passed: Passed | None = None
        """What a native call asks of a provider."""
        self.source: object = None
        """Whence the client's address can be read (`client_address.py`); None: the gateway itself calls."""
        self.reservation: Reservation | None = None
        self.limits = b""
        """Header lines that say what is left of the caller's limits."""
        self.request: DecodedRequest | None = None
        self.target: PlannedTarget | None = None
        self.traffic: RouteTraffic | None = None
        """Where the call is counted when it ends."""
        self.choice: Choice | None = None
        self.response: UpstreamResponse | None = None
        """What the upstream is answering; its deadlines are checked with ours."""
        self.fill: Fill | None = None
        """What the call owes the cache when it is over."""
        self.guards: GuardRun | None = None
        self.is_internal = False
        """Whether the gateway itself makes the call, for another one."""
        self.gone: Literal["", "left", "stalled"] = ""
        """Why the client no longer counts."""
        self._started_at = time.perf_counter_ns()
        self._receive = receive
        self._send = send
        self._sweeper = sweeper
        self._write_timeout_s = write_timeout_s
        self._cancel: Callable[[], object] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._sending = False
        self._sent = self._seen_sent = 0
        self._since = 0.0

    # ---- to the client

    async def start(self, status: int, content_type: bytes, extra: Headers) -> None:
        """Sends status and headers of a stream."""
        self.record.status = status
        lines = self._head(content_type) + self._passed(extra)
        await self._emit({"type": "http.response.start", "status": status, "headers": split_lines(lines)})

    async def write(self, chunk: bytes, *, last: bool = False) -> None:
        """Sends body bytes; waits while the client is slow."""
        if not self.gone and write_chunk(self._send, chunk, last=last):
            self._sent += 1
            return
        await self._emit({"type": "http.response.body", "body": chunk, "more_body": not last})

    def reply_at_once(self, status: int, body: bytes, extra: Headers) -> bool:
        """Sends a whole JSON answer if that needs no waiting; else does nothing and returns False."""
        self.record.status = status
        return bool(self.gone) or reply_whole(self._send, status, self._lines(body, extra), body)

    async def reply(self, status: int, body: bytes, extra: Headers) -> None:
        """Sends a whole JSON answer."""
        if self.reply_at_once(status, body, extra):
            return
        lines = self._lines(body, extra)
        self._sending = True
        await self._send({"type": "http.response.start", "status": status, "headers": split_lines(lines)})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})
        self._sending = False

    def _lines(self, body: bytes, extra: Headers) -> bytes:
        """Header lines of a whole answer."""
        lines = b"%bcontent-length: %d\r\n" % (self._head(b"application/json"), len(body))
        return lines + self._passed(extra) if extra else lines

    def _passed(self, extra: Headers) -> bytes:
        """The upstream's header lines, without its rate limits where the caller has limits of its own here."""
        if not extra:
            return b""
        own = self.limits
        return join_lines([header for header in extra if b"ratelimit-" not in header[0]] if own else extra)

    def _head(self, content_type: bytes) -> bytes:
        """Header lines of every answer, each with its line end. One formatting for the usual ones."""
        record, target = self.record, self.target
        request_id = record.request_id.encode()
        lines = b"content-type: %b\r\nx-request-id: %b\r\nx-kaname-trace-id: %b\r\n" % (
            content_type, request_id, record.trace_id.encode(),
        )  # fmt: skip
        if target is not None:
            lines += b"x-kaname-target: %b\r\nx-kaname-attempts: %d\r\n" % (target.header_value, len(record.attempts))
        lines += self.limits
        if self.errors == "anthropic":
            lines += b"request-id: %b\r\n" % request_id
        if self.reservation is not None and self.reservation.limited_by:
            limited_by = ",".join(self.reservation.limited_by).encode("ascii", "replace")
            lines += b"x-kaname-limited-by: %b\r\n" % limited_by
        if record.cache:
            lines += b"x-kaname-cache: %b\r\n" % _CACHE[record.cache]
        if record.warnings:
            lines += b"x-kaname-warnings: %b\r\n" % "; ".join(record.warnings).encode("ascii", "replace")[:2000]
        return lines

    async def _emit(self, message: Message) -> None:
        if self.gone:
            return
        self._sending = True
        await self._send(message)
        self._sending = False
        self._sent += 1

    def elapsed_ns(self) -> int:
        """Since the call began."""
        return time.perf_counter_ns() - self._started_at

    # ---- the client's presence

    def watch(self) -> None:
        """Begins to watch. The request body must have been read."""
        if self.inline is not None:
            self._cancel = self.inline.cancel
        else:
            task = asyncio.current_task(self._sweeper.loop)
            assert task is not None
            self._cancel = task.cancel
        self._sweeper.add(self)

    def unwatch(self) -> None:
        """Ends the watch; nothing cancels the call after this.

        A watcher that runs ends by itself: after a complete answer ASGI's `receive` gives a disconnect. Cancelling it
        would leave a cycle of exception and frames to the garbage collector.
        """
        self._sweeper.discard(self)
        self._cancel = self._watcher = None

    def cancel(self, msg: object = None) -> None:
        """The server ends and can't wait for this call, which an `InlineCall` runs."""
        if self.inline is not None:
            self.inline.cancel(msg)

    def client_left(self) -> None:
        """The client's connection is closed."""
        self._give_up("left")

    async def into_task(self) -> None:
        """What follows may do what only a task can."""
        if self.inline is not None:
            await self.inline.into_task()

    def uncancel(self) -> None:
        """The call has been cancelled, has taken note, and does its last things."""
        if self.inline is not None:
            self.inline.uncancel()
        elif (task := asyncio.current_task(self._sweeper.loop)) is not None:
            task.uncancel()

    def sweep(self, now: float) -> None:
        """Starts the watcher, notices a client that doesn't read, and an upstream that doesn't answer."""
        if self.response is not None:
            self.response.sweep(now)
        if self._watcher is None and self.inline is None:
            self._watcher = self._sweeper.loop.create_task(self._await_disconnect())
        if not self._sending or self._sent != self._seen_sent:
            self._seen_sent, self._since = self._sent, now
        elif now - self._since > self._write_timeout_s:
            self._give_up("stalled")

    async def _await_disconnect(self) -> None:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._give_up("left")

    def _give_up(self, why: Literal["left", "stalled"]) -> None:
        cancel, self._cancel = self._cancel, None
        if cancel is not None:
            self.gone = why
            if not (self.drains and why == "left"):
                cancel()
