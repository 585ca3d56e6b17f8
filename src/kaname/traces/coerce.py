"""Reads loosely typed attribute values: senders disagree on strings, numbers and JSON inside strings.

Every function is total: a value that doesn't fit gives the empty value, never an exception.
"""

import base64
import math
from decimal import Decimal, InvalidOperation
from typing import cast

import orjson

from kaname.traces.model import Attributes, AttributeValue

_MAX_DEPTH = 100
MAX_TOKENS = 2**53
"""Above this a token count is a mistake, and JSON readers would lose digits."""


def to_text(value: AttributeValue) -> str:
    """The value as text: strings as they are, containers as compact JSON, None as ""."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return dump_json(value)


def first_text(attributes: Attributes, *keys: str) -> str:
    """The first of these attributes that isn't empty, as text."""
    for key in keys:
        value = attributes.get(key)
        if value is not None and value != "":
            return value if isinstance(value, str) else to_text(value)
    return ""


def to_count(value: AttributeValue) -> int | None:
    """A non-negative integer from an int, a whole float or a numeric string; else None."""
    if isinstance(value, str):
        try:
            value = float(value) if "." in value or "e" in value else int(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        if not math.isfinite(value) or not value.is_integer():
            return None
        value = int(value)
    return value if 0 <= value <= MAX_TOKENS else None


def first_count(attributes: Attributes, *keys: str) -> int | None:
    """The first of these attributes that is a count."""
    for key in keys:
        if key in attributes:
            count = to_count(attributes[key])
            if count is not None:
                return count
    return None


def to_decimal(value: AttributeValue) -> Decimal | None:
    """A finite non-negative decimal; floats by their shortest text, so 0.1 stays 0.1."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number < 1_000_000 else None


def parse_json(text: str) -> AttributeValue:
    """The decoded JSON, or None if the text isn't JSON."""
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def structured(value: AttributeValue) -> AttributeValue:
    """Containers as they are; strings that hold a JSON object or list, decoded; anything else None."""
    if isinstance(value, dict | list):
        return value
    if isinstance(value, str) and value[:1] in "{[ \n\t" and value:
        decoded = parse_json(value)
        return decoded if isinstance(decoded, dict | list) else None
    return None


def structured_items(value: AttributeValue) -> AttributeValue:
    """As `structured`; list items that are JSON objects in strings are decoded too: OTLP arrays hold texts easily."""
    decoded = structured(value)
    if isinstance(decoded, list) and any(isinstance(item, str) for item in decoded):
        return [(json_object(item) or item) if isinstance(item, str) else item for item in decoded]
    return decoded


def json_object(value: AttributeValue) -> dict[str, AttributeValue]:
    """The value as a JSON object, decoded if need be; {} if it isn't one."""
    decoded = structured(value)
    return decoded if isinstance(decoded, dict) else {}


def json_list(value: AttributeValue) -> list[AttributeValue]:
    """The value as a JSON list, decoded if need be; [] if it isn't one."""
    decoded = structured(value)
    return decoded if isinstance(decoded, list) else []


def text_list(value: AttributeValue) -> list[str]:
    """A list of texts from a list, a JSON list in a string, or a comma-separated string."""
    if value is None or value == "":
        return []
    decoded = structured(value)
    if isinstance(decoded, list):
        return [to_text(v) for v in decoded if v is not None and v != ""]
    return [part for piece in to_text(value).split(",") if (part := piece.strip())]


def flat_metadata(value: AttributeValue) -> dict[str, str]:
    """A JSON object as a flat map of texts; nested values stay JSON."""
    return {key: to_text(item) for key, item in json_object(value).items() if item is not None}


def dump_json(value: object) -> str:
    """Compact JSON with unescaped Unicode. Bytes become base64; what JSON can't say becomes text."""
    try:
        return orjson.dumps(value, default=_encode_other).decode()
    except (TypeError, ValueError):
        return orjson.dumps(_sanitise(value)).decode()


def _encode_other(value: object) -> object:
    if isinstance(value, bytes):
        return _base64(value)
    raise TypeError


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _sanitise(value: object, depth: int = 0) -> object:
    """What orjson refuses: lone surrogates, integers beyond 64 bits, keys that aren't text, nesting without end."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, bool | float) or value is None:
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else str(value)
    if depth > _MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return {str(k).encode("utf-8", "replace").decode(): _sanitise(v, depth + 1) for k, v in items}
    if isinstance(value, list | tuple):
        return [_sanitise(v, depth + 1) for v in cast("list[object]", value)]
    return _base64(value) if isinstance(value, bytes) else str(value)
