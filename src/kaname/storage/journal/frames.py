"""The bytes of a segment file: a header, then frames. Pure functions over buffers; no files here.

    segment = "KNJL" version:u16 0:u16 first_sequence:u64 created_ns:u64 crc32:u32
    frame   = "\\xabKNJ" length:u32 crc32:u32 sequence:u64 body[length]
    body    = kind:u8 received_ns:u64 n_project:u16 n_headers:u32 project headers(msgpack map) payload

Little-endian. The checksum (zlib's CRC-32) covers length, sequence and body, so a frame can't be taken for another. The
marker lets a reader find the next frame behind a damaged region: damage costs the entries it touches and no others.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from kaname.storage.journal.model import ENTRY_KINDS, Entry, EntryKind, Position

SEGMENT_MAGIC = b"KNJL"
FORMAT_VERSION = 1
_SEGMENT = struct.Struct("<4sHHQQ")
SEGMENT_HEADER_BYTES = _SEGMENT.size + 4
MARKER = b"\xabKNJ"
_FRAME = struct.Struct("<4sIIQ")
FRAME_HEADER_BYTES = _FRAME.size
_CHECKED = struct.Struct("<IQ")
_BODY = struct.Struct("<BQHI")
MAX_BODY_BYTES = 256 << 20
"""No frame is longer, so a damaged length can't make a reader wait for gigabytes."""

_encode_headers = msgspec.msgpack.Encoder().encode
_decode_headers = msgspec.msgpack.Decoder(dict[str, str]).decode

Buffer = bytes | bytearray | memoryview


class SegmentHeader(NamedTuple):
    """What a segment file says of itself."""

    first_sequence: int
    created_ns: int


class Frame(NamedTuple):
    """Where a whole, checked frame lies in a buffer."""

    sequence: int
    body_start: int
    end: int


def encode_segment_header(header: SegmentHeader) -> bytes:
    """The first bytes of a segment file."""
    head = _SEGMENT.pack(SEGMENT_MAGIC, FORMAT_VERSION, 0, header.first_sequence, header.created_ns)
    return head + zlib.crc32(head).to_bytes(4, "little")


def decode_segment_header(data: Buffer) -> SegmentHeader | None:
    """The header, or None if it is short or damaged."""
    if len(data) < SEGMENT_HEADER_BYTES:
        return None
    head = bytes(data[:SEGMENT_HEADER_BYTES])
    magic, version, _, first, created = _SEGMENT.unpack_from(head)
    if magic != SEGMENT_MAGIC or version != FORMAT_VERSION:
        return None
    if zlib.crc32(head[:-4]) != int.from_bytes(head[-4:], "little"):
        return None
    return SegmentHeader(first, created)


def encode_body_head(kind: EntryKind, project_id: str, received_ns: int, headers: Mapping[str, str]) -> bytes:
    """The part of a frame's body before its payload."""
    project = project_id.encode()
    packed = _encode_headers(dict(headers)) if headers else b""
    return _BODY.pack(ENTRY_KINDS.index(kind), received_ns, len(project), len(packed)) + project + packed


def encode_frame_header(sequence: int, body_head: bytes, payload: Buffer) -> bytes:
    """The frame header of a body given in two parts, which stay uncopied."""
    length = len(body_head) + len(payload)
    crc = zlib.crc32(payload, zlib.crc32(body_head, zlib.crc32(_CHECKED.pack(length, sequence))))
    return _FRAME.pack(MARKER, length, crc, sequence)


def frame_at(data: Buffer, offset: int) -> Frame | Literal["short", "bad"]:
    """The frame at an offset; `short` if the buffer ends inside it, `bad` if it isn't one."""
    if len(data) - offset < FRAME_HEADER_BYTES:
        head = bytes(data[offset : offset + len(MARKER)])
        return "short" if MARKER.startswith(head) or head == MARKER else "bad"
    marker, length, crc, sequence = _FRAME.unpack_from(data, offset)
    if marker != MARKER or length < _BODY.size or length > MAX_BODY_BYTES:
        return "bad"
    start = offset + FRAME_HEADER_BYTES
    if len(data) - start < length:
        return "short"
    with memoryview(data) as view:
        actual = zlib.crc32(view[start : start + length], zlib.crc32(_CHECKED.pack(length, sequence)))
    return Frame(sequence, start, start + length) if actual == crc else "bad"


def needed_bytes(data: Buffer, offset: int) -> int:
    """How long the buffer must be, from offset, for `frame_at` to say more than `short`."""
    if len(data) - offset < FRAME_HEADER_BYTES:
        return FRAME_HEADER_BYTES
    _, length, _, _ = _FRAME.unpack_from(data, offset)
    return FRAME_HEADER_BYTES + int(length)


def find_frame(data: Buffer, offset: int, *, after_sequence: int) -> int | None:
    """Offset of the next whole frame at or behind `offset` with a later sequence, or None."""
    raw = data if isinstance(data, bytes | bytearray) else bytes(data)
    at = raw.find(MARKER, offset)
    while at >= 0:
        frame = frame_at(raw, at)
        if isinstance(frame, Frame) and frame.sequence > after_sequence:
            return at
        at = raw.find(MARKER, at + 1)
    return None


def decode_entry(data: Buffer, frame: Frame, segment: int, offset_of_data: int) -> Entry:
    """The entry inside a checked frame; `offset_of_data` is where the buffer begins in its file."""
    head: tuple[int, int, int, int] = _BODY.unpack_from(data, frame.body_start)
    kind, received_ns, n_project, n_headers = head
    project_at = frame.body_start + _BODY.size
    headers_at = project_at + n_project
    payload_at = headers_at + n_headers
    return Entry(
        position=Position(frame.sequence, segment, offset_of_data + frame.end),
        kind=ENTRY_KINDS[kind],
        project_id=bytes(data[project_at:headers_at]).decode(),
        received_ns=received_ns,
        payload=bytes(data[payload_at : frame.end]),
        headers=_decode_headers(bytes(data[headers_at:payload_at])) if n_headers else {},
    )


def received_ns_of(data: Buffer, frame: Frame) -> int:
    """When the entry of a frame was received, without decoding the rest."""
    return int(_BODY.unpack_from(data, frame.body_start)[1])
