"""Reads what an upstream answered when it isn't a stream: a result, its own error, or rubbish.

Results and errors in the OpenAI shape go to the client byte for byte. HTML, cut JSON and redirects never do: they
become an error of ours. An upstream's refusal of *our* key never looks like a refusal of the caller's.
"""

from collections.abc import Mapping
from typing import NamedTuple, cast

import msgspec
import orjson

from kaname.gateway.anthropic_errors import from_anthropic
from kaname.gateway.openai_errors import ErrorReply, Headers, WireError, to_wire
from kaname.gateway.surfaces import ErrorStyle
from kaname.kernel.errors import UnavailableError, UpstreamError, UpstreamTimeoutError

MAX_ERROR_BYTES = 1 << 20
_FORWARDED = (b"retry-after", b"retry-after-ms", b"x-should-retry")
_KEEPS_STATUS = frozenset({400, 408, 409, 413, 422, 429, 503, 504})
_ANTHROPIC_OVERLOADED = 529
_CREDENTIAL_STATUSES = frozenset({401, 402, 403})
_KEYS = ("message", "type", "param", "code")


class Answer(NamedTuple):
    """A whole result and what the record needs of it."""

    body: bytes
    usage: bytes
    model: str
    id: str
    finish_reasons: list[str]


class PassedError(NamedTuple):
    """An upstream's own error, passed on byte for byte to a client that speaks its `style`."""

    status: int
    content: bytes
    type: str
    code: str | None
    message: str
    param: str | None
    headers: Headers
    style: ErrorStyle

    def body(self) -> bytes:
        """The JSON document."""
        return self.content

    def as_wire(self) -> WireError:
        """The same for a client that speaks another."""
        return WireError(self.status, self.type, self.code, self.message, self.param, self.headers)


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Envelope(msgspec.Struct):
    """What the answers of all surfaces have in common, and how each says why it ended."""

    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = msgspec.Raw(b"")
    choices: list[_Choice] = []
    stop_reason: str | None = None
    status: str | None = None
    error: msgspec.Raw = msgspec.Raw(b"")


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def read_answer(body: bytes) -> Answer:
    """Validates the body of a 200; raises UpstreamError when it is empty, not JSON, not an object, or an error."""
    try:
        envelope = _ENVELOPE.decode(body)
    except msgspec.ValidationError:
        return _read_odd_answer(body)
    except (msgspec.DecodeError, RecursionError) as e:
        raise _invalid("it isn't valid JSON" if body.strip() else "it is empty") from e
    error = bytes(envelope.error)
    if error and error != b"null":
        raise error_in_success(orjson.loads(error))
    usage = bytes(envelope.usage)
    reasons = [choice.finish_reason for choice in envelope.choices if choice.finish_reason]
    if not reasons and (reason := envelope.stop_reason or envelope.status):
        reasons.append(reason)
    return Answer(body, usage if usage.startswith(b"{") else b"", envelope.model or "", envelope.id or "", reasons)


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes, style: ErrorStyle) -> ErrorReply:
    """What the client gets for an upstream status that isn't 200. `style` is how the upstream words its errors."""
    passed = forwarded_headers(headers)
    passed.append((b"x-kaname-upstream-status", str(status).encode()))
    if status in _CREDENTIAL_STATUSES:
        refused = UpstreamError(
            "the upstream refused the gateway's credentials", code="upstream_credentials_exhausted",
            hint="Check the provider's keys and account.",
        )  # fmt: skip
        return _with_headers(to_wire(refused), [passed[-1]])
    error = _error_object(body) if status >= 400 else None
    if error is not None and (status < 500 or status in _KEEPS_STATUS):
        return _pass_on(status, error, passed, body, style)
    if status < 400:
        redirect = UpstreamError(f"the upstream answered with status {status}", code="upstream_invalid_response")
        return _with_headers(to_wire(redirect), [passed[-1]])
    if status == _ANTHROPIC_OVERLOADED:
        return _with_headers(to_wire(UnavailableError("the upstream is overloaded", code="overloaded")), passed)
    said = error.get("message") if error is not None else None
    why = f": {said[:2000]}" if isinstance(said, str) and said else " and no readable error"
    kind = UpstreamTimeoutError if status == 504 else UpstreamError
    wire = to_wire(kind(f"the upstream answered with status {status}{why}"))
    if status in _KEEPS_STATUS:
        kind_name = "requests" if status == 429 else "invalid_request_error" if status < 500 else wire.type
        code = "rate_limit_exceeded" if status == 429 else wire.code
        wire = wire._replace(status=status, type=kind_name, code=code)
    return _with_headers(wire, passed)


def error_in_success(error: object) -> UpstreamError:
    """An error object inside a 200, or as the first event of a stream."""
    fields = cast("dict[str, object]", error) if isinstance(error, dict) else {"message": error}
    message = fields.get("message")
    said = message if isinstance(message, str) and message else "no reason given"
    return UpstreamError(f"the upstream failed: {said[:2000]}")


def forwarded_headers(headers: Mapping[bytes, bytes]) -> Headers:
    """The upstream's headers that a client can use: when to come back, and its rate limits."""
    return [
        (name, value)
        for name, value in headers.items()
        if (name in _FORWARDED or name.startswith(b"x-ratelimit-")) and value.isascii() and value.decode().isprintable()
    ]


def _pass_on(status: int, error: dict[str, object], headers: Headers, body: bytes, style: ErrorStyle) -> PassedError:
    content = body
    if error.get("type") == "exceed_context_size_error":  # llama.cpp
        error = {**error, "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}
        content = orjson.dumps({"error": error})
    elif style == "openai" and not all(key in error for key in _KEYS):
        error = {**dict.fromkeys(_KEYS), "message": "", "type": "upstream_error", **error}
        content = orjson.dumps({"error": error})
    if style == "anthropic" and (wire := from_anthropic(status, body, headers)) is not None:
        return PassedError(wire.status, body, wire.type, wire.code, wire.message, wire.param, headers, style)
    code, param = error.get("code"), error.get("param")
    return PassedError(
        status,
        content,
        str(error.get("type") or ""),
        None if code is None else str(code),
        str(error.get("message") or ""),
        param if isinstance(param, str) else None,
        headers,
        style,
    )


def _error_object(body: bytes) -> dict[str, object] | None:
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    error = cast("dict[str, object]", document).get("error") if isinstance(document, dict) else None
    return cast("dict[str, object]", error) if isinstance(error, dict) else None


def _read_odd_answer(body: bytes) -> Answer:
    """JSON whose fields have other types than OpenAI's: still the upstream's answer, if it is an object."""
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError as e:
        raise _invalid("it isn't valid JSON") from e
    if not isinstance(document, dict):
        raise _invalid("it isn't a JSON object")
    fields = cast("dict[str, object]", document)
    if fields.get("error"):
        raise error_in_success(fields["error"])
    usage = fields.get("usage")
    return Answer(body, orjson.dumps(usage) if isinstance(usage, dict) else b"", "", "", [])


def _with_headers(wire: WireError, headers: Headers) -> WireError:
    return wire._replace(headers=[*wire.headers, *headers])


def _invalid(why: str) -> UpstreamError:
    return UpstreamError(f"the upstream's answer can't be used: {why}", code="upstream_invalid_response")
