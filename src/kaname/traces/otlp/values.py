"""JSON's loose spellings of protobuf values: ids in hex or base64, integers as text, enums by name, text that isn't.

Every reader is total: a value that can't be read gives the empty value. Containers that aren't what they should be are
the caller's to judge.
"""

import base64
import binascii
import json
import math
from typing import cast

import orjson

from kaname.traces.model import Attributes, AttributeValue
from kaname.traces.otlp.limits import OtlpLimits
from kaname.traces.otlp.outcome import MalformedError

JsonObject = dict[str, object]
TOO_DEEP = "…"
_MAX_DIGITS = 24
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_SEVERITY = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")


def load_json(body: bytes) -> object:
    """The decoded body; raises MalformedError. Lone surrogates and NaN, which some exporters send, are tolerated."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as strict:
        if not (b"\\u" in body or b"NaN" in body or b"Infinity" in body):
            raise MalformedError(f"the body isn't JSON: {strict}") from strict
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError) as e:
        raise MalformedError(f"the body isn't JSON: {str(e) or 'too deeply nested'}") from e


def field(item: JsonObject, camel: str, snake: str) -> object:
    """A field by its JSON name, or by its protobuf name, which the protobuf JSON mapping allows too."""
    value = item.get(camel)
    return item.get(snake) if value is None else value


def to_id(value: object, n_bytes: int) -> bytes | None:
    """An id of hex digits of any case, or base64; b"" when absent; None when it is neither of the right length."""
    if value is None or value == "":
        return b""
    if not isinstance(value, str) or not value.isascii():
        return None
    try:
        if len(value) == 2 * n_bytes:
            raw = bytes.fromhex(value)
        elif len(value) <= 2 * n_bytes and not _HEX_DIGITS.issuperset(value):
            padded = value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4)
            raw = base64.b64decode(padded, validate=True)
        else:
            return None
    except (ValueError, binascii.Error):
        return None
    return raw if len(raw) == n_bytes else None


def to_int(value: object, low: int = 0, high: int = 2**64 - 1) -> int:
    """An integer given as a number or as decimal text, else 0; out of range is 0 too."""
    if isinstance(value, str) and len(value) <= _MAX_DIGITS:
        try:
            value = int(value)
        except ValueError:
            return 0
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if low <= value <= high else 0


def to_enum(value: object, prefix: str, names: tuple[str, ...]) -> int:
    """An enum value by number or by name, with or without its prefix; unknown is 0."""
    if isinstance(value, str) and not value.isdecimal():
        name = value.upper().removeprefix(prefix)
        return names.index(name) if name in names else 0
    number = to_int(value)
    return number if number < len(names) else 0


def to_str(value: object) -> str:
    """Text without lone surrogates; numbers and booleans, which loose exporters send, as text."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def clean(text: str) -> str:
    """The text with every lone surrogate replaced by `?`: it can't be encoded as UTF-8."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def to_attributes(pairs: object, cap: int, limits: OtlpLimits) -> Attributes | None:
    """A list of `{key, value}` as a dict; None when it is anything else. Malformed pairs are skipped."""
    if pairs is None:
        return {}
    if not isinstance(pairs, list):
        return None
    out: Attributes = {}
    for pair in cast("list[object]", pairs):
        if not isinstance(pair, dict):
            continue
        key = cast("JsonObject", pair).get("key", "")
        if isinstance(key, str):
            out[clean(key)] = to_value(cast("JsonObject", pair).get("value"), limits.max_depth)
            if len(out) >= cap:
                break
    return out


def to_value(value: object, depth: int) -> AttributeValue:
    """An `AnyValue` in its JSON form. A bare string or number, against the mapping, is taken as what it looks like."""
    if not isinstance(value, dict):
        if isinstance(value, str):
            return clean(value)
        return value if isinstance(value, bool | int | float) else None
    item = cast("JsonObject", value)
    for name, inner in item.items():
        reader = _READERS.get(name)
        if reader is not None and inner is not None:
            return reader(inner, depth)
    return None


def _string(value: object, _depth: int) -> AttributeValue:
    return to_str(value)


def _boolean(value: object, _depth: int) -> AttributeValue:
    return value if isinstance(value, bool) else value == "true"


def _integer(value: object, _depth: int) -> AttributeValue:
    return to_int(value, -(2**63), 2**63 - 1)


def _double(value: object, _depth: int) -> AttributeValue:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) < 2**1000 or isinstance(value, float) else math.inf
    if isinstance(value, str) and len(value) <= 400:
        try:
            return float(value)
        except ValueError:
            return None
    return None


def _bytes(value: object, _depth: int) -> AttributeValue:
    if not isinstance(value, str):
        return b""
    try:
        return base64.b64decode(value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4))
    except (ValueError, binascii.Error):
        return b""


def _array(value: object, depth: int) -> AttributeValue:
    if depth <= 0:
        return TOO_DEEP
    values = cast("JsonObject", value).get("values") if isinstance(value, dict) else value
    if not isinstance(values, list):
        return []
    return [to_value(v, depth - 1) for v in cast("list[object]", values)]


def _kvlist(value: object, depth: int) -> AttributeValue:
    if depth <= 0:
        return TOO_DEEP
    values = cast("JsonObject", value).get("values") if isinstance(value, dict) else value
    out: dict[str, AttributeValue] = {}
    for pair in cast("list[object]", values) if isinstance(values, list) else ():
        if isinstance(pair, dict):
            key = cast("JsonObject", pair).get("key", "")
            if isinstance(key, str):
                out[clean(key)] = to_value(cast("JsonObject", pair).get("value"), depth - 1)
    return out


_READERS = {
    "stringValue": _string, "string_value": _string,
    "boolValue": _boolean, "bool_value": _boolean,
    "intValue": _integer, "int_value": _integer,
    "doubleValue": _double, "double_value": _double,
    "bytesValue": _bytes, "bytes_value": _bytes,
    "arrayValue": _array, "array_value": _array,
    "kvlistValue": _kvlist, "kvlist_value": _kvlist,
}  # fmt: skip


def severity_text(number: int) -> str:
    """The short name of a severity number (OpenTelemetry logs data model): 9 is INFO, 11 is INFO3."""
    if not 1 <= number <= 24:
        return ""
    group, step = divmod(number - 1, 4)
    return _SEVERITY[group] + (str(step + 1) if step else "")
