"""A transport that saves uvicorn one system call an answer: the head goes out with the first body bytes.

uvicorn writes head and body separately and the event loop sends each at once. A write costs as much as everything the
gateway does to decode a request. A head with a content-length waits for its body; the protocol must call `uncork` when
a response is complete, because the answer to a HEAD request has no body. Any other head (a stream's) waits at most
until the end of the loop's present round.
"""

import asyncio
from typing import Any

_HEAD = b"HTTP/1.1 "
_LENGTH = b"\r\ncontent-length: "


class CorkedTransport(asyncio.Transport):
    """Passes everything on, a response's head together with what follows it."""

    __slots__ = ("_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
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

    def write_whole(self, data: bytes) -> None:
        """Writes a complete answer: nothing follows that its head could wait for."""
        self.uncork()
        self._transport.write(data)

    def close(self) -> None:
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

    def uncork(self) -> None:
        """Sends what is held."""
        head, self._head = self._head, None
        if head is not None and not self._transport.is_closing():
            self._transport.write(head)
