"""One HTTP/1.1 connection to an upstream, at most one request on it at a time. No pipelining, no redirects, no cookies.

It parses (httptools), fills an `UpstreamResponse`, and hands itself back to the pool as soon as the answer is complete.
Invariant: once the answer is complete the connection holds no reference to it, so late bytes can't reach the wrong one.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from kaname.gateway.outbox import Outbox
from kaname.gateway.upstream_response import StaleConnectionError, Timeouts, UpstreamResponse
from kaname.kernel.errors import KanameError, UpstreamError

MAX_HEADER_BYTES = 64 * 1024
COPIED_BODY_BYTES = 16 * 1024
"""Below this a copy is cheaper than a second buffer: the event loop writes one buffer at once, several later."""


class UpstreamConnection(asyncio.Protocol):
    """A transport, a parser and the response being filled."""

    __slots__ = (
        "_body_ended_by_close", "_header_bytes", "_headers", "_loop", "_on_closed", "_on_free", "_outbox", "_parser",
        "_response", "_transport", "_unsent", "_uses", "closed", "idle_since",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, outbox: Outbox | None = None) -> None:
        """With an outbox requests leave at the end of the loop's present turn."""
        self._outbox = outbox
        self._unsent = b""
        self.closed = False
        self.idle_since = 0.0
        self._loop = loop
        self._on_free: Callable[[UpstreamConnection], None] = _nothing
        self._on_closed: Callable[[UpstreamConnection], None] = _nothing
        self._response: UpstreamResponse | None = None
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._header_bytes = 0
        self._body_ended_by_close = True
        self._uses = 0

    def belongs_to(
        self, on_free: Callable[["UpstreamConnection"], None], on_closed: Callable[["UpstreamConnection"], None]
    ) -> None:
        """Names the pool's callbacks, once the connection stands. `on_closed` is called exactly once."""
        self._on_free, self._on_closed = on_free, on_closed
        if self.closed:
            self._forget()

    @property
    def reused(self) -> bool:
        """Whether the present request isn't the first one here."""
        return self._uses > 1

    def send(self, head: bytes, body: bytes, timeouts: Timeouts, deadline: float) -> UpstreamResponse:
        """Writes a request; the answer fills the returned response."""
        transport = self._transport
        if self.closed or transport is None or transport.is_closing():
            raise StaleConnectionError
        loop = self._loop
        response = UpstreamResponse(self, timeouts, loop, loop.time(), deadline)
        self._response = response
        self._uses += 1
        self._header_bytes = 0
        self._headers = {}
        if len(body) < COPIED_BODY_BYTES:
            if self._outbox is None:
                transport.write(head + body)
            else:
                self._unsent = head + body
                self._outbox.post(self._send_unsent)
        else:
            transport.writelines((head, body))
        return response

    # ---- Feed, for the response

    def pause(self) -> None:
        """Stops reading: the consumer is slow."""
        if self._transport is not None and not self.closed:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Reads again."""
        if self._transport is not None and not self.closed:
            self._transport.resume_reading()

    def abort(self) -> None:
        """Closes at once, without waiting for unsent bytes."""
        self._response = None
        self._close()

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:  # bytes that nobody asked for, e.g. a 408 before the server closes an idle connection
            self._close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(_invalid("it wants to switch protocols"))
        except httptools.HttpParserError as e:
            self._fail(e.__context__ if isinstance(e.__context__, KanameError) else _invalid("it isn't HTTP/1.1"))
        response.arrived()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        response, self._response = self._response, None
        if response is not None:
            if response.status and exc is None and self._body_ended_by_close:
                response.on_complete()
                response.arrived()
            elif self.reused and not response.status and not self._header_bytes:
                response.on_failure(StaleConnectionError())
            else:
                response.on_failure(_cut(response))
        self._forget()

    # ---- httptools

    def on_message_begin(self) -> None:
        if self._response is None:
            raise _invalid("it sends more than it was asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADER_BYTES:
            raise _invalid(f"its headers are larger than {MAX_HEADER_BYTES} bytes")
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 or self._response is None:
            return
        headers = self._headers
        self._body_ended_by_close = (
            b"content-length" not in headers and b"chunked" not in headers.get(b"transfer-encoding", b"").lower()
        )
        self._response.on_headers(status, headers)

    def on_body(self, body: bytes) -> None:
        if self._response is not None:
            self._response.on_chunk(body)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < 200:
            self._headers = {}
            return
        response, self._response = self._response, None
        transport = self._transport
        if response is None or transport is None:
            return
        is_sent = not self._unsent and not transport.get_write_buffer_size()
        reusable = self._parser.should_keep_alive() and is_sent
        if reusable and not self.closed:
            if response.paused:
                transport.resume_reading()
            self._on_free(self)
        else:
            self._close()
        response.on_complete()

    # ---- inside

    def _send_unsent(self) -> None:
        unsent, self._unsent = self._unsent, b""
        transport = self._transport
        # Of a connection that has been lost meanwhile the response says so, and nothing of it has left.
        if unsent and not self.closed and transport is not None and not transport.is_closing():
            transport.write(unsent)

    def _fail(self, error: KanameError) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.on_failure(error)
        self._close()

    def _close(self) -> None:
        self.closed = True
        if self._transport is not None:
            self._transport.abort()
        self._forget()

    def _forget(self) -> None:
        on_closed, self._on_closed = self._on_closed, _nothing
        self._on_free = _nothing
        on_closed(self)


def _nothing(_: UpstreamConnection) -> None:
    """Stands in for the pool after the connection left it, which also breaks the reference cycle."""


def _invalid(why: str) -> UpstreamError:
    return UpstreamError(f"the upstream's answer can't be read: {why}", code="upstream_invalid_response")


def _cut(response: UpstreamResponse) -> UpstreamError:
    if response.status:
        return UpstreamError("the upstream closed the connection in the middle of its answer", code="upstream_cut")
    return UpstreamError("the upstream closed the connection without an answer", code="upstream_reset")
