"""Errors in Anthropic's shape: `{"type": "error", "error": {"type", "message"}, "request_id"}`.

The status is the same on both surfaces, except that Anthropic says 529 for its own overload and we say 503. `type`
follows the status, so that the SDK, which chooses its exception by status, and clients that read `type` agree.
Upstream errors change shape here in both directions: the shape follows the surface that was called.
Source: https://platform.claude.com/docs/en/api/errors.
"""

import re
from datetime import UTC, datetime
from typing import cast

import orjson

from kaname.gateway.openai_errors import Headers, WireError, to_wire
from kaname.kernel.errors import KanameError

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 503,
}
_OPENAI = {
    401: ("invalid_request_error", "invalid_api_key"),
    402: ("insufficient_quota", "insufficient_quota"),
    404: ("invalid_request_error", "model_not_found"),
    413: ("invalid_request_error", "request_too_large"),
    429: ("requests", "rate_limit_exceeded"),
    503: ("server_error", "overloaded"),
    504: ("upstream_error", "upstream_timeout"),
}
_FILTER = ("content filtering policy",)
_CONTEXT = ("prompt is too long", "exceed context limit", "context window")
_OPENAI_LIMIT = re.compile(rb"x-ratelimit-(limit|remaining|reset)-([a-z-]+)")
_DURATION = re.compile(
    rb"(?=.)(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9}(?:\.\d{0,9})?)s)?(?:(\d{1,15}(?:\.\d{0,9})?)ms)?"
)
_UNITS_S = (86_400.0, 3600.0, 60.0, 1.0, 0.001)
_LONGEST_S = 400 * 86_400.0


def error_type(status: int) -> str:
    """Anthropic's `type` for a status."""
    return _TYPES.get(status) or ("api_error" if status >= 500 else "invalid_request_error")


def render_anthropic(error: WireError, request_id: str | None) -> bytes:
    """The JSON document, also the data of a stream's `event: error` (there `request_id` is None and left out).

    The message names the parameter, because this shape has no place for it.
    """
    message = error.message
    if error.param and error.param not in message:
        message = f"{error.param}: {message}"
    document: dict[str, object] = {"type": "error", "error": {"type": error_type(error.status), "message": message}}
    if request_id is not None:
        document["request_id"] = request_id
    return orjson.dumps(document)


def to_anthropic_body(error: KanameError, request_id: str | None) -> bytes:
    """Renders an error of ours."""
    return render_anthropic(to_wire(error), request_id)


def anthropic_headers(headers: Headers, now_s: float) -> Headers:
    """Header lines with rate limits in Anthropic's words: the kind before the value, and resets as times.

    `now_s` is the wall clock, to which OpenAI's resets, which are durations, are added.
    """
    return [_said_by_anthropic(name, value, now_s) for name, value in headers]


def _said_by_anthropic(name: bytes, value: bytes, now_s: float) -> tuple[bytes, bytes]:
    found = _OPENAI_LIMIT.fullmatch(name)
    if found is None:
        return name, value
    what, kind = found.groups()
    if what == b"reset" and (parts := _DURATION.fullmatch(value)) is not None:
        seconds = sum(float(part) * unit for part, unit in zip(parts.groups(b"0"), _UNITS_S, strict=True))
        if seconds <= _LONGEST_S:
            value = datetime.fromtimestamp(now_s + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    return b"anthropic-ratelimit-%b-%b" % (kind, what), value


def from_anthropic(status: int, body: bytes, headers: Headers) -> WireError | None:
    """An Anthropic upstream's error in OpenAI's shape; None when the body isn't one.

    Call it after refusals of our credentials were handled: those never reach a caller.
    """
    error = _anthropic_error(body)
    if error is None:
        return None
    kind, said = error.get("type"), error.get("message")
    message = said if isinstance(said, str) and said else "the upstream gave no reason"
    if status < 400:
        status = _STATUSES.get(str(kind), 500)
    status = 503 if status == 529 else status
    if status in (400, 413) and any(hint in message.lower() for hint in _CONTEXT):
        return WireError(400, "invalid_request_error", "context_length_exceeded", message, "messages", headers)
    if status == 400 and any(hint in message.lower() for hint in _FILTER):
        return WireError(400, "invalid_request_error", "content_filter", message, None, headers)
    default = ("server_error" if status >= 500 else "invalid_request_error", None)
    type_, code = _OPENAI.get(status, default)
    return WireError(status, type_, code, message, None, headers)


def from_openai(status: int, body: bytes, headers: Headers) -> WireError | None:
    """An OpenAI-shaped upstream error as a WireError, to be written with `render_anthropic`; None when it isn't one."""
    document = _object(body)
    error = document.get("error") if document is not None else None
    if not isinstance(error, dict):
        return None
    fields = cast("dict[str, object]", error)
    message, code, param = fields.get("message"), fields.get("code"), fields.get("param")
    return WireError(
        status,
        str(fields.get("type") or ("server_error" if status >= 500 else "invalid_request_error")),
        None if code is None else str(code),
        message if isinstance(message, str) and message else "the upstream gave no reason",
        param if isinstance(param, str) else None,
        headers,
    )


def _anthropic_error(body: bytes) -> dict[str, object] | None:
    document = _object(body)
    if document is None or document.get("type") != "error":
        return None
    error = document.get("error")
    return cast("dict[str, object]", error) if isinstance(error, dict) else None


def _object(body: bytes) -> dict[str, object] | None:
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, object]", document) if isinstance(document, dict) else None
