"""How a provider's stream is cut into events: server-sent events, or Amazon's binary event stream.

An event-stream message is: total length, headers' length and a CRC32 of these two; headers; payload; a CRC32 of all
before it; numbers big-endian. Nothing is believed, the lengths included, before its checksum was right.
Source: https://smithy.io/2.0/aws/amazon-eventstream.html.
"""

import struct
from collections.abc import Iterable
from typing import Final
from zlib import crc32

from kaname.gateway.providers.model import Framing
from kaname.gateway.translated_stream import Framer, SseFramer
from kaname.kernel.errors import UpstreamError

_PRELUDE: Final = struct.Struct(">III")
_CRC: Final = struct.Struct(">I")
_LEAST_BYTES: Final = _PRELUDE.size + _CRC.size
_STRING: Final = 7
_FIXED_SIZES: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header value by its type; types 6 and 7 say their own length."""


def framer(framing: Framing, max_event_bytes: int) -> Framer:
    """The framer for a way of framing."""
    return EventStreamFramer(max_event_bytes) if framing == "aws_event_stream" else SseFramer(max_event_bytes)


class EventStreamFramer:
    """Amazon's event stream. An event's name is its `:event-type`, an exception's its `:exception-type`."""

    __slots__ = ("_failure", "_held", "_max_event_bytes")

    def __init__(self, max_event_bytes: int) -> None:
        self._held = bytearray()
        self._max_event_bytes = max_event_bytes
        self._failure: UpstreamError | None = None

    def feed(self, chunk: bytes) -> Iterable[tuple[str, bytes]]:
        """See `Framer`. What came whole before a broken message is given out first; the failure follows."""
        if self._failure is not None:
            raise self._failure
        held = self._held
        held += chunk
        events: list[tuple[str, bytes]] = []
        start = 0
        try:
            while len(held) - start >= _PRELUDE.size:
                size = self._size_at(start)
                if len(held) - start < size:
                    break
                events.append(_read_message(bytes(held[start : start + size])))
                start += size
        except UpstreamError as e:
            if not events:
                raise
            self._failure = e
        del held[:start]
        return events

    def _size_at(self, start: int) -> int:
        total, headers, checksum = _PRELUDE.unpack_from(self._held, start)
        if crc32(self._held[start : start + 8]) != checksum:
            raise _broken("the checksum of a message's lengths is wrong")
        if total > self._max_event_bytes:
            raise UpstreamError(
                f"an event of the upstream's stream is larger than {self._max_event_bytes} bytes",
                hint="Setting gateway.max_event_bytes.", code="upstream_response_too_large",
            )  # fmt: skip
        if total < _LEAST_BYTES + headers:
            raise _broken("a message is shorter than its headers")
        return total


def _read_message(message: bytes) -> tuple[str, bytes]:
    if crc32(message[:-4]) != _CRC.unpack_from(message, len(message) - 4)[0]:
        raise _broken("the checksum of a message is wrong")
    end = _PRELUDE.size + _PRELUDE.unpack_from(message)[1]
    headers = read_headers(message[_PRELUDE.size : end])
    kind = headers.get(":message-type", "event")
    if kind == "error":
        said = headers.get(":error-message") or headers.get(":error-code") or "no reason given"
        raise UpstreamError(f"the upstream failed: {said[:2000]}")
    name = headers.get(":exception-type" if kind == "exception" else ":event-type", "")
    return name or kind, message[end:-4]


def read_headers(block: bytes) -> dict[str, str]:
    """The headers of a message whose values are text; raises UpstreamError when they aren't well-formed."""
    headers: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            name = block[at + 1 : (at := at + 1 + block[at])].decode()
            kind = block[at]
            at += 1
            size = _FIXED_SIZES.get(kind)
            if size is None:
                size = int.from_bytes(block[at : at + 2])
                at += 2
            if kind > 9 or at + size > len(block):
                raise _broken("a message's headers are cut")
            if kind == _STRING:
                headers[name] = block[at : at + size].decode()
            at += size
    except (IndexError, UnicodeDecodeError) as e:
        raise _broken("a message's headers can't be read") from e
    return headers


def _broken(why: str) -> UpstreamError:
    return UpstreamError(f"the upstream's stream can't be used: {why}", code="upstream_invalid_response")
