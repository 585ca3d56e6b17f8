"""A small HTTP/1.1 server on a handed-down listening socket: asyncio and httptools, nothing else.

It serves one kind of client on loopback and is still strict: the secret is checked before a body is read, headers,
bodies, connections and idle times are bounded, requests on one connection are answered one after another.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httptools

from kaname.storage.columns.engine.faults import StatementError
from kaname.storage.columns.engine.request import HttpRequest

logger = logging.getLogger(__name__)

MAX_HEAD_BYTES = 1 << 20
"""URL and headers together; ClickHouse's own bound of a URL."""
MAX_PIPELINED = 16
REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 411: "Length Required", 413: "Content Too Large", 415: "Unsupported Media Type",
    500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable",
}  # fmt: skip
Headers = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Bounds of the transport."""

    max_body_bytes: int
    max_bodies_bytes: int
    """All bodies that are held at one time."""
    max_connections: int = 256
    receive_timeout_s: float = 60.0
    send_timeout_s: float = 120.0
    """How long a client may take nothing of its answer."""
    keep_alive_s: float = 300.0


class Exchange:
    """One request and the writing of its answer."""

    def __init__(self, connection: "HttpConnection", request: HttpRequest) -> None:
        self.request = request
        self.has_begun = False
        self._connection = connection

    async def send(self, status: int, body: bytes, headers: Headers) -> None:
        """Answers at once with a whole body."""
        self.has_begun = True
        head = self._head(status, {**headers, "Content-Length": str(len(body))})
        if self.request.method == "HEAD":
            body = b""
        await self._connection.write(head if len(body) > 1 << 16 else head + body)
        if len(body) > 1 << 16:
            await self._connection.write(body)

    async def begin(self, headers: Headers) -> None:
        """Starts a chunked answer."""
        self.has_begun = True
        await self._connection.write(self._head(200, {**headers, "Transfer-Encoding": "chunked"}))

    async def send_chunk(self, data: bytes) -> None:
        """Sends a piece of a chunked answer; waits while the client is slower than we are."""
        if data and self.request.method != "HEAD":
            await self._connection.write(b"%x\r\n%b\r\n" % (len(data), data))

    async def finish(self) -> None:
        """Ends a chunked answer."""
        await self._connection.write(b"0\r\n\r\n")

    def abort(self) -> None:
        """Cuts the connection; what was written may not arrive."""
        self._connection.abort()

    def close_unfinished(self) -> None:
        """Ends the connection after what was written, without the last chunk: the client sees that it isn't whole."""
        self._connection.close()

    @property
    def is_gone(self) -> bool:
        """Whether the client has left. May be asked from any thread."""
        return self._connection.gone.is_set()

    async def wait_gone(self) -> None:
        """Returns when the client has left."""
        await self._connection.gone.wait()

    def _head(self, status: int, headers: Headers) -> bytes:
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}"]
        lines += [f"{k}: {v}" for k, v in headers.items()]
        lines.append("Connection: Keep-Alive" if self._connection.keeps_alive else "Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


Handler = Callable[[Exchange], Awaitable[None]]
HeadCheck = Callable[[HttpRequest], None]


class HttpServer:
    """Accepts connections; owns what they share."""

    def __init__(self, handler: Handler, check_head: HeadCheck, limits: ServerLimits) -> None:
        self.handler = handler
        self.check_head = check_head
        self.limits = limits
        self.held_bytes = 0
        self.connections: set[HttpConnection] = set()
        self.is_closing = False

    def make_connection(self) -> "HttpConnection":
        return HttpConnection(self)

    async def sweep(self, every_s: float = 5.0) -> None:
        """Cuts connections that are silent for too long."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(every_s)
            now = loop.time()
            for connection in tuple(self.connections):
                connection.close_if_silent(now)

    async def close(self, grace_s: float) -> None:
        """Lets the answers under way end, for at most `grace_s`, then cuts every connection."""
        self.is_closing = True
        busy = [c.answered() for c in self.connections if c.is_busy]
        if busy:
            await asyncio.wait([asyncio.ensure_future(b) for b in busy], timeout=grace_s)
        for connection in tuple(self.connections):
            connection.abort()


class HttpConnection(asyncio.Protocol):
    """Parses requests of one connection and answers them in order. Also the parser's callback object."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._url = b""
        self._headers: Headers = {}
        self._head_bytes = 0
        self._is_in_head = False
        self._request: HttpRequest | None = None
        self._fault: StatementError | None = None
        self._waiting: deque[HttpRequest] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._last_heard = 0.0
        self.gone = asyncio.Event()
        self.keeps_alive = True

    @property
    def is_busy(self) -> bool:
        """Whether an answer is under way."""
        return self._worker is not None and not self._worker.done()

    async def answered(self) -> None:
        """Returns when no answer is under way."""
        if self._worker is not None:
            await asyncio.wait([self._worker])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._last_heard = asyncio.get_running_loop().time()
        self._server.connections.add(self)
        if len(self._server.connections) > self._server.limits.max_connections:
            self._refuse(StatementError(202, "Too many connections", "TOO_MANY_SIMULTANEOUS_QUERIES"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._drop_bodies()
        self.gone.set()
        self._may_write.set()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def data_received(self, data: bytes) -> None:
        self._last_heard = asyncio.get_running_loop().time()
        if self._fault is not None:
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as e:
            cause = e.__context__
            bad = StatementError(1000, f"Bad request: {e}", "POCO_EXCEPTION", status=400)
            self._refuse(cause if isinstance(cause, StatementError) else bad)
            return
        # Counted here, because the parser keeps an unfinished header to itself.
        self._head_bytes = self._head_bytes + len(data) if self._is_in_head else 0
        if self._head_bytes > MAX_HEAD_BYTES:
            fault = StatementError(
                1000, f"URL and headers are over {MAX_HEAD_BYTES} bytes", "POCO_EXCEPTION", status=400
            )
            self._refuse(fault)

    # --- callbacks of the parser

    def on_message_begin(self) -> None:
        self._url, self._headers, self._request, self._is_in_head = b"", {}, None, True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        target = self._url.decode("latin-1")
        path, _, query_string = target.partition("?")
        method = self._parser.get_method().decode("latin-1")
        request = HttpRequest(method=method, path=path, query_string=query_string, headers=self._headers)
        self._server.check_head(request)
        length = self._headers.get("content-length", "0")
        if length.isdigit():
            self._reserve(int(length), already=0, commit=False)
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._request = request

    def on_body(self, data: bytes) -> None:
        request = self._request
        if request is None:
            return
        self._reserve(len(data), already=len(request.body), commit=True)
        request.body += data

    def on_message_complete(self) -> None:
        request, self._request = self._request, None
        if request is None:
            return
        self.keeps_alive = self._parser.should_keep_alive() and not self._server.is_closing
        self._waiting.append(request)
        if len(self._waiting) > MAX_PIPELINED:
            raise StatementError(202, "Too many requests on one connection", "TOO_MANY_SIMULTANEOUS_QUERIES")
        if not self.is_busy:
            self._worker = asyncio.get_running_loop().create_task(self._serve())

    # --- answers

    async def write(self, data: bytes) -> None:
        """Writes and waits until the transport takes more; raises ConnectionResetError when the client has left."""
        transport = self._transport
        if transport is None or self.gone.is_set():
            raise ConnectionResetError
        transport.write(data)
        if not self._may_write.is_set():
            try:
                await asyncio.wait_for(self._may_write.wait(), self._server.limits.send_timeout_s)
            except TimeoutError:
                self.abort()
            if self.gone.is_set() or not self._may_write.is_set():
                raise ConnectionResetError

    def abort(self) -> None:
        """Cuts the connection."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Ends the connection once everything written has been sent."""
        self.keeps_alive = False
        if self._transport is not None:
            self._transport.close()

    def close_if_silent(self, now: float) -> None:
        """Called now and then: ends connections on which nothing happens."""
        if self.is_busy or self._transport is None:
            return
        limits = self._server.limits
        is_between = self._request is None and not self._is_in_head
        if now - self._last_heard > (limits.keep_alive_s if is_between else limits.receive_timeout_s):
            self._transport.close()

    async def _serve(self) -> None:
        while self._waiting:
            request = self._waiting.popleft()
            exchange = Exchange(self, request)
            try:
                await self._server.handler(exchange)
            except ConnectionResetError:
                return
            except Exception:  # the HTTP border
                logger.exception("an answer failed")
                if exchange.has_begun:
                    self.abort()
                else:
                    self._refuse(StatementError(1002, "Internal error of the engine process", "UNKNOWN_EXCEPTION"))
                return
            finally:
                self._server.held_bytes -= len(request.body)
                request.body = bytearray()
                self._last_heard = asyncio.get_running_loop().time()
            if self._transport is not None and not self.keeps_alive:
                self._transport.close()
                return

    def _refuse(self, fault: StatementError) -> None:
        """Answers a request that can't be read, and closes: what follows on this connection can't be understood."""
        self._fault = fault
        if self.is_busy and asyncio.current_task() is not self._worker:
            self.abort()  # an answer to an earlier request is under way; ours would land in the middle of it
            return
        self._drop_bodies()
        transport = self._transport
        if transport is None:
            return
        body = fault.to_text("").encode("utf-8", "replace")
        extra = 'WWW-Authenticate: Basic realm="kaname engine"\r\n' if fault.status == 401 else ""
        retry = "Retry-After: 1\r\n" if fault.status == 503 else ""
        head = (
            f"HTTP/1.1 {fault.status} {REASONS.get(fault.status, 'Error')}\r\n"
            "Content-Type: text/plain; charset=UTF-8\r\n"
            f"X-ClickHouse-Exception-Code: {fault.code}\r\nContent-Length: {len(body)}\r\n{extra}{retry}"
            "Connection: close\r\n\r\n"
        )
        transport.write(head.encode("latin-1", "replace") + body)
        transport.close()

    def _reserve(self, n: int, *, already: int, commit: bool) -> None:
        limits = self._server.limits
        if already + n > limits.max_body_bytes:
            raise StatementError(307, f"The body is over {limits.max_body_bytes} bytes", "TOO_MANY_BYTES", status=413)
        if self._server.held_bytes + n > limits.max_bodies_bytes:
            raise StatementError(202, "Too many large bodies at one time", "TOO_MANY_SIMULTANEOUS_QUERIES")
        if commit:
            self._server.held_bytes += n

    def _drop_bodies(self) -> None:
        for request in (*self._waiting, self._request):
            if request is not None:
                self._server.held_bytes -= len(request.body)
        self._waiting.clear()
        self._request = None
