"""What a caller says about its call besides the body: `traceparent` and the `x-kaname-*` headers.

Never forwarded to an upstream. A malformed `traceparent` starts a new trace, as W3C Trace Context requires; a malformed
`x-kaname-*` header is refused, because nobody would notice the loss. Metadata in the body (`metadata`, `user`,
`safety_identifier`) fills what the headers leave open.
Source: https://www.w3.org/TR/trace-context/ section 3.2.
"""

import random
import re
import time
from collections.abc import Iterable, Mapping
from typing import cast

import orjson

from kaname.gateway.feedback import request_id_of
from kaname.gateway.model import GatewayRecord, Surface
from kaname.kernel.errors import InvalidInputError

MAX_VALUE_CHARS = 256
MAX_METADATA = 32
MAX_METADATA_VALUE_CHARS = 1024
MAX_TRACE_STATE_CHARS = 512

_READ = frozenset(
    {
        b"x-kaname-session-id", b"x-kaname-user-id", b"x-kaname-environment", b"x-kaname-tags", b"x-kaname-metadata",
        b"x-stainless-retry-count", b"x-request-id",
    }
)  # fmt: skip
_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_CLIENT_ID = re.compile(rb"[!-~]{1,200}")
CLIENT_REQUEST_ID = "client_request_id"
"""Metadata with the `x-request-id` that a client gave its call. Ours is another, so that it is unique and tells the
span; a client's that can't be one is left out, since proxies set it too and their words are no fault of the caller."""
_ZERO_TRACE = b"0" * 32
_ZERO_SPAN = b"0" * 16
_SPAN_MASK = (1 << 64) - 1


def open_record(surface: Surface, headers: Mapping[bytes, bytes]) -> GatewayRecord:
    """The record of a call that begins now, in the caller's trace or in a new one. Header names in lower case.

    The request id holds trace and span id, so that whoever has it can find the span and give feedback on it.
    """
    ids = random.getrandbits(192)
    span_id = f"{(ids & _SPAN_MASK) or 1:016x}"
    record = GatewayRecord(
        project_id="",
        request_id="",
        trace_id="",
        span_id=span_id,
        surface=surface,
        start_ns=time.time_ns(),
        duration_ns=0,
        status=0,
    )
    traceparent = headers.get(b"traceparent")
    if traceparent is None or not _join_trace(record, traceparent):
        record.trace_id = f"{(ids >> 64) or 1:032x}"
    elif (state := headers.get(b"tracestate")) is not None:
        record.trace_state = state.decode("latin-1")[:MAX_TRACE_STATE_CHARS]
    record.request_id = request_id_of(record.trace_id, span_id)
    return record


def _join_trace(record: GatewayRecord, traceparent: bytes) -> bool:
    match = _TRACEPARENT.fullmatch(traceparent.strip())
    if match is None:
        return False
    version, trace_id, span_id, flags, rest = match.groups()
    if version == b"ff" or (version == b"00" and rest) or trace_id == _ZERO_TRACE or span_id == _ZERO_SPAN:
        return False
    record.trace_id, record.parent_span_id = trace_id.decode(), span_id.decode()
    record.trace_flags = int(flags, 16)
    return True


def read_headers(record: GatewayRecord, headers: Mapping[bytes, bytes]) -> None:
    """Adds the `x-kaname-*` headers; raises InvalidInputError."""
    if _READ.isdisjoint(headers):
        return
    if (value := headers.get(b"x-stainless-retry-count")) is not None and value.isdigit() and len(value) < 4:
        record.client_retry_count = int(value)
    if (value := headers.get(b"x-kaname-session-id")) is not None:
        record.session_id = _text(value, "x-kaname-session-id")
    if (value := headers.get(b"x-kaname-user-id")) is not None:
        record.user_id = _text(value, "x-kaname-user-id")
    if (value := headers.get(b"x-kaname-environment")) is not None:
        record.environment = _text(value, "x-kaname-environment") or "default"
    if (value := headers.get(b"x-kaname-tags")) is not None:
        tags = _text(value, "x-kaname-tags", MAX_VALUE_CHARS * 4)
        record.tags = [tag for part in tags.split(",") if (tag := part.strip())]
    if (value := headers.get(b"x-kaname-metadata")) is not None:
        record.metadata = _read_metadata_header(value)
    if (value := headers.get(b"x-request-id")) is not None and _CLIENT_ID.fullmatch(value):
        record.metadata = {CLIENT_REQUEST_ID: value.decode("ascii"), **record.metadata}


def read_body(record: GatewayRecord, body: Mapping[str, object]) -> None:
    """Adds what the body says and the headers left open."""
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and metadata:
        merged = _bounded(cast("dict[str, object]", metadata).items())
        merged.update(record.metadata)
        record.metadata = merged
        record.session_id = record.session_id or merged.get("session_id", "")[:MAX_VALUE_CHARS]
        record.user_id = record.user_id or merged.get("user_id", "")[:MAX_VALUE_CHARS]
    if not record.user_id:
        user = body.get("user") or body.get("safety_identifier")
        if isinstance(user, str):
            record.user_id = user[:MAX_VALUE_CHARS]


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
        text = value if isinstance(value, str) else _json_of(value)
        kept[key[:MAX_VALUE_CHARS]] = text[:MAX_METADATA_VALUE_CHARS]
    return kept


def _json_of(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as e:  # it reads deeper nesting than it writes
        raise InvalidInputError("metadata is nested too deeply", hint="Flatten it.", param="metadata") from e


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
