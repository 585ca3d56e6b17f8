"""What a caller says about its call besides the body: `traceparent` and the `x-kaname-*` headers.

Never forwarded to an upstream. A malformed `traceparent` starts a new trace, as W3C Trace Context requires; a malformed
`x-kaname-*` header is refused, because nobody would notice the loss. Metadata in the body (`metadata`, `user`,
`safety_identifier`) fills what the headers leave open.
Source: https://www.w3.org/TR/trace-context/ section 3.2.
"""

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

import orjson

from kaname.kernel.errors import InvalidInputError

MAX_VALUE_CHARS = 256
MAX_METADATA = 32
MAX_METADATA_VALUE_CHARS = 1024
MAX_TRACE_STATE_CHARS = 512

_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_ZERO_TRACE = b"0" * 32
_ZERO_SPAN = b"0" * 16


@dataclass(slots=True, kw_only=True)
class CallerContext:
    """Where this call belongs."""

    trace_id: str
    span_id: str
    parent_span_id: str = ""
    trace_flags: int = 1
    trace_state: str = ""
    session_id: str = ""
    user_id: str = ""
    environment: str = "default"
    tags: list[str] = field(default_factory=list[str])
    metadata: dict[str, str] = field(default_factory=dict[str, str])


def open_context(headers: Mapping[bytes, bytes]) -> CallerContext:
    """Trace ids for a call: in the caller's trace, or in a new one. Header names in lower case."""
    context = CallerContext(trace_id="", span_id=f"{random.getrandbits(64) or 1:016x}")
    traceparent = headers.get(b"traceparent")
    if traceparent is None or not _join_trace(context, traceparent):
        context.trace_id = f"{random.getrandbits(128) or 1:032x}"
    elif (state := headers.get(b"tracestate")) is not None:
        context.trace_state = state.decode("latin-1")[:MAX_TRACE_STATE_CHARS]
    return context


def read_headers(context: CallerContext, headers: Mapping[bytes, bytes]) -> None:
    """Adds the `x-kaname-*` headers; raises InvalidInputError."""
    if (value := headers.get(b"x-kaname-session-id")) is not None:
        context.session_id = _text(value, "x-kaname-session-id")
    if (value := headers.get(b"x-kaname-user-id")) is not None:
        context.user_id = _text(value, "x-kaname-user-id")
    if (value := headers.get(b"x-kaname-environment")) is not None:
        context.environment = _text(value, "x-kaname-environment") or "default"
    if (value := headers.get(b"x-kaname-tags")) is not None:
        tags = _text(value, "x-kaname-tags", MAX_VALUE_CHARS * 4)
        context.tags = [tag for part in tags.split(",") if (tag := part.strip())]
    if (value := headers.get(b"x-kaname-metadata")) is not None:
        context.metadata = _read_metadata_header(value)


def read_body(context: CallerContext, body: Mapping[str, object]) -> None:
    """Adds what the body says and the headers left open."""
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and metadata:
        merged = _bounded(cast("dict[str, object]", metadata).items())
        merged.update(context.metadata)
        context.metadata = merged
        context.session_id = context.session_id or merged.get("session_id", "")[:MAX_VALUE_CHARS]
        context.user_id = context.user_id or merged.get("user_id", "")[:MAX_VALUE_CHARS]
    if not context.user_id:
        user = body.get("user") or body.get("safety_identifier")
        if isinstance(user, str):
            context.user_id = user[:MAX_VALUE_CHARS]


def _join_trace(context: CallerContext, traceparent: bytes) -> bool:
    match = _TRACEPARENT.fullmatch(traceparent.strip())
    if match is None:
        return False
    version, trace_id, span_id, flags, rest = match.groups()
    if version == b"ff" or (version == b"00" and rest) or trace_id == _ZERO_TRACE or span_id == _ZERO_SPAN:
        return False
    context.trace_id, context.parent_span_id = trace_id.decode(), span_id.decode()
    context.trace_flags = int(flags, 16)
    return True


def _read_metadata_header(value: bytes) -> dict[str, str]:
    try:
        decoded: object = orjson.loads(value)
    except orjson.JSONDecodeError as e:
        raise InvalidInputError(
            f"header x-kaname-metadata isn't JSON: {e}", hint='Send `{"key": "value"}`.', param="x-kaname-metadata"
        ) from e
    if not isinstance(decoded, dict):
        raise InvalidInputError(
            "header x-kaname-metadata isn't a JSON object", hint='Send `{"key": "value"}`.', param="x-kaname-metadata"
        )
    return _bounded(cast("dict[str, object]", decoded).items())


def _bounded(pairs: Iterable[tuple[str, object]]) -> dict[str, str]:
    """At most `MAX_METADATA` pairs of text; other values as their JSON."""
    kept: dict[str, str] = {}
    for key, value in pairs:
        if len(kept) >= MAX_METADATA:
            break
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        kept[key[:MAX_VALUE_CHARS]] = text[:MAX_METADATA_VALUE_CHARS]
    return kept


def _text(value: bytes, name: str, limit: int = MAX_VALUE_CHARS) -> str:
    try:
        text = value.decode("utf-8").strip()
    except UnicodeDecodeError as e:
        raise InvalidInputError(f"header {name} isn't UTF-8", hint="Send UTF-8 text.", param=name) from e
    if len(text) > limit:
        raise InvalidInputError(
            f"header {name} has {len(text)} characters, more than {limit}", hint="Shorten it.", param=name
        )
    return text
