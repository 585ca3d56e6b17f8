"""Streams of Anthropic Messages and OpenAI Responses that are passed through as bytes: what can be read off them.

A format's own words stand between unescaped quotes, so that the same words inside generated text never match.
Not here: chat completions (`gateway.stream`).
"""

import re
from typing import cast

import orjson

from kaname.gateway.anthropic_errors import render_anthropic
from kaname.gateway.dialects.anthropic.usage import merge_usage
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import object_in, text_in
from kaname.gateway.openai_errors import WireError
from kaname.gateway.stream import StreamDialect, StreamEnd, event_data, split_events

_LAST_NUMBER = 2**31 - 1
"""Our error event comes after every event of the upstream, whose numbers aren't known here."""
_MESSAGES_CONTENT = re.compile(rb'"type"\s*:\s*"(?:content_block_delta|tool_use|server_tool_use)"')
_MESSAGES_DONE = re.compile(rb'"type"\s*:\s*"message_stop"')
_RESPONSES_CONTENT = re.compile(rb'"type"\s*:\s*"(?:response\.[a-z_.]+\.delta|function_call|custom_tool_call)"')
_RESPONSES_DONE = re.compile(rb'"type"\s*:\s*"response\.(?:completed|incomplete|failed)"')


def read_messages_end(head: bytes, tail: bytes, stripped: bytes = b"") -> StreamEnd:
    """Usage begins in `message_start`, in the head, and ends in `message_delta`, in the tail."""
    usage: Document = {}
    reasons: list[str] = []
    error: Document | None = None
    for event in split_events(head):
        if b'"message_start"' in event:
            usage = object_in(object_in(_document(event), "message"), "usage")
            break
    for event in split_events(tail):
        if b'"message_delta"' in event:
            document = _document(event)
            usage = merge_usage(usage, object_in(document, "usage"))
            if reason := text_in(object_in(document, "delta"), "stop_reason"):
                reasons = [reason]
        elif b'"error"' in event and (document := _document(event)).get("type") == "error":
            error = object_in(document, "error")
    done = _MESSAGES_DONE.search(tail) is not None
    return StreamEnd(done, reasons, orjson.dumps(usage) if usage else b"", error)


def read_responses_end(head: bytes, tail: bytes, stripped: bytes = b"") -> StreamEnd:
    """The last event repeats the whole response, with its usage."""
    error: Document | None = None
    for event in reversed(list(split_events(tail))):
        if _RESPONSES_DONE.search(event):
            response = object_in(_document(event), "response")
            usage = object_in(response, "usage")
            reason = text_in(object_in(response, "incomplete_details"), "reason") or text_in(response, "status")
            failed = object_in(response, "error") or error
            return StreamEnd(True, [reason] if reason else [], orjson.dumps(usage) if usage else b"", failed)
        if b'"error"' in event and (document := _document(event)).get("type") == "error":
            error = object_in(document, "error") or {key: document.get(key) for key in ("message", "code", "param")}
    return StreamEnd(False, [], b"", error)


def _messages_done(events: bytes) -> bool:
    return _MESSAGES_DONE.search(events, max(len(events) - 256, 0)) is not None


def _responses_done(events: bytes) -> bool:
    return _RESPONSES_DONE.search(events) is not None


def _messages_error(error: WireError) -> bytes:
    return b"event: error\ndata: " + render_anthropic(error, None) + b"\n\n"


def _responses_error(error: WireError) -> bytes:
    fields = {"code": error.code, "message": error.message, "param": error.param, "sequence_number": _LAST_NUMBER}
    return b"event: error\ndata: " + orjson.dumps({"type": "error", **fields}) + b"\n\n"


def _document(event: bytes) -> Document:
    try:
        document: object = orjson.loads(event_data(event))
    except orjson.JSONDecodeError:
        return {}
    return cast("Document", document) if isinstance(document, dict) else {}


MESSAGES_STREAM = StreamDialect(_MESSAGES_CONTENT, _messages_done, read_messages_end, _messages_error)
RESPONSES_STREAM = StreamDialect(_RESPONSES_CONTENT, _responses_done, read_responses_end, _responses_error)
