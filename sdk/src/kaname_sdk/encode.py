"""Turns any Python value into bounded text for a span attribute, in the caller's thread.

It must be quick for the usual (a few short strings), bounded for the unusual (a 100 MB list, a cycle, a lazy ORM
object) and silent about the broken (a `__repr__` that raises). Every string leaf passes the mask, if there is one; if
the mask fails, the text is replaced, never let through.
"""

import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import uuid
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple, cast

from kaname_sdk.faults import faults

Mask = Callable[[str], str]
JSON, TEXT = "application/json", "text/plain"
MASK_FAILED = "<mask failed>"
_MAX_NODES = 20_000
_MAX_ITEMS = 1_000
_MAX_DEPTH = 20
_FAST_NODES = 256
_FAST_CHARS = 8_192
_ENCODING, _DESCRIBING, _MASKING = (faults.guard(p) for p in ("encoding a value", "repr() of a value", "the mask"))
_encode_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Encoded(NamedTuple):
    """Text and its mime type."""

    text: str
    mime_type: str


def encode(value: object, limit: int, mask: Mask | None = None) -> Encoded:
    """The value as text of at most `limit` characters: strings as they are, everything else as JSON. Never raises."""
    with _ENCODING:
        if isinstance(value, str):
            return Encoded(_valid(_cut(_masked(value, mask), limit)), TEXT)
        if mask is None and _fits(value, _FAST_NODES) >= 0:
            return Encoded(_valid(_cut(_encode_json(value), limit)), JSON)
        return Encoded(_valid(_cut(_encode_json(_Shrinker(limit, mask).shrink(value, 0)), limit)), JSON)
    return Encoded(f"<{type(value).__name__} that can't be shown>", TEXT)


def mask_text(text: str, mask: Mask | None, limit: int) -> str:
    """A text that passed the mask, within the limit and valid UTF-8."""
    return _valid(_cut(_masked(text, mask), limit))


def _fits(value: object, budget: int) -> int:
    """What is left of the budget after walking plain JSON data of exact built-in types; negative if it isn't that."""
    kind = type(value)
    if kind is str:
        return budget - 1 - len(cast("str", value)) // (_FAST_CHARS // _FAST_NODES)
    if value is None or kind is int or kind is float or kind is bool:
        return budget - 1
    if kind is dict:
        for key, item in cast("dict[object, object]", value).items():
            if type(key) is not str:
                return -1
            budget = _fits(item, budget - 1)
            if budget < 0:
                return -1
        return budget
    if kind is list or kind is tuple:
        for item in cast("list[object]", value):
            budget = _fits(item, budget - 1)
            if budget < 0:
                return -1
        return budget
    return -1


class _Shrinker:
    """Copies a value into plain JSON data while a budget of characters and nodes lasts."""

    def __init__(self, limit: int, mask: Mask | None) -> None:
        self._limit = limit
        self._chars = limit
        self._nodes = _MAX_NODES
        self._mask = mask
        self._open: set[int] = set()

    def shrink(self, value: object, depth: int) -> Any:
        self._nodes -= 1
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, enum.Enum):
            return self.shrink(cast("object", value.value), depth)
        if isinstance(value, int):
            return value if value.bit_length() <= 256 else self._text(f"<integer of {value.bit_length()} bits>")
        if isinstance(value, float):
            finite = value == value and value not in (float("inf"), float("-inf"))
            return float(value) if finite else str(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return f"<{len(cast('bytes', value))} bytes>"
        if depth >= _MAX_DEPTH:
            return "<nested deeper>"
        if id(value) in self._open:
            return "<cycle>"
        self._open.add(id(value))
        try:
            return self._container(value, depth)
        finally:
            self._open.discard(id(value))

    def _container(self, value: object, depth: int) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(cast("Mapping[object, object]", value), depth)
        if isinstance(value, list | tuple | AbstractSet):
            return self._sequence(cast("list[object]", value), depth)
        if isinstance(value, datetime.datetime | datetime.date | datetime.time):
            return value.isoformat()
        if isinstance(value, decimal.Decimal | uuid.UUID | pathlib.PurePath | datetime.timedelta):
            return self._text(str(value))
        if isinstance(value, BaseException):
            return self._text(f"{type(value).__name__}: {value}")
        if isinstance(value, type) or callable(value):
            return self._text(getattr(value, "__qualname__", "") or f"<{type(value).__name__}>")
        dump = getattr(value, "model_dump", None)  # pydantic, hence every OpenAI-like response
        if callable(dump):
            return self.shrink(dump(), depth + 1)
        if dataclasses.is_dataclass(value):
            fields = {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
            return self._mapping(fields, depth)
        return self._text(_describe(value))

    def _mapping(self, value: Mapping[Any, object], depth: int) -> dict[str, Any]:
        shrunk: dict[str, Any] = {}
        for position, (key, item) in enumerate(value.items()):
            if position >= _MAX_ITEMS or self._spent():
                shrunk["…"] = f"{len(value) - position} more"
                break
            shrunk[key[:256] if isinstance(key, str) else _describe(key)[:256]] = self.shrink(item, depth + 1)
        return shrunk

    def _sequence(self, value: "list[object]", depth: int) -> list[Any]:
        shrunk: list[Any] = []
        for position, item in enumerate(value):
            if position >= _MAX_ITEMS or self._spent():
                shrunk.append(f"… {len(value) - position} more")
                break
            shrunk.append(self.shrink(item, depth + 1))
        return shrunk

    def _text(self, text: str) -> str:
        cut = _cut(_masked(text, self._mask), max(0, self._chars))
        self._chars -= len(cut)
        return cut

    def _spent(self) -> bool:
        return self._chars <= 0 or self._nodes <= 0


def _describe(value: object) -> str:
    with _DESCRIBING:
        return repr(value)
    return f"<{type(value).__name__}>"


def _masked(text: str, mask: Mask | None) -> str:
    if mask is None or not text:
        return text
    with _MASKING:
        masked = cast("object", mask(text))  # an untyped application may return anything
        return masked if isinstance(masked, str) else MASK_FAILED
    return MASK_FAILED


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…[{len(text) - limit} more characters]"


def _valid(text: str) -> str:
    """Lone surrogates would make the whole export batch unencodable."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
