"""Answers that go to the client as they are, whatever they hold: sound, pictures, plain text, another's events.

Nothing is kept of them but what usage is read from. Sending them on is in `opaque_delivery.py`.
"""

from dataclasses import dataclass
from typing import Final, cast

import orjson

from kaname.gateway.openai_errors import Headers
from kaname.gateway.stream import event_data, split_events

KEPT_BYTES: Final = 64 * 1024
MAX_TYPE_BYTES: Final = 200
_HOLDERS: Final = ("response", "message")
_NAMES: Final = ("usage", "usageMetadata", "usage_metadata")


@dataclass(slots=True, kw_only=True)
class OpaqueAnswer:
    """An answer whose first bytes are here."""

    first: bytes
    content_type: bytes
    headers: Headers
    status: int = 200
    kept: "KeptEnds"

    @property
    def is_events(self) -> bool:
        """Whether it is a stream of server-sent events."""
        return self.content_type.lower().startswith(b"text/event-stream")


class KeptEnds:
    """Beginning and end of an answer, bounded, and how long it was."""

    __slots__ = ("_end", "beginning", "limit", "size")
    DEFAULT_LIMIT: Final = KEPT_BYTES

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self.beginning = bytearray()
        self._end = bytearray()
        self.limit = limit
        self.size = 0

    def feed(self, chunk: bytes) -> None:
        """The next bytes."""
        self.size += len(chunk)
        if (room := self.limit - len(self.beginning)) > 0:
            self.beginning += chunk[:room]
        end = self._end
        end += chunk[-KEPT_BYTES:]
        if len(end) > 2 * KEPT_BYTES:
            del end[:-KEPT_BYTES]

    def usage(self, *, events: bool) -> bytes:
        """The usage object that was said, or b"". What a stream says late counts before what it said early."""
        beginning, end = bytes(self.beginning), bytes(self._end)
        if not events:
            return _dump(_usage_of(_parsed(beginning)) if self.size <= len(beginning) else _usage_at_end(end))
        merged: dict[str, object] = {}
        for text in (beginning[:KEPT_BYTES], end):
            for event in split_events(text):
                if b'"usage' in event:
                    merged.update(_usage_of(_parsed(event_data(event))))
        return _dump(merged)


def is_json(content_type: bytes) -> bool:
    """Whether a content type means one JSON document."""
    kind = content_type.partition(b";")[0].strip().lower()
    return kind == b"application/json" or kind.endswith(b"+json")


def safe_type(content_type: bytes) -> bytes:
    """A content type that can stand in a header; what can't is bytes of unknown kind."""
    shown = content_type.strip()
    printable = shown.isascii() and shown.decode("ascii", "replace").isprintable()
    return shown if shown and printable and len(shown) <= MAX_TYPE_BYTES else b"application/octet-stream"


def _usage_of(document: object) -> dict[str, object]:
    if not isinstance(document, dict):
        return {}
    fields = cast("dict[str, object]", document)
    for name in _NAMES:
        if isinstance(found := fields.get(name), dict):
            return cast("dict[str, object]", found)
    for holder in _HOLDERS:
        if isinstance(inner := fields.get(holder), dict) and (found := _usage_of(cast("object", inner))):
            return found
    return {}


def _usage_at_end(text: bytes) -> dict[str, object]:
    """The last usage object of a document of which only the end was kept."""
    for name in _NAMES:
        at = text.rfind(b'"%b"' % name.encode())
        opening = text.find(b"{", at) if at >= 0 else -1
        if opening < 0 or text[at + len(name) + 2 : opening].strip() != b":":
            continue
        closing = opening
        for _ in range(64):  # nested tables end before it does
            closing = text.find(b"}", closing + 1)
            if closing < 0:
                break
            found = _parsed(text[opening : closing + 1])
            if isinstance(found, dict):
                return cast("dict[str, object]", found)
    return {}


def _parsed(data: bytes) -> object:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _dump(usage: dict[str, object]) -> bytes:
    return orjson.dumps(usage) if usage else b""
