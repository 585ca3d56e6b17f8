"""Reads a request body as far as the gateway needs it, and rewrites it for the upstream.

The whole document is validated (UTF-8, surrogates, numbers, depth, repeated keys), so that the gateway and the upstream
can't read two different requests from the same bytes. The values that the client sent are forwarded byte for byte;
only `model` and `stream_options` change.
Not here: the provider's own rules (ranges, unknown parameters); the provider knows them better.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple, cast

import msgspec
import orjson

from kaname.gateway.dialects.messages_surface.request import check_request
from kaname.gateway.form import Form, parse_form, rewrite_form
from kaname.gateway.model import Surface
from kaname.gateway.surfaces import SURFACES
from kaname.kernel.errors import InvalidInputError, TooLargeError, UnsupportedMediaTypeError

MAX_MODEL_CHARS: Final = 256
_MESSAGES_SURFACES: Final = frozenset({"messages", "count_tokens"})
Document = dict[str, object]

_NOTHING: Final[Mapping[str, object]] = {}
_RAW_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_GZIP_WBITS: Final = 31


class DecodedRequest(NamedTuple):
    """A valid request. `canonical`: re-encoding `document` gives the client's own bytes."""

    body: bytes
    document: Document
    model: str
    stream: bool
    wants_usage: bool
    canonical: bool
    strict: bool = False
    """Nothing may be lost in translation."""
    form: Form | None = None
    """The multipart body, whose text fields `document` holds; None for JSON."""


def decompress(body: bytes, encoding: bytes, max_bytes: int) -> bytes:
    """Undoes `content-encoding`; never holds more than `max_bytes` + 1 of output."""
    if encoding not in (b"gzip", b"x-gzip"):
        raise UnsupportedMediaTypeError(
            f"content-encoding {encoding.decode('latin-1')!r} isn't supported", hint="Send gzip or nothing.",
            param="content-encoding",
        )  # fmt: skip
    inflater = zlib.decompressobj(_GZIP_WBITS)
    try:
        plain = inflater.decompress(body, max_bytes + 1)
    except zlib.error as e:
        raise InvalidInputError(f"the body isn't valid gzip: {e}", hint="Send it again.", param="body") from e
    if len(plain) > max_bytes:
        raise too_large(max_bytes)
    if not inflater.eof or inflater.unused_data:
        raise InvalidInputError("the gzip body is cut off or has a tail", hint="Send it again.", param="body")
    return plain


def too_large(max_bytes: int) -> TooLargeError:
    """The body is over the limit."""
    return TooLargeError(
        f"the request body is larger than {max_bytes} bytes", hint="Setting gateway.max_body_bytes.", param="body"
    )


def decode_request(surface: Surface, body: bytes) -> DecodedRequest:
    """Validates a body for a surface; raises InvalidInputError with `param` set."""
    document = _parse(body)
    try:
        canonical = orjson.dumps(document) == body
    except TypeError:  # nested deeper than orjson writes; still fine to forward as it is
        canonical = False
    if not canonical:
        refuse_repeated_keys(body)
    model = document.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= MAX_MODEL_CHARS or not model.isprintable():
        raise _bad_model(model)
    _check_required(surface, document)
    stream = document.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise _invalid("stream", stream, "true or false")
    if surface in _MESSAGES_SURFACES:
        check_request(document, counts_only=surface == "count_tokens")
    if stream and not SURFACES[surface].streams:
        raise InvalidInputError(f"{surface} can't be streamed", hint="Leave `stream` out.", param="stream")
    wants_usage = "stream_options" in document and _wants_usage(document, bool(stream))
    return DecodedRequest(body, document, model, bool(stream), wants_usage, canonical)


def decode_form(surface: Surface, body: bytes, content_type: bytes) -> DecodedRequest:
    """The same for a multipart body: `document` has its text fields; `body` describes it, for the record."""
    form = parse_form(body, content_type)
    document = form.fields()
    model = document.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= MAX_MODEL_CHARS or not model.isprintable():
        raise _bad_model(model)
    spec = SURFACES[surface]
    if spec.required and not document.get(spec.required):
        raise InvalidInputError(f"`{spec.required}` is missing", hint="See the API reference.", param=spec.required)
    stream = document.get("stream", "false")
    if stream not in ("true", "false"):
        raise _invalid("stream", stream, "true or false")
    if stream == "true" and not spec.streams:
        raise InvalidInputError(f"{surface} can't be streamed", hint="Leave `stream` out.", param="stream")
    shown = orjson.dumps({**document, **form.files()})
    return DecodedRequest(shown, document, model, stream == "true", False, canonical=False, form=form)


def encode_document(document: Document) -> bytes:
    """A translated document as bytes."""
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError as e:  # it reads deeper nesting than it writes
        raise InvalidInputError("the request body is nested too deeply", hint="Flatten it.", param="body") from e


def encode_for_upstream(
    request: DecodedRequest, model: str, overrides: Mapping[str, object] = _NOTHING, *, add_usage: bool
) -> bytes:
    """The body with another model name, with `overrides`, and with `stream_options.include_usage` when `add_usage`."""
    if request.form is not None:
        before = request.form.fields()
        changed = {name: value for name, value in request.document.items() if before.get(name) != value}
        return rewrite_form(request.form, {**changed, "model": model, **overrides})
    if request.canonical:
        document = dict(request.document)
        document["model"] = model
        if overrides:
            document.update(overrides)
        if add_usage:
            document["stream_options"] = _with_usage(request.document)
        return orjson.dumps(document)
    try:
        raw: dict[str, msgspec.Raw] = _RAW_OBJECT.decode(request.body)
    except RecursionError as e:
        raise InvalidInputError("the request body is nested too deeply", hint="Flatten it.", param="body") from e
    raw["model"] = msgspec.Raw(orjson.dumps(model))
    for key, value in overrides.items():
        raw[key] = msgspec.Raw(orjson.dumps(value))
    if add_usage:
        raw["stream_options"] = msgspec.Raw(_dump_options(request.document))
    return msgspec.json.encode(raw)


def _parse(body: bytes) -> Document:
    if not body:
        raise InvalidInputError("the request body is empty", hint="Send a JSON object.", param="body")
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError as e:
        raise InvalidInputError(f"the request body isn't valid JSON: {e}", hint="Mend it.", param="body") from e
    if not isinstance(document, dict):
        raise InvalidInputError(
            f"the request body is a JSON {type(document).__name__}, not an object", hint="Send an object.", param="body"
        )
    return cast("Document", document)


def refuse_repeated_keys(body: bytes) -> None:
    """The exact check. Only for bodies that don't re-encode to themselves, because it costs 5–10 µs a kilobyte."""
    try:
        _STRICT.decode(body.decode())
    except RecursionError as e:
        raise InvalidInputError("the request body is nested too deeply", hint="Flatten it.", param="body") from e


def _strict_object(pairs: list[tuple[str, object]]) -> None:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        repeated = next(key for i, key in enumerate(keys) if key in keys[:i])
        raise InvalidInputError(f"key {repeated[:80]!r} is repeated", hint="Send each key once.", param=repeated[:80])


def _not_needed(_: str) -> int:
    return 0


# Numbers aren't converted: only keys matter, and Python refuses integers of more than 4,300 digits.
_STRICT = json.JSONDecoder(object_pairs_hook=_strict_object, parse_int=_not_needed, parse_float=_not_needed)


def _bad_model(model: object) -> InvalidInputError:
    if model is None:
        return InvalidInputError("`model` is missing", hint="`GET /v1/models` lists the models.", param="model")
    return _invalid("model", model, f"a name of 1 to {MAX_MODEL_CHARS} printable characters")


def _check_required(surface: Surface, document: Document) -> None:
    name = SURFACES[surface].required
    value = document.get(name)
    if value is None:
        raise InvalidInputError(f"`{name}` is missing", hint="See the API reference.", param=name)
    if name != "messages":
        if not isinstance(value, (str, list)) or not value:
            raise _invalid(name, cast("object", value), "text or a non-empty list")
        return
    if not isinstance(value, list) or not value:
        raise _invalid(name, cast("object", value), "a non-empty list of messages")
    for i, message in enumerate(cast("list[object]", value)):
        if not isinstance(message, dict):
            raise _invalid(f"messages[{i}]", message, "an object")
        role = cast("Document", message).get("role")
        if not isinstance(role, str):
            raise _invalid(f"messages[{i}].role", role, "text such as 'user'")


def _wants_usage(document: Document, stream: bool) -> bool:
    options = document.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise _invalid("stream_options", options, "an object")
    if not stream:
        raise InvalidInputError(
            "`stream_options` needs `stream: true`", hint="Leave it out or stream.", param="stream_options"
        )
    wanted = cast("Document", options).get("include_usage")
    if wanted is not None and not isinstance(wanted, bool):
        raise _invalid("stream_options.include_usage", wanted, "true or false")
    return bool(wanted)


def _with_usage(document: Document) -> Document:
    options = document.get("stream_options")
    return {**(cast("Document", options) if isinstance(options, dict) else {}), "include_usage": True}


def _dump_options(document: Document) -> bytes:
    try:
        return orjson.dumps(_with_usage(document))
    except orjson.JSONEncodeError as e:  # it reads deeper nesting than it writes
        raise InvalidInputError(
            "`stream_options` is nested too deeply", hint="Flatten it.", param="stream_options"
        ) from e


def _invalid(param: str, value: object, expected: str) -> InvalidInputError:
    if isinstance(value, str):
        shown = repr(value if len(value) <= 80 else value[:79] + "…")
    else:
        shown = repr(value) if isinstance(value, (bool, int, float, type(None))) else _describe(value)
    return InvalidInputError(f"`{param}` is {shown}, not {expected}", hint="See the API reference.", param=param)


def _describe(value: object) -> str:
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "an object"
