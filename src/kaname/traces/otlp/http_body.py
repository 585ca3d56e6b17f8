"""A request's body: received within a time, inflated within a size. No HTTP answers here; it raises our errors.

The limit holds while inflating: a gzip bomb costs at most the limit in memory, never its full size.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal

from kaname.kernel.errors import InvalidInputError, KanameError, TooLargeError, UnsupportedMediaTypeError

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
BodyFormat = Literal["protobuf", "json"]
_GZIP = 16 + zlib.MAX_WBITS
_CHUNK = 1 << 20
_SLICE = 1 << 16
_MAX_MEMBERS = 10_000
"""Streams in one gzip body. Each end copies the rest of its slice, so millions of empty ones would cost minutes."""
SMALLER_BATCH = "Lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE (OTEL_BLRP_MAX_EXPORT_BATCH_SIZE for logs)."


class ClientGoneError(Exception):
    """The client closed the connection; nobody reads an answer."""


class SlowBodyError(KanameError):
    """The body didn't arrive in time."""

    status = 408
    default_code = "body_timeout"


def body_format(content_type: bytes | None) -> BodyFormat:
    """The format by containment, because parameters and suffixes occur; raises UnsupportedMediaTypeError."""
    text = (content_type or b"").lower()
    if b"application/x-protobuf" in text or b"application/protobuf" in text:
        return "protobuf"
    if b"application/json" in text:
        return "json"
    said = "is missing" if content_type is None else f"{content_type[:80].decode('latin-1')!r} isn't read here"
    raise UnsupportedMediaTypeError(
        f"the content type {said}", hint="Send application/x-protobuf or application/json.", param="content-type"
    )


def check_encoding(content_encoding: bytes | None) -> Literal["", "gzip", "deflate"]:
    """The body's encoding; raises UnsupportedMediaTypeError."""
    text = (content_encoding or b"").strip().lower()
    if text in (b"", b"identity"):
        return ""
    if text in (b"gzip", b"x-gzip"):
        return "gzip"
    if text == b"deflate":
        return "deflate"
    raise UnsupportedMediaTypeError(
        f"the content encoding {text[:40].decode('latin-1')!r} isn't read here",
        hint="Send gzip, deflate or identity.",
        code="unsupported_encoding",
        param="content-encoding",
    )


async def receive_body(receive: Receive, limit: int, timeout_s: float, on_bytes: Callable[[int], None]) -> bytes:
    """All bytes of the body; `on_bytes` accounts for each piece and may raise. Raises TooLargeError, SlowBodyError."""
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                piece: bytes = message.get("body", b"")
                size += len(piece)
                if size > limit:
                    raise too_large(size, limit)
                on_bytes(len(piece))
                pieces.append(piece)
                if not message.get("more_body", False):
                    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    except TimeoutError as e:
        raise SlowBodyError(
            f"the body didn't arrive within {timeout_s:g} s ({size} bytes did)", hint="Check the network, or send less."
        ) from e


def inflate(body: bytes, encoding: Literal["", "gzip", "deflate"], limit: int) -> bytes:
    """The body without its encoding; raises InvalidInputError for a broken stream, TooLargeError beyond the limit."""
    if not encoding:
        return body
    try:
        if encoding == "gzip":
            return _inflate(body, _GZIP, limit)
        try:
            return _inflate(body, zlib.MAX_WBITS, limit)
        except zlib.error:  # some clients send the bare stream under this name
            return _inflate(body, -zlib.MAX_WBITS, limit)
    except zlib.error as e:
        raise InvalidInputError(
            f"the {encoding} body is broken: {e}", hint="Send the whole compressed stream.", code="broken_encoding"
        ) from e


def too_large(size: int, limit: int) -> TooLargeError:
    """The error of a body over the limit."""
    return TooLargeError(f"the body has more than {limit} bytes (at least {size})", hint=SMALLER_BATCH)


def _inflate(body: bytes, window_bits: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = start = 0
    view = memoryview(body)
    for _ in range(_MAX_MEMBERS):
        inflater = zlib.decompressobj(window_bits)
        fed, rest = start, b""
        while not inflater.eof:
            part = rest or view[fed : fed + _SLICE]
            fed += 0 if rest else len(part)
            piece = inflater.decompress(part, _CHUNK)
            rest = inflater.unconsumed_tail
            size += len(piece)
            if size > limit:
                raise too_large(size, limit)
            pieces.append(piece)
            if not piece and not part and not inflater.eof:
                raise zlib.error("it ends too early")
        start = fed - len(inflater.unused_data)
        if window_bits != _GZIP or start >= len(body):  # gzip may have several members
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    raise zlib.error(f"it has more than {_MAX_MEMBERS} members")
