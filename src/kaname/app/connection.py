"""The server's end of one client connection: uvicorn's protocol with the bounds that it lacks.

Request heads (and trailers) are bounded in size and in time, and so is the number of connections: whoever sends headers
without end, drips them, or opens connections and says nothing costs a fixed amount. A request whose head arrives in one
piece, as nearly all do, pays for no timer. Bodies are bounded by the apps, which know how much they accept; what comes
of one after its answer is dropped, within bounds too, and closing lets the client read that answer.
"""

import asyncio
import logging
import resource
from http import HTTPStatus
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from kaname.app.direct_calls import DirectCalls, RunningCall, is_plain
from kaname.app.lingering import LingeringTransport
from kaname.app.refusals import Refusal, RefusalLog, render_refusal
from kaname.app.repeated_head import MAX_MISSES, RepeatedHead
from kaname.gateway.outbox import Outbox

logger = logging.getLogger(__name__)
uvicorn_logger = logging.getLogger(f"{__name__}.uvicorn")
"""What uvicorn says of a connection. Below errors that is a warning for every malformed request, which `RefusalLog`
counts instead."""

MAX_HEAD_BYTES = 64 << 10
HEAD_TIMEOUT_S = 10.0
REST_TIMEOUT_S = 10.0
MAX_REST_BYTES = 8 << 20
"""Of a body whose request is answered already: as long and as much the client may go on and keep its connection."""
MAX_LINGERING_REFUSED = 64
"""Connections over the limit that may stay until their client has read so: they take descriptors as well."""
FILES_KEPT_FREE = 256
"""Descriptors that connections may not take: the journal, databases and upstreams need them."""
MAX_OPEN_FILES = 65_536
_HINTS = {
    "invalid_http": "Speak HTTP/1.1, with either content-length or chunked.",
    "head_too_large": f"Send headers of at most {MAX_HEAD_BYTES >> 10} KiB; put long values into the body.",
    "head_timeout": "Check the network.",
    "too_many_connections": "Use fewer connections and keep them open.",
}


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    max_connections = 10_000
    refusals: RefusalLog
    url = b""
    _awaiting_head = True
    """No request has begun yet, or one's headers aren't complete."""
    _in_message = False
    """A request has begun and isn't complete."""
    _is_refused = False
    _progressed = False
    _quiet_bytes = 0
    """Received since headers or body were last passed on: an unfinished head or trailer, held in memory."""
    _head_timer: asyncio.TimerHandle | None = None
    _rest_timer: asyncio.TimerHandle | None = None
    """Runs while a request that has been answered is still being received."""
    _rest_left = 0
    _idle_since = 0.0
    _idle_timer: asyncio.TimerHandle | None = None
    """One timer for a connection's whole life, that looks how long it has been idle: uvicorn's own is made anew for
    every answer."""
    direct_calls: DirectCalls | None = None
    outbox: Outbox | None = None
    """Shared by all connections of a server, which has one event loop."""
    _direct_headers: dict[bytes, bytes] | None = None
    """Of a request that takes the short way, until its body is complete."""
    _direct_body = b""
    _direct_call: RunningCall | None = None
    _piece = b""
    """What was received last, while it is parsed."""
    _head: RepeatedHead | None = None
    _heads_missed = 0

    # ---- from the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.logger = uvicorn_logger
        self._client_end = LingeringTransport(
            cast("asyncio.Transport", transport), self.loop, self._is_sending, self.outbox
        )
        super().connection_made(self._client_end)
        if len(self.connections) > self.max_connections:
            self._refuse(503, "too_many_connections", f"{self.max_connections} connections are open", b"retry-after: 5")
        else:
            self._start_head_timer()

    def data_received(self, data: bytes) -> None:
        if self._client_end.is_lingering:
            self._client_end.drop(len(data))
            return
        if (head := self._head) is not None and self._head_timer is None and self._is_between_requests():
            if not self._in_message and (body := head.body_of(data)) is not None:
                self.url = head.url
                self.cycle = self._direct_cycle(keep_alive=head.keep_alive)
                self._start_direct(head.headers, body)
                return
            self._head = None
            self._heads_missed += 1
        self._progressed = False
        self._piece = data
        super().data_received(data)
        self._piece = b""
        if self._progressed:
            self._quiet_bytes = 0
        else:
            self._quiet_bytes += len(data)
            if self._quiet_bytes > MAX_HEAD_BYTES:
                self._refuse(431, "head_too_large", f"the headers are larger than {MAX_HEAD_BYTES} bytes")
                return
        if self._awaiting_head != (self._head_timer is not None):
            if self._awaiting_head:
                self._start_head_timer()
            else:
                self._stop_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        self._stop_head_timer()
        self._stop_rest_timer()
        self._client_end.end()
        super().connection_lost(exc)
        if self._direct_call is not None:
            self._direct_call.client_left()

    # ---- from the parser

    def on_message_begin(self) -> None:
        self._awaiting_head = self._in_message = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._awaiting_head = False
        self._progressed = True
        calls = self.direct_calls
        if calls is None or self.url not in calls.direct_paths or not self._begin_direct():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._progressed = True
        if self._direct_headers is not None:
            self._direct_body = self._direct_body + body if self._direct_body else body
            return
        super().on_body(body)
        if self._rest_timer is not None:
            self._rest_left -= len(body)
            if self._rest_left < 0:
                self.transport.close()

    def on_message_complete(self) -> None:
        self._progressed = True
        self._in_message = False
        if (headers := self._direct_headers) is not None:
            self._direct_headers = None
            body, self._direct_body = self._direct_body, b""
            if self._heads_missed < MAX_MISSES:
                self._head = RepeatedHead.read(
                    self._piece, body, self.url, headers, keep_alive=self.cycle.keep_alive
                )  # fmt: skip
            self._start_direct(headers, body)
            return
        self._stop_rest_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._client_end.uncork()
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
            else:
                self._idle_since = self.loop.time()
                if self._idle_timer is None:
                    self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._on_idle)
        if self._in_message and self.cycle.response_complete and not self.transport.is_closing():
            self._rest_left = MAX_REST_BYTES
            self._rest_timer = self.loop.call_later(REST_TIMEOUT_S, self.transport.close)

    # ---- the short way

    def _begin_direct(self) -> bool:
        """Prepares a cycle for a plain call; False when it has to go the usual way."""
        headers = dict(self.headers)
        parser = self.parser
        assert parser is not None  # it calls this
        if (
            parser.get_method() != b"POST"
            or parser.get_http_version() != "1.1"
            or not self._is_between_requests()
            or len(headers) != len(self.headers)  # a repeated header isn't plain
            or not is_plain(headers)
        ):
            return False
        self.cycle = self._direct_cycle(keep_alive=parser.should_keep_alive())
        self._direct_headers, self._direct_body = headers, b""
        return True

    def _direct_cycle(self, *, keep_alive: bool) -> RequestResponseCycle:
        return RequestResponseCycle(
            scope=_DIRECT_SCOPE,  # pyright: ignore[reportArgumentType]
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )

    def _start_direct(self, headers: dict[bytes, bytes], body: bytes) -> None:
        calls, cycle = self.direct_calls, self.cycle
        assert calls is not None
        cycle.more_body = False
        call = self._direct_call = calls.direct(self.url, headers, body, cycle, self._on_direct_end)
        if call is not None:
            self.tasks.add(call)  # pyright: ignore[reportArgumentType] - the server only asks how many, and cancels

    def _on_direct_end(self, call: object) -> None:
        self.tasks.discard(call)  # pyright: ignore[reportArgumentType]
        if self._direct_call is call:  # a call that went on as a task ends a little later than its answer
            self._direct_call = None

    # ---- inside

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "invalid_http", msg.rstrip("."))

    def _on_idle(self) -> None:
        self._idle_timer = None
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        is_idle = self._is_between_requests() and not self._in_message
        if is_idle and left_s <= 0:
            self.transport.close()
        else:
            self._idle_timer = self.loop.call_later(max(left_s, 1.0), self._on_idle)

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._on_head_timeout)

    def _stop_head_timer(self) -> None:
        timer, self._head_timer = self._head_timer, None
        if timer is not None:
            timer.cancel()

    def _stop_rest_timer(self) -> None:
        timer, self._rest_timer = self._rest_timer, None
        if timer is not None:
            timer.cancel()

    def _is_sending(self) -> bool:
        if self._is_refused and len(self.connections) > self.max_connections + MAX_LINGERING_REFUSED:
            return False
        return self._is_refused or self._in_message

    def _on_head_timeout(self) -> None:
        self._head_timer = None
        if not self._is_between_requests():
            self._start_head_timer()  # the next request waits behind an answer under way, which must not be cut
        elif self._quiet_bytes:
            self._refuse(408, "head_timeout", f"the headers didn't arrive within {HEAD_TIMEOUT_S:g} s")
        else:
            self.transport.close()

    def _is_between_requests(self) -> bool:
        # None before the first request, whatever its declared type says.
        return cast("object", self.cycle) is None or self.cycle.response_complete

    def _refuse(self, status: int, code: str, detail: str, *headers: bytes) -> None:
        """Answers what never became a request, and closes. Mid-answer it only closes: nothing would read two."""
        if self.transport.is_closing():
            return
        self._is_refused = True
        refusal = Refusal(status, code, detail, _HINTS[code])
        self.refusals.note(refusal, self.loop)
        is_between = self._is_between_requests()
        if is_between or not self.cycle.response_started:
            kind, body = render_refusal(refusal, self.url, self.headers or ())
            head = [
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode(), b"content-type: " + kind,
                b"content-length: %d" % len(body), b"connection: close", *headers,
            ]  # fmt: skip
            self.transport.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
        self.transport.close()
        if not is_between:  # its app must not wait for the rest of the request, nor answer any more
            self.cycle.disconnected = True
            self.cycle.message_event.set()


_DIRECT_SCOPE = {"type": "http", "method": "POST"}
"""All that an answer's way out reads of a request."""


def build_protocol(max_connections: int, direct_calls: DirectCalls | None = None) -> type[BoundedProtocol]:
    """The protocol class of a server that accepts so many connections; `direct_calls` may take the short way."""
    members: dict[str, object] = {
        "max_connections": max_connections,
        "refusals": RefusalLog(logger),
        "direct_calls": direct_calls,
        "outbox": Outbox(),
    }
    return type("ServerProtocol", (BoundedProtocol,), members)


def raise_file_limit() -> int:
    """Takes as many descriptors as the system allows, and returns how many connections they are good for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(64, min(soft if soft != resource.RLIM_INFINITY else wanted, MAX_OPEN_FILES) - FILES_KEPT_FREE)
