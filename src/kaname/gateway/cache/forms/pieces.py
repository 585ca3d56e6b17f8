"""What the surfaces' forms share: cutting text into deltas, and the documents of an event stream."""

from collections.abc import Iterator
from typing import cast

import orjson

from kaname.gateway.dialects.model import Document
from kaname.gateway.stream import event_data, split_events

MIN_PIECE_CHARS = 24
MAX_PIECES = 64


def pieces(text: str) -> Iterator[str]:
    """The text in order, in at most `MAX_PIECES` parts; nothing for ""."""
    size = max(MIN_PIECE_CHARS, -(-len(text) // MAX_PIECES))
    for start in range(0, len(text), size):
        yield text[start : start + size]


def documents(events: bytes) -> Iterator[Document]:
    """The JSON objects of a stream, in order; what isn't one (`[DONE]`, comments) is left out."""
    for event in split_events(events):
        data = event_data(event)
        if not data.startswith(b"{"):
            continue
        try:
            document: object = orjson.loads(data)
        except orjson.JSONDecodeError:
            continue
        yield cast("Document", document)


def objects(value: object) -> list[Document]:
    """The objects of a list; [] for anything else."""
    if not isinstance(value, list):
        return []
    return [cast("Document", item) for item in cast("list[object]", value) if isinstance(item, dict)]


def text_of(value: object) -> str:
    """The value if it is text, else ""."""
    return value if isinstance(value, str) else ""


def fields_of(value: object) -> Document:
    """A copy of the value if it is an object, else {}."""
    return dict(cast("Document", value)) if isinstance(value, dict) else {}
