"""Closing a connection whose client still sends, so that it reads the answer (RFC 9112 section 9.6).

A socket closed with unread bytes resets the connection, and the reset may overtake the answer that says why. So the
sending side is closed first, what still comes is read and dropped, and the rest follows when the client has closed, or
after a bounded time or amount.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from kaname.gateway.corked_transport import CorkedTransport
from kaname.gateway.outbox import Outbox

LINGER_S = 5.0
LINGER_BYTES = 256 << 20


class LingeringTransport(CorkedTransport):
    """Passes everything on until `close`; writes after it are dropped."""

    __slots__ = ("_is_sending", "_left", "_timer", "is_lingering")

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        is_sending: Callable[[], bool],
        outbox: Outbox | None = None,
    ) -> None:
        """`is_sending` says whether the client is in the middle of something: only then closing waits for it."""
        super().__init__(transport, loop, outbox)
        self._is_sending = is_sending
        self._left = LINGER_BYTES
        self._timer: asyncio.TimerHandle | None = None
        self.is_lingering = False

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        if not self.is_lingering:
            super().write(data)

    def write_soon(self, data: bytes) -> None:
        if not self.is_lingering:
            super().write_soon(data)

    def is_closing(self) -> bool:
        return self.is_lingering or super().is_closing()

    def close(self) -> None:
        """Ends the connection, at once if the client isn't sending or when called again."""
        if self.is_closing() or not self._is_sending():
            self.end()
            return
        self._send_soon()
        self.uncork()
        self.is_lingering = True
        self._transport.write_eof()
        self._transport.resume_reading()  # an app that answered early may have left a full buffer behind
        self._timer = self._loop.call_later(LINGER_S, self.end)

    def drop(self, size: int) -> None:
        """Accounts for received bytes that nobody reads."""
        self._left -= size
        if self._left < 0:
            self.end()

    def end(self) -> None:
        """Closes for good once what was written has been sent."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        super().close()
