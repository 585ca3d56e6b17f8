"""Reads what an upstream answered when it isn't a stream: a result, its own error, or rubbish.

Results and errors in the OpenAI shape go to the client byte for byte. HTML, cut JSON and redirects never do: they
become an error of ours. An upstream's refusal of *our* key never looks like a refusal of the caller's.
"""

from collections.abc import Mapping
from typing import NamedTuple, cast

import msgspec
import orjson

from kaname.gateway.openai_errors import ErrorReply, Headers, WireError, to_wire
from kaname.kernel.errors import UpstreamError, UpstreamTimeoutError

MAX_ERROR_BYTES = 1 << 20
_FORWARDED = (b"retry-after", b"retry-after-ms", b"x-should-retry")
_KEEPS_STATUS = frozenset({400, 408, 409, 413, 422, 429, 503, 504})
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
    """An upstream's own error, passed on."""

    status: int
    content: bytes
    type: str
    code: str | None
    message: str
    headers: Headers

    def body(self) -> bytes:
        """The JSON document."""
        return self.content


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Envelope(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = msgspec.Raw(b"")
    choices: list[_Choice] = []
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
    return Answer(
        body,
        usage if usage.startswith(b"{") else b"",
        envelope.model or "",
        envelope.id or "",
        [choice.finish_reason for choice in envelope.choices if choice.finish_reason],
    )


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes, *, local: bool) -> ErrorReply:
    """What the client gets for an upstream status that isn't 200."""
    passed = forwarded_headers(headers)
    passed.append((b"x-kaname-upstream-status", str(status).encode()))
    if status in _CREDENTIAL_STATUSES:
        refused = UpstreamError(
            "the upstream refused the gateway's credentials", code="upstream_credentials_exhausted",
            hint="Check the provider's keys and account.",
        )  # fmt: skip
        return _with_headers(to_wire(refused), [passed[-1]])
    error = _error_object(body) if status >= 400 else None
    if error is not None:
        return _pass_on(status, error, passed, body, local=local)
    if status < 400:
        redirect = UpstreamError(f"the upstream answered with status {status}", code="upstream_invalid_response")
        return _with_headers(to_wire(redirect), [passed[-1]])
    kind = UpstreamTimeoutError if status == 504 else UpstreamError
    wire = to_wire(kind(f"the upstream answered with status {status} and no readable error"))
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


def _pass_on(status: int, error: dict[str, object], headers: Headers, body: bytes, *, local: bool) -> PassedError:
    content = body
    if local and error.get("type") == "exceed_context_size_error":
        error = {**error, "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}
        content = orjson.dumps({"error": error})
    elif not all(key in error for key in _KEYS):
        error = {**dict.fromkeys(_KEYS), "message": "", "type": "upstream_error", **error}
        content = orjson.dumps({"error": error})
    code = error.get("code")
    return PassedError(
        status,
        content,
        str(error.get("type") or ""),
        None if code is None else str(code),
        str(error.get("message") or ""),
        headers,
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
