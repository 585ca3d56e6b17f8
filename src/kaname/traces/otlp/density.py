"""How many objects a body would become, counted before it is decoded.

An empty protobuf message takes two bytes on the wire and 60 to 170 in memory, an empty JSON object three and 72:
without this, a 64 MB body of them, which compresses to a few kilobytes, costs gigabytes and many seconds. Counting an
honest body costs more than parsing it, so bodies of usual sizes, which can do little harm, aren't counted.
"""

from typing import Literal

from kaname.traces.otlp.outcome import TooManyError

UNCOUNTED_BYTES = 4 << 20
MAX_OBJECTS = 3_000_000
"""An honest 64 MB request of 22,000 spans with 25 attributes each holds 1.2 million."""
_MAX_JSON_NODES = 2 * MAX_OBJECTS

Schema = dict[int, "Schema"]
"""Submessages of a message by field number."""

_ANY: Schema = {}
_KEY_VALUE: Schema = {2: _ANY}
_ANY.update({5: {1: _ANY}, 6: {1: _KEY_VALUE}})
_RESOURCE: Schema = {1: _KEY_VALUE}
_SCOPE: Schema = {3: _KEY_VALUE}
_SPAN: Schema = {9: _KEY_VALUE, 11: {3: _KEY_VALUE}, 13: {4: _KEY_VALUE}, 15: {}}
_RECORD: Schema = {5: _ANY, 6: _KEY_VALUE}
_REQUESTS: dict[str, Schema] = {
    "traces": {1: {1: _RESOURCE, 2: {1: _SCOPE, 2: _SPAN}}},
    "logs": {1: {1: _RESOURCE, 2: {1: _SCOPE, 2: _RECORD}}},
}


def check_protobuf(body: bytes, signal: Literal["traces", "logs"]) -> None:
    """Raises TooManyError when a body holds too many messages; broken bytes are left for the decoder to judge."""
    if len(body) <= UNCOUNTED_BYTES:
        return
    pending: list[tuple[int, int, Schema]] = [(0, len(body), _REQUESTS[signal])]
    count = 0
    while pending:
        at, end, schema = pending.pop()
        while at < end:
            tag, at = _varint(body, at, end)
            wire = tag & 7
            if wire == 2:
                length, at = _varint(body, at, end)
                inner = schema.get(tag >> 3)
                if inner is not None:
                    count += 1
                    if count > MAX_OBJECTS:
                        raise TooManyError(
                            f"the request holds more than {MAX_OBJECTS} values: lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
                        )
                    if length and not _is_plain(body, at, length, inner):
                        pending.append((at, min(at + length, end), inner))
                at += length
            elif wire == 0:
                _, at = _varint(body, at, end)
            elif wire == 1:
                at += 8
            elif wire == 5:
                at += 4
            else:
                return


def check_json(body: bytes) -> None:
    """Raises TooManyError when a body holds too many values. Counts marks in texts too, which are few."""
    if len(body) <= UNCOUNTED_BYTES:
        return
    count = body.count(b",") + body.count(b"{") + body.count(b"[")
    if count > _MAX_JSON_NODES:
        raise TooManyError(
            f"the request holds about {count} values, more than {_MAX_JSON_NODES}: lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
        )


def _is_plain(body: bytes, at: int, length: int, schema: Schema) -> bool:
    """Whether an attribute value is one short text and nothing else: the usual case, seen at a glance."""
    return schema is _ANY and 2 <= length < 130 and body[at] == 0x0A and body[at + 1] == length - 2


def _varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    """A varint and the offset behind it; at the end of the message or after ten bytes it stops with what there is."""
    value = shift = 0
    while at < end:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80 or shift > 63:
            break
        shift += 7
    return value, at
