"""A transport that saves uvicorn one system call an answer: the head goes out with the first body bytes.

uvicorn writes head and body separately and the event loop sends each at once. A write costs as much as everything the
gateway does to decode a request. A head with a content-length waits for its body; the protocol must call `uncork` when
a response is complete, because the answer to a HEAD request has no body. Any other head (a stream's) waits at most
until the end of the loop's present round. Answers and events that the gateway writes wait for that with all others of
the round (`outbox.py`); whatever else is written or done to the connection follows them.
"""

import asyncio
from typing import Any

from kaname.gateway.outbox import Outbox

_HEAD = b"HTTP/1.1 "
_LENGTH = b"\r\ncontent-length: "


class CorkedTransport(asyncio.Transport):
    """Passes everything on, a response's head together with what follows it."""

    __slots__ = ("_head", "_loop", "_outbox", "_soon", "_transport")

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, outbox: Outbox | None = None
    ) -> None:
        """Without an outbox nothing waits for others."""
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._outbox = outbox
        self._head: bytes | None = None
        self._soon: bytes | None = None

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        self._send_soon()
        head = self._head
        if head is not None:
            self._head = None
            self._transport.write(head + data)
        elif data[:9] == _HEAD:
            head = self._head = bytes(data)
            if _LENGTH not in head:
                self._loop.call_soon(self.uncork)
        else:
            self._transport.write(data)

    def write_soon(self, data: bytes) -> None:
        """Writes at the end of the loop's present round at the latest."""
        head, self._head = self._head, None
        if head is not None:
            data = head + data
        soon = self._soon
        if soon is not None:
            self._soon = soon + data
        elif self._outbox is None:
            self._transport.write(data)
        else:
            self._soon = data
            self._outbox.post(self._send_soon)

    def close(self) -> None:
        self._send_soon()
        self.uncork()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: object = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._transport.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._transport.get_protocol()

    def _send_soon(self) -> None:
        soon, self._soon = self._soon, None
        if soon is not None and not self._transport.is_closing():
            self._transport.write(soon)

    def uncork(self) -> None:
        """Sends a head that waits for its body."""
        head, self._head = self._head, None
        if head is not None and not self._transport.is_closing():
            self._send_soon()
            self._transport.write(head)
