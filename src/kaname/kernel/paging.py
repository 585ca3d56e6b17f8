"""Cursor paging: every list is a window. A cursor is opaque to clients: URL-safe base64 of a JSON list of sort keys."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from kaname.kernel.errors import InvalidInputError

T = TypeVar("T")
Row = TypeVar("Row")
CursorKey = str | int | float
MAX_CURSOR_LENGTH = 1024
DEFAULT_LIMIT, MAX_LIMIT = 100, 500
"""Rows of a page of the management lists: unless asked for, and at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One window of a list; `next_cursor` is None on the last."""

    items: Sequence[T]
    next_cursor: str | None = None


def page_of(
    rows: Sequence[Row], limit: int, read: Callable[[Row], T], keys_of: Callable[[Row], Sequence[CursorKey]]
) -> Page[T]:
    """The page of a query that asked for one row more than `limit`: whether it came tells whether there is a next."""
    shown = rows[:limit]
    more = encode_cursor(keys_of(shown[-1])) if len(rows) > limit else None
    return Page(items=[read(row) for row in shown], next_cursor=more)


def encode_cursor(keys: Sequence[CursorKey]) -> str:
    """Opaque text for the sort keys of the last row shown."""
    return base64.urlsafe_b64encode(msgspec.json.encode(list(keys))).rstrip(b"=").decode()


def decode_cursor(cursor: str, types: Sequence[type]) -> list[CursorKey]:
    """The sort keys inside a cursor; raises InvalidInputError unless they have exactly these types."""
    try:
        if len(cursor) > MAX_CURSOR_LENGTH:
            raise ValueError("too long")
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        keys = msgspec.json.decode(raw, type=list[str | int | float])
        if len(keys) != len(types) or any(type(k) is not t for k, t in zip(keys, types, strict=True)):
            raise ValueError("wrong keys")
    except (ValueError, binascii.Error, msgspec.DecodeError) as e:
        raise InvalidInputError(
            f"cursor {cursor[:80]!r} isn't one of ours",
            hint="Pass `next_cursor` of the previous page unchanged, or leave it out.",
            param="cursor",
            code="cursor_invalid",
        ) from e
    return list(keys)
