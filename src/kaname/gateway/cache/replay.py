"""Keeps an answer in a form that serves everyone, and gives it again in the form that a request wants.

An answer is kept as it came: JSON, or the whole event stream. The same form costs nothing to give again; the other is
made when it is asked for. Kept apart is what depends on who asks: a stream's usage event, and, on Responses, the
caller's own `metadata`, `user` and `safety_identifier`, which the API repeats.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import orjson

from kaname.gateway.cache.forms import chat, completions, messages, responses
from kaname.gateway.cache.forms.chat import DONE
from kaname.gateway.cache.forms.pieces import documents, fields_of
from kaname.gateway.cache.model import CachedAnswer
from kaname.gateway.dialects.model import Document
from kaname.gateway.model import ResponseFormat, Surface
from kaname.gateway.stream import event_data, split_events

_CALLERS_OWN = ("metadata", "user", "safety_identifier")
_SAME_IN_ALL = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
_CHAT_LIKE: frozenset[Surface] = frozenset({"chat_completions", "completions"})


class _Form(NamedTuple):
    to_stream: Callable[[Document], bytes]
    to_answer: Callable[[bytes], Document]


_FORMS: Mapping[Surface, _Form] = {
    "chat_completions": _Form(chat.to_stream, chat.to_answer),
    "completions": _Form(completions.to_stream, completions.to_answer),
    "messages": _Form(messages.to_stream, messages.to_answer),
    "responses": _Form(responses.to_stream, responses.to_answer),
}


class Kept(NamedTuple):
    """What is stored of an answer's body."""

    format: ResponseFormat
    body: bytes
    response_id: str
    model: str


def keep(surface: Surface, form: ResponseFormat, body: bytes) -> Kept | None:
    """The body as it is stored; None when it can't be given again."""
    if form == "json":
        return Kept("json", body, "", "")
    if surface == "responses":
        answer = responses.to_answer(body)
        if not answer:
            return None
        return Kept("json", orjson.dumps(answer), _text(answer, "id"), _text(answer, "model"))
    if surface in _CHAT_LIKE:
        body = _without_usage(body)
        if b"[DONE]" not in body[-64:]:
            body += DONE
    first = next(documents(body), None)
    if first is None:
        return None
    fields = fields_of(first.get("message")) if surface == "messages" else first
    return Kept("sse", body, _text(fields, "id"), _text(fields, "model"))


def give(answer: CachedAnswer, request: Document, *, stream: bool, wants_usage: bool) -> bytes:
    """The body for a request: JSON, or all events."""
    surface = answer.surface
    if surface == "responses":
        document = _for_caller(orjson.loads(answer.body), request)
        return responses.to_stream(document) if stream else orjson.dumps(document)
    body = answer.body if (answer.format == "sse") is stream else answer.other or other_form(answer)
    if stream and wants_usage and surface in _CHAT_LIKE:
        return _with_usage(body, answer.usage)
    return body


def converts(answer: CachedAnswer, *, stream: bool) -> bool:
    """Whether the answer must be turned into the other form, which is worth keeping."""
    return (answer.format == "sse") is not stream and not answer.other and answer.surface != "responses"


def other_form(answer: CachedAnswer) -> bytes:
    """A stream as JSON, or JSON as a stream."""
    if answer.format == "sse":
        return _as_json(answer)
    return _FORMS[answer.surface].to_stream(orjson.loads(answer.body))


def _as_json(answer: CachedAnswer) -> bytes:
    document = _FORMS[answer.surface].to_answer(answer.body)
    if answer.usage and answer.surface in _CHAT_LIKE:
        document["usage"] = orjson.Fragment(answer.usage)
    return orjson.dumps(document)


def _for_caller(answer: Document, request: Document) -> Document:
    for name in _CALLERS_OWN:
        if name in answer or name in request:
            answer[name] = request.get(name, {} if name == "metadata" else None)
    return answer


def _without_usage(body: bytes) -> bytes:
    if b'"usage"' not in body:
        return body
    kept = [event for event in split_events(body) if not _is_usage_only(event)]
    return b"".join(kept)


def _is_usage_only(event: bytes) -> bool:
    if b'"usage"' not in event:
        return False
    try:
        document = fields_of(orjson.loads(event_data(event)))
    except orjson.JSONDecodeError:
        return False
    return document.get("choices") == [] and isinstance(document.get("usage"), dict)


def _with_usage(body: bytes, usage: bytes) -> bytes:
    """The stream with the event that carries usage before `[DONE]`."""
    first = next(documents(body), None)
    end = body.rfind(b"data:")
    if not usage or first is None or end < 0:
        return body
    event: Document = {key: first[key] for key in _SAME_IN_ALL if key in first}
    event |= {"choices": list[object](), "usage": orjson.Fragment(usage)}
    return b"%bdata: %b\n\n%b" % (body[:end], orjson.dumps(event), body[end:])


def _text(fields: Document, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
