"""Native calls, `ANY /pass/{provider}/…`: what of a request goes to a provider as it is, and what never does.

Method, query, body and content type are the client's. Its credentials, `x-kaname-*` and all that concerns only
one connection stay here. Pure functions; the calls themselves take the same way as all others (`pipeline.py`).
Invariant: a path stays under the provider's base URL, however it is encoded.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, cast
from urllib.parse import unquote_to_bytes

import orjson

from kaname.gateway.answer import PassedError, read_error
from kaname.gateway.config import BaseUrl
from kaname.gateway.decode import MAX_MODEL_CHARS, refuse_repeated_keys
from kaname.gateway.form import parse_form
from kaname.gateway.opaque import safe_type
from kaname.gateway.openai_errors import ErrorReply, Headers
from kaname.gateway.providers.model import HeaderLines
from kaname.gateway.surfaces import ErrorStyle
from kaname.kernel.errors import InvalidInputError, KanameError, NotFoundError

PREFIX: Final = "/pass/"
METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
NO_MODEL: Final = "-"
"""Stands for the model of a call that names none."""
_DECODINGS: Final = 4
_PLAIN = re.compile(rb"[!-~]*")
_VERSION = re.compile(r"/v[0-9][0-9a-z]*")
_MODEL_IN_PATH = re.compile(r"/(?:models|model|deployments)/([^/:]+)")
_STAYS_HERE: Final = frozenset(
    {
        b"host", b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"expect",
        b"content-length", b"content-encoding", b"content-type", b"accept-encoding", b"origin", b"referer",
        b"forwarded", b"via", b"x-real-ip", b"x-request-id", b"traceparent", b"tracestate", b"range", b"user-agent",
        b"openai-organization", b"openai-project", b"x-goog-user-project",
    }
)  # fmt: skip
_STAYING_PREFIXES: Final = (
    b"x-kaname-", b"x-forwarded-", b"proxy-", b"x-amz-", b"sec-", b"cf-", b"if-", b"access-control-",
)  # fmt: skip
_SECRET = re.compile(rb"auth|cookie|api-?key|token|secret|credential|password|signature")
_CREDENTIALS: Final = frozenset(
    {
        b"key",
        b"api-key",
        b"apikey",
        b"access-token",
        b"token",
        b"auth",
        b"authorization",
        b"x-api-key",
        b"subscription-key",
    }
)
_ANSWER_STAYS: Final = _STAYS_HERE - {b"content-encoding"} | {
    b"set-cookie", b"server", b"date", b"alt-svc", b"strict-transport-security", b"location", b"refresh", b"link",
    b"content-security-policy", b"x-content-type-options", b"request-id", b"clear-site-data", b"report-to", b"nel",
    b"service-worker-allowed", b"www-authenticate",
}  # fmt: skip
_SAFE: Final[Headers] = [(b"x-content-type-options", b"nosniff"), (b"content-security-policy", b"sandbox")]
"""Answers come from elsewhere but under our origin."""


class Passed(NamedTuple):
    """A native call. `path` begins with a slash and is as the client encoded it; `query` has its `?`, or is empty."""

    method: str
    provider: str
    path: str
    query: str


def read_target(method: str, raw_path: bytes, query: bytes) -> Passed:
    """Reads a request target; raises InvalidInputError or NotFoundError for one that might lead elsewhere."""
    if not raw_path.startswith(PREFIX.encode()) or not _PLAIN.fullmatch(raw_path) or not _PLAIN.fullmatch(query):
        raise _bad_path("it has characters that must be encoded")
    provider, slash, rest = raw_path[len(PREFIX) :].decode("ascii").partition("/")
    if not provider or not slash or not rest:
        raise NotFoundError("no provider and path given", hint="Call /pass/{provider}/{path}.")
    plain = ("/" + rest).encode()
    for _ in range(_DECODINGS):
        _check_segments(plain)
        decoded = unquote_to_bytes(plain)
        if decoded == plain:
            break
        plain = decoded
    else:
        raise _bad_path("it is encoded too often")
    pairs = [pair for pair in query.decode("ascii").split("&") if pair and not _is_credential(pair)]
    name = unquote_to_bytes(provider).decode("utf-8", "replace")
    return Passed(method, name, "/" + rest, f"?{'&'.join(pairs)}" if pairs else "")


def upstream_path(passed: Passed, url: BaseUrl) -> str:
    """The path at the provider: under its base URL, whose version SDKs may repeat (`/pass/anthropic/v1/messages`)."""
    rest, version = passed.path, "/" + url.path.rpartition("/")[2]
    if _VERSION.fullmatch(version) and rest.startswith(version + "/"):
        rest = rest[len(version) :]
    return url.path + rest


def named_model(passed: Passed, body: bytes, content_type: bytes) -> tuple[str, dict[str, object]]:
    """Which model a call uses, or `NO_MODEL`, and its JSON; raises InvalidInputError when it names several."""
    document: dict[str, object] = {}
    found = {unquote_to_bytes(name).decode("utf-8", "replace") for name in _MODEL_IN_PATH.findall(passed.path)}
    if content_type.lstrip()[:19].lower() == b"multipart/form-data":  # other multiparts are uploads
        document = parse_form(body, content_type).fields()
    elif body.lstrip()[:1] == b"{":
        document = _read_json(body)
    for pair in passed.query[1:].split("&"):
        name, _, value = pair.partition("=")
        if unquote_to_bytes(name) == b"model":
            found.add(unquote_to_bytes(value.replace("+", " ")).decode("utf-8", "replace"))
    if (said := document.get("model")) is not None:
        if not isinstance(said, str):
            raise InvalidInputError("`model` isn't a text", hint="Name one model.", param="model")
        found.add(said)
    found = {name.removeprefix("models/") for name in found}
    if len(found) > 1:
        raise InvalidInputError("the call names several models", hint="Name one.", param="model")
    model = found.pop() if found else NO_MODEL
    if not 0 < len(model) <= MAX_MODEL_CHARS or not model.isprintable():
        raise InvalidInputError("`model` can't be read", hint="Name one model.", param="model")
    return model, document


def request_head(
    passed: Passed, url: BaseUrl, headers: Mapping[bytes, bytes], lines: HeaderLines, *, skip: frozenset[bytes]
) -> bytes:
    """The request head up to, and without, `content-length`."""
    named = {name.strip().lower() for name in headers.get(b"connection", b"").split(b",")}
    ours = {name.lower().encode() for name, _ in lines}
    head = [
        f"{passed.method} {upstream_path(passed, url)}{passed.query} HTTP/1.1".encode("ascii"),
        b"host: " + url.host_header.encode("ascii"),
        b"user-agent: kaname-gateway",
        b"accept-encoding: identity",
        *(
            b"%b: %b" % (name, value)
            for name, value in headers.items()
            if name not in _STAYS_HERE and name not in named and name not in ours and name not in skip
            and not name.startswith(_STAYING_PREFIXES) and not _SECRET.search(name)
            and b"\r" not in value and b"\n" not in value
        ),
        *(f"{name}: {value}".encode("ascii") for name, value in lines),
    ]  # fmt: skip
    if (content_type := headers.get(b"content-type")) is not None:
        head.append(b"content-type: " + safe_type(content_type))
    return b"\r\n".join([*head, b""])


def answer_headers(headers: Mapping[bytes, bytes]) -> Headers:
    """The provider's headers that go to the client, and those that keep a browser from trusting the answer."""
    named = {name.strip().lower() for name in headers.get(b"connection", b"").split(b",")}
    passed = [
        (name, value)
        for name, value in headers.items()
        if name not in _ANSWER_STAYS and name not in named and not name.startswith(_STAYING_PREFIXES)
        and value.isascii() and value.decode().isprintable()
    ]  # fmt: skip
    return [*passed, *_SAFE]


def refusal(status: int, headers: Mapping[bytes, bytes], body: bytes, style: ErrorStyle) -> ErrorReply:
    """What the client gets for a status that isn't a success: the provider's own JSON, unless it concerns our key."""
    shaped = read_error(status, headers, body, style)
    if status < 400 or status in (401, 402, 403):
        return shaped
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return shaped
    if not isinstance(document, dict):
        return shaped
    error: object = cast("dict[str, object]", document).get("error")
    fields = cast("dict[str, object]", error if isinstance(error, dict) else document)
    code, message = fields.get("code"), fields.get("message")
    return PassedError(
        status, body, str(fields.get("type") or "upstream_error"), None if code is None else str(code),
        message if isinstance(message, str) else "", None, shaped.headers, style,
    )  # fmt: skip


def _check_segments(path: bytes) -> None:
    if any(byte < 0x20 or byte == 0x7F for byte in path) or b"\\" in path:
        raise _bad_path("it has control characters or backslashes")
    *segments, last = path[1:].split(b"/")
    for segment in [*segments, last]:
        if segment.partition(b";")[0].strip() in (b".", b".."):
            raise _bad_path("it has dot segments")
    if not path.startswith(b"/") or b"" in segments:
        raise _bad_path("it has empty segments")


def _is_credential(pair: str) -> bool:
    """Providers that take keys in the query get ours in a header."""
    name = unquote_to_bytes(pair.partition("=")[0]).strip().lower().replace(b"_", b"-")
    return name in _CREDENTIALS or name.startswith(b"x-amz-")


def _read_json(body: bytes) -> dict[str, object]:
    """The document; one that two readers could read differently is refused, one that nobody can names no model."""
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    refuse_repeated_keys(body)
    return cast("dict[str, object]", document) if isinstance(document, dict) else {}


def _bad_path(why: str) -> KanameError:
    return InvalidInputError(f"this path isn't passed on: {why}", hint="Send a plain path.", param="path")
