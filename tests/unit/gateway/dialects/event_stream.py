"""Writes Amazon's binary event stream, for upstreams and framers under test."""

import struct
from zlib import crc32

import orjson

Message = tuple[str, object]


def frame(name: str, document: object, *, kind: str = "event", extra: bytes = b"") -> bytes:
    """One message. `kind`: event, exception or error; `extra`: more headers, already encoded."""
    label = ":exception-type" if kind == "exception" else ":event-type"
    pairs = [(label, name), (":content-type", "application/json"), (":message-type", kind)]
    headers = b"".join(text_header(*pair) for pair in pairs) + extra
    payload = document if isinstance(document, bytes) else orjson.dumps(document)
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return message + struct.pack(">I", crc32(message))


def text_header(name: str, value: str) -> bytes:
    """A header whose value is text."""
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()


def frames(messages: list[Message]) -> bytes:
    """A whole stream."""
    return b"".join(frame(name, document) for name, document in messages)
