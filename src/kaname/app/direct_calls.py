"""The short way of a gateway call into the server: from HTTP parser to gateway, without scope and ASGI messages.

A call that is as plain as nearly all are (POST to one of the gateway's paths, HTTP/1.1, a bounded body of known length,
nothing pipelined before it) has no need of what a framework is told about a request. It saves a tenth of a call's CPU.
Everything else goes the usual way. The answer still leaves through uvicorn's cycle, so keep-alive, back-pressure and
draining are the server's own.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

MAX_DIRECT_BYTES = 1 << 20
_UNUSUAL = (b"transfer-encoding", b"content-encoding", b"expect", b"upgrade")


class RunningCall(Protocol):
    """A call in the short way that isn't over."""

    def client_left(self) -> None:
        """The connection is closed."""
        ...

    def cancel(self, msg: object = None) -> None:
        """The server ends and can't wait."""
        ...


class DirectCalls(Protocol):
    """Takes calls in the short way; the gateway does."""

    @property
    def direct_paths(self) -> frozenset[bytes]:
        """Request targets that it takes, without a query."""
        ...

    def direct(
        self,
        path: bytes,
        headers: dict[bytes, bytes],
        body: bytes,
        cycle: RequestResponseCycle,
        on_end: Callable[[object], object],
    ) -> RunningCall | None:
        """Serves one call. Always answers through the cycle, or closes its transport; then calls `on_end` with
        what this returned. None: it is over already. Other calls have the same headers: nobody may change them."""
        ...


def is_plain(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request's headers let it take the short way."""
    length = headers.get(b"content-length")
    if length is None or len(length) > 7 or not length.isdigit() or int(length) > MAX_DIRECT_BYTES:
        return False
    return not any(name in headers for name in _UNUSUAL)
