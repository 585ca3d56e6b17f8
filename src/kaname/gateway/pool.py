"""The gateway's own keep-alive HTTP/1.1 client: one `Pool`, a bounded set of connections per `Origin`.

Why not a library: the fastest Python client costs three times the CPU of this one a request
(docs/adr/0060-gateway-hot-path.md). It deliberately doesn't follow redirects, keep cookies, use proxies, or decompress.
Idle connections are reused last in, first out, so that a burst's surplus grows old and is closed. Addresses are
resolved for each new connection and connected to as resolved, so a name can't pass the private-address check and then
lead somewhere else. Belongs to one event loop.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from kaname.gateway.connection import UpstreamConnection
from kaname.gateway.inline_call import InlineCall
from kaname.gateway.outbox import Outbox
from kaname.gateway.upstream_response import StaleConnectionError, Timeouts, UpstreamResponse
from kaname.kernel.errors import UnavailableError, UpstreamError, UpstreamTimeoutError

_CARRIES_IPV4 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
"""NAT64 and the old IPv4-compatible addresses: where a translator is, they lead to the IPv4 address at their end."""


class Origin(NamedTuple):
    """Where connections go. Equal origins share connections."""

    scheme: str
    host: str
    port: int
    allow_private: bool = False
    ca_file: str = ""
    max_connections: int = 512


class ConnectionCount(NamedTuple):
    """Connections to a host, and calls that wait for one."""

    open: int
    waiting: int


class Sent(NamedTuple):
    """A response whose headers are in, and how it was got."""

    response: UpstreamResponse
    reused: bool
    stale_retries: int


class ResponseHolder(Protocol):
    """Whoever waits for a response gets it as soon as the request is sent, to keep its clock."""

    response: UpstreamResponse | None


@dataclass(slots=True)
class _OriginState:
    idle: list[UpstreamConnection] = field(default_factory=list[UpstreamConnection])
    open: int = 0
    waiters: "deque[asyncio.Future[None]]" = field(default_factory=deque["asyncio.Future[None]"])


class Pool:
    """Sends requests over kept-alive connections."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, idle_connection_s: float = 20.0) -> None:
        self._loop = loop
        self._idle_connection_s = idle_connection_s
        self._outbox = Outbox()
        self._origins: dict[Origin, _OriginState] = {}
        self._tls: dict[str, ssl.SSLContext] = {}
        self._next_reap = 0.0

    async def send(
        self,
        origin: Origin,
        head: bytes,
        body: bytes,
        timeouts: Timeouts,
        deadline: float,
        holder: ResponseHolder,
        inline: InlineCall | None = None,
    ) -> Sent:
        """Sends one request and returns when the answer's headers are in.

        `head` is everything up to the blank line; `deadline` is loop time. Repeats once, on a new connection, when a
        kept-alive one died without a reply byte. Raises UpstreamError, UpstreamTimeoutError or UnavailableError.
        `inline` is what runs the caller, unless a task does.
        Until it calls `abort` on the response, the holder must call its `sweep`, which is what ends a silent one.
        """
        for stale_retries in (0, 1):
            connection = self._take_idle(origin) if stale_retries == 0 else None
            if connection is None:
                if inline is not None:
                    await inline.into_task()
                connection = await self._connect(origin, timeouts)
            try:
                response = connection.send(head, body, timeouts, deadline)
                response.consumer = inline
                holder.response = response
                while not response.status:
                    await response.wait()
            except StaleConnectionError:
                connection.abort()
                continue
            except BaseException:
                connection.abort()
                raise
            return Sent(response, connection.reused, stale_retries)
        raise UpstreamError("the upstream closes every connection without an answer", code="upstream_reset")

    def open_connections(self, origin: Origin) -> int:
        """Connections open now, idle ones included."""
        state = self._origins.get(origin)
        return state.open if state is not None else 0

    def connections_by_host(self) -> dict[str, ConnectionCount]:
        """For metrics: all origins of a host together."""
        counts: dict[str, ConnectionCount] = {}
        for origin, state in self._origins.items():
            name = f"{origin.host}:{origin.port}"
            before = counts.get(name, ConnectionCount(0, 0))
            counts[name] = ConnectionCount(before.open + state.open, before.waiting + len(state.waiters))
        return counts

    def close(self) -> None:
        """Closes idle connections; busy ones close when their response is released."""
        for state in self._origins.values():
            for connection in list(state.idle):
                connection.abort()
            state.idle.clear()

    # ---- taking and giving back

    def _take_idle(self, origin: Origin) -> UpstreamConnection | None:
        state = self._origins.get(origin)
        if state is None or state.waiters:
            return None
        now = self._loop.time()
        if now > self._next_reap:
            self._reap(now)
        while state.idle:
            connection = state.idle.pop()
            if not connection.closed:
                return connection
        return None

    def _reap(self, now: float) -> None:
        """Closes connections idle for too long, oldest first, in every origin; at most once a second."""
        self._next_reap = now + 1.0
        for origin, state in list(self._origins.items()):
            while state.idle and now - state.idle[0].idle_since > self._idle_connection_s:
                state.idle.pop(0).abort()
            if not state.open and not state.waiters:
                del self._origins[origin]

    async def _connect(self, origin: Origin, timeouts: Timeouts) -> UpstreamConnection:
        state = self._origins.setdefault(origin, _OriginState())
        limit = self._loop.time() + timeouts.connect_s
        while state.open >= origin.max_connections:
            await self._wait_for_slot(state, origin, limit - self._loop.time())
            if state.idle:
                connection = state.idle.pop()
                if not connection.closed:
                    return connection
        state.open += 1
        try:
            async with asyncio.timeout_at(limit):
                return await self._open(origin, state)
        except BaseException as e:
            self._closed(state)
            if isinstance(e, TimeoutError):
                raise UpstreamTimeoutError(
                    f"no connection to the upstream within {timeouts.connect_s:g} s", code="upstream_connect_timeout"
                ) from e
            raise

    async def _wait_for_slot(self, state: _OriginState, origin: Origin, wait_s: float) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        state.waiters.append(waiter)
        try:
            async with asyncio.timeout(wait_s):
                await waiter
        except BaseException as e:
            if waiter.done() and not waiter.cancelled():  # woken and given up in the same moment: pass it on
                self._wake(state)
            if not isinstance(e, TimeoutError):
                raise
            raise UnavailableError(
                f"all {origin.max_connections} connections to the upstream are busy",
                hint="Raise the provider's `max_connections` or slow down.", code="overloaded", retry_after_s=1,
            ) from e  # fmt: skip
        finally:
            if waiter in state.waiters:
                state.waiters.remove(waiter)

    async def _open(self, origin: Origin, state: _OriginState) -> UpstreamConnection:
        def on_free(connection: UpstreamConnection) -> None:
            connection.idle_since = self._loop.time()
            state.idle.append(connection)
            if state.waiters:
                self._wake(state)

        def on_closed(connection: UpstreamConnection) -> None:
            if connection in state.idle:
                state.idle.remove(connection)
            self._closed(state)

        context = self._tls_context(origin.ca_file) if origin.scheme == "https" else None
        failure: OSError | None = None
        for address in await resolve(origin, self._loop):
            try:
                _, connection = await self._loop.create_connection(
                    lambda: UpstreamConnection(self._loop, self._outbox),
                    address,
                    origin.port,
                    ssl=context,
                    server_hostname=origin.host if context is not None else None,
                )
            except OSError as e:
                failure = e
                continue
            connection.belongs_to(on_free, on_closed)
            return connection
        raise _connect_error(failure) from failure

    def _closed(self, state: _OriginState) -> None:
        state.open -= 1
        self._wake(state)

    def _wake(self, state: _OriginState) -> None:
        while state.waiters:
            waiter = state.waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _tls_context(self, ca_file: str) -> ssl.SSLContext:
        context = self._tls.get(ca_file)
        if context is None:
            context = ssl.create_default_context(cafile=ca_file or None)
            context.set_alpn_protocols(["http/1.1"])
            self._tls[ca_file] = context
        return context


async def resolve(origin: Origin, loop: asyncio.AbstractEventLoop) -> list[str]:
    """IP addresses of an origin's host, refused when one is private and the origin doesn't allow it."""
    try:
        found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except OSError as e:
        raise UpstreamError(f"the upstream's host {origin.host!r} can't be resolved", code="upstream_dns") from e
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    if not origin.allow_private:
        for address in addresses:
            if is_private(address):
                raise UpstreamError(
                    f"the upstream's host {origin.host!r} has a private address",
                    hint="Set `allow_private: true` on the provider if that is meant.", code="upstream_private_address",
                )  # fmt: skip
    return addresses


def is_private(address: str) -> bool:
    """Whether an IP address isn't one of the public internet: private, loopback, link-local, shared, reserved."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        mapped = ip.ipv4_mapped or ip.sixtofour
        if any(ip in network for network in _CARRIES_IPV4):
            mapped = ipaddress.IPv4Address(ip.packed[-4:])
        if mapped is not None:
            return not mapped.is_global or mapped.is_multicast
    return not ip.is_global or ip.is_multicast


def _connect_error(failure: OSError | None) -> UpstreamError:
    if isinstance(failure, ssl.SSLError):
        reason = getattr(failure, "verify_message", "") or failure.reason or "handshake failed"
        return UpstreamError(f"no TLS connection to the upstream: {reason}", code="upstream_tls")
    if isinstance(failure, ConnectionRefusedError):
        return UpstreamError("the upstream refused the connection", code="upstream_refused", hint="Is it running?")
    return UpstreamError("no connection to the upstream", code="upstream_unreachable")
