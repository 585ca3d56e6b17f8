"""One call while it is under way: what is known so far, its way to the client, and whether the client is still there.

A client that leaves cancels the call's task, wherever it waits; a client that stops reading does so after
`write_timeout_s`. The watch begins at the first sweep, so calls that are answered at once don't pay for it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal

from kaname.gateway.caller_context import CallerContext
from kaname.gateway.decode import DecodedRequest
from kaname.gateway.model import AttemptRecord, Outcome, ResponseFormat, Surface
from kaname.gateway.openai_errors import Headers
from kaname.gateway.plan import Plan, PlannedTarget
from kaname.gateway.ports import Caller
from kaname.gateway.sweep import Sweeper

Message = MutableMapping[str, Any]  # the type that the ASGI specification gives
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Exchange:
    """State of one call. Fields are filled in pipeline order."""

    __slots__ = (
        "_receive", "_seen_sent", "_send", "_sending", "_sent", "_since", "_sweeper", "_task", "_watcher",
        "_write_timeout_s", "attempts", "body", "caller", "config_version", "context", "error_code", "error_message",
        "error_type", "finish_reasons", "gone", "headers", "outcome", "plan", "request", "request_id", "response",
        "response_bytes", "response_format", "response_id", "response_model", "started_at", "started_ns", "status",
        "surface", "target", "ttft_ns", "usage",
    )  # fmt: skip

    def __init__(
        self,
        surface: Surface,
        headers: dict[bytes, bytes],
        context: CallerContext,
        request_id: str,
        *,
        receive: Receive,
        send: Send,
        sweeper: Sweeper,
        write_timeout_s: float,
    ) -> None:
        self.surface: Surface = surface
        self.headers = headers
        self.context = context
        self.request_id = request_id
        self.started_ns = time.time_ns()
        self.started_at = time.perf_counter_ns()
        self.caller: Caller | None = None
        self.body = b""
        self.request: DecodedRequest | None = None
        self.config_version = ""
        self.plan: Plan | None = None
        self.target: PlannedTarget | None = None
        self.attempts: list[AttemptRecord] = []
        self.status = 0
        """Status sent to the client, 0 before."""
        self.outcome: Outcome = "ok"
        self.error_type = self.error_code = self.error_message = ""
        self.usage = b""
        self.finish_reasons: list[str] = []
        self.response_model = self.response_id = ""
        self.response = b""
        self.response_bytes = 0
        self.response_format: ResponseFormat = ""
        self.ttft_ns: int | None = None
        self.gone: Literal["", "left", "stalled"] = ""
        """Why the client no longer counts."""
        self._receive = receive
        self._send = send
        self._sweeper = sweeper
        self._write_timeout_s = write_timeout_s
        self._task = asyncio.current_task()
        self._watcher: asyncio.Task[None] | None = None
        self._sending = False
        self._sent = self._seen_sent = 0
        self._since = 0.0

    # ---- to the client

    async def start(self, status: int, content_type: bytes, extra: Headers, length: int | None = None) -> None:
        """Sends status and headers."""
        headers: Headers = [
            (b"content-type", content_type),
            (b"x-request-id", self.request_id.encode()),
            (b"x-kaname-trace-id", self.context.trace_id.encode()),
        ]
        if self.target is not None:
            headers.append((b"x-kaname-target", self.target.header_value))
            headers.append((b"x-kaname-attempts", b"%d" % len(self.attempts)))
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        headers += extra
        self.status = status
        await self._emit({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, chunk: bytes, *, last: bool = False) -> None:
        """Sends body bytes; waits while the client is slow."""
        await self._emit({"type": "http.response.body", "body": chunk, "more_body": not last})

    async def reply(self, status: int, body: bytes, extra: Headers) -> None:
        """Sends a whole JSON answer."""
        await self.start(status, b"application/json", extra, len(body))
        await self.write(body, last=True)

    async def _emit(self, message: Message) -> None:
        self._sending = True
        await self._send(message)
        self._sending = False
        self._sent += 1

    def elapsed_ns(self) -> int:
        """Since the call began."""
        return time.perf_counter_ns() - self.started_at

    # ---- the client's presence

    def watch(self) -> None:
        """Begins to watch. The request body must have been read."""
        self._sweeper.add(self)

    def unwatch(self) -> None:
        """Ends the watch; nothing cancels the task after this."""
        self._sweeper.discard(self)
        self._task = None
        if self._watcher is not None:
            self._watcher.cancel()

    def sweep(self, now: float) -> None:
        """Starts the watcher, and notices a client that doesn't read."""
        if self._watcher is None:
            self._watcher = asyncio.get_running_loop().create_task(self._await_disconnect())
        if not self._sending or self._sent != self._seen_sent:
            self._seen_sent, self._since = self._sent, now
        elif now - self._since > self._write_timeout_s:
            self._give_up("stalled")

    async def _await_disconnect(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                break
        self._give_up("left")

    def _give_up(self, why: Literal["left", "stalled"]) -> None:
        task, self._task = self._task, None
        if task is not None:
            self.gone = why
            task.cancel()
