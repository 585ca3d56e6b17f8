"""Turns an upstream's response into an answer that can begin: read whole, or held until its first content.

What goes wrong here is still before the first byte to the client, so it may be followed by another attempt.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import orjson

from kaname.gateway.answer import Answer, error_in_success, forwarded_headers, read_answer, read_error
from kaname.gateway.decode import DecodedRequest
from kaname.gateway.dialects.chat.encoder import ChatEncoder
from kaname.gateway.dialects.embeddings.texts import as_asked
from kaname.gateway.dialects.model import Document, StreamEncoder
from kaname.gateway.failure import AttemptFailedError, failure_of_status
from kaname.gateway.model import Surface, UsageFormat
from kaname.gateway.opaque import KeptEnds, OpaqueAnswer, is_json, safe_type
from kaname.gateway.openai_errors import Headers
from kaname.gateway.planned_target import PlannedTarget
from kaname.gateway.providers.framing import framer
from kaname.gateway.providers.said_error import SaidError
from kaname.gateway.routing.retry_after import parse_retry_after
from kaname.gateway.settings import GatewaySettings
from kaname.gateway.stream import EventRelay, Relay, early_error, event_data, looks_like_events, split_events
from kaname.gateway.stream_dialects import STREAM_DIALECTS
from kaname.gateway.surfaces import SURFACES, ErrorStyle
from kaname.gateway.translated_stream import TranslatedRelay
from kaname.gateway.upstream_response import UpstreamResponse
from kaname.gateway.wire import Wire
from kaname.kernel.errors import UpstreamError

MAX_HELD_BYTES = 256 * 1024
MAX_HELD_EVENTS = 64
_USAGE_FORMATS: Mapping[Surface, UsageFormat] = {"messages": "anthropic", "responses": "responses"}


@dataclass(slots=True, kw_only=True)
class WholeAnswer:
    """An answer that was read to its end. `body` is the client's."""

    body: bytes
    answer: Answer
    usage_format: UsageFormat
    headers: Headers


@dataclass(slots=True, kw_only=True)
class OpenStream:
    """A stream whose first content is here. `held` is what the client gets first."""

    relay: Relay
    held: bytes
    usage_format: UsageFormat
    headers: Headers


class Opener:
    """Opens responses for one surface and target after another."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings

    async def refuse(self, response: UpstreamResponse, target: PlannedTarget, wire: Wire) -> AttemptFailedError:
        """What a response that isn't a plain 200 means."""
        if response.status == 200:
            raise UpstreamError("the upstream sent a compressed answer unasked", code="upstream_invalid_response")
        body = await response.read_all(self._settings.max_response_bytes)
        status, headers = response.status, response.headers
        if (said := _said_error(response, body, target)) is not None:
            status, body = said.status, orjson.dumps({"error": said.error})
            if said.retry_after_s is not None:
                headers = {b"retry-after": b"%d" % math.ceil(said.retry_after_s), **headers}
        reply = read_error(status, headers, body, _upstream_style(wire, target))
        return failure_of_status(status, reply, parse_retry_after(headers, time.time()))

    async def body(self, response: UpstreamResponse) -> bytes:
        """The body of an answer that isn't a stream; raises UpstreamError."""
        return await response.read_all(self._settings.max_response_bytes)

    def whole(
        self, body: bytes, headers: Mapping[bytes, bytes], wire: Wire, request: DecodedRequest, surface: Surface
    ) -> WholeAnswer:
        """Reads such a body; raises UpstreamError."""
        kept = forwarded_headers(headers)
        if wire.provider_codec is None:
            return WholeAnswer(
                body=body, answer=read_answer(body), usage_format=_USAGE_FORMATS.get(surface, "openai"), headers=kept
            )
        hub = wire.provider_codec.decode_response(_document(body))
        if not hub.get("model"):
            hub["model"] = request.model
        answer = read_answer(orjson.dumps(hub))
        if surface == "embeddings":
            hub = as_asked(hub, request.document)
        codec = wire.surface_codec
        client = hub if codec is None else codec.for_request(request.document).encode_response(hub)
        return WholeAnswer(body=orjson.dumps(client), answer=answer, usage_format="openai", headers=kept)

    async def opaque(
        self, response: UpstreamResponse, wire: Wire, request: DecodedRequest, surface: Surface
    ) -> WholeAnswer | OpaqueAnswer:
        """JSON read whole, of anything else the first bytes; raises UpstreamError. A page of HTML is no answer."""
        content_type = response.headers.get(b"content-type", b"")
        if is_json(content_type):
            return self.whole(await self.body(response), response.headers, wire, request, surface)
        first = await response.next_chunk()
        if not first or content_type.lower().startswith(b"text/html"):
            why = "a page of HTML" if first else "empty"
            raise UpstreamError(f"the upstream's answer can't be used: it is {why}", code="upstream_invalid_response")
        return OpaqueAnswer(
            first=first, content_type=safe_type(content_type), headers=forwarded_headers(response.headers),
            kept=KeptEnds(),
        )  # fmt: skip

    async def stream(
        self, response: UpstreamResponse, wire: Wire, request: DecodedRequest, surface: Surface, *, strip_usage: bool
    ) -> OpenStream:
        """Waits for the first content, so that a failure before it is a plain HTTP error; raises UpstreamError."""
        response.awaiting_content = True
        relay = self._relay(wire, request, surface, strip_usage=strip_usage)
        chunk = await response.next_chunk()
        if wire.framing == "sse" and not _is_event_stream(response) and not looks_like_events(chunk):
            raise await self._not_a_stream(response, chunk)
        held = await _hold(response, relay, chunk)
        response.awaiting_content = False
        return OpenStream(
            relay=relay,
            held=held,
            usage_format=_USAGE_FORMATS.get(surface, "openai") if wire.passes else "openai",
            headers=forwarded_headers(response.headers),
        )

    def _relay(self, wire: Wire, request: DecodedRequest, surface: Surface, *, strip_usage: bool) -> Relay:
        limit = self._settings.record_body_bytes
        if wire.provider_codec is None:
            return EventRelay(
                strip_usage=strip_usage,
                max_event_bytes=self._settings.max_event_bytes,
                record_limit=limit,
                dialect=STREAM_DIALECTS.get(surface),
            )
        encoder: StreamEncoder = (
            wire.surface_codec.for_request(request.document).stream_encoder(request.model)
            if wire.surface_codec is not None
            else ChatEncoder(request.model, include_usage=request.wants_usage)
        )
        framed = framer(wire.framing, self._settings.max_event_bytes)
        return TranslatedRelay(framed, wire.provider_codec.stream_decoder(), encoder, record_limit=limit)

    async def _not_a_stream(self, response: UpstreamResponse, beginning: bytes) -> UpstreamError:
        rest = await response.read_all(self._settings.max_response_bytes) if beginning else b""
        read_answer(beginning + rest)  # raises what an answer of that kind deserves
        return UpstreamError("the upstream didn't stream although it was asked to", code="upstream_invalid_response")


async def _hold(response: UpstreamResponse, relay: Relay, chunk: bytes) -> bytes:
    """Collects what the client will get until there is content, the end, or too much to hold."""
    content = relay.content if isinstance(relay, EventRelay) else None
    held, checked, ended = b"", content is None, False  # a translation raises the upstream's errors by itself
    while True:
        held += relay.feed(chunk) if chunk else relay.finish()
        if content is not None and (error := early_error(held, content)) is not None:
            raise error_in_success(error)
        checked = checked or any(event_data(event) for event in split_events(held))
        if relay.content_seen or relay.done or len(held) > MAX_HELD_BYTES:
            return held
        if held.count(b"\n\n") > MAX_HELD_EVENTS:
            return held
        if not chunk:
            ended = True
        if ended:
            if not checked or not held:
                raise UpstreamError("the upstream's stream was empty", code="upstream_invalid_response")
            return held
        chunk = await response.next_chunk()


def _said_error(response: UpstreamResponse, body: bytes, target: PlannedTarget) -> SaidError | None:
    """An error that a provider says in words of its own."""
    try:
        document = _document(body)
    except UpstreamError:
        return None
    return target.adapter.read_error(response.status, response.headers, document)


def _upstream_style(wire: Wire, target: PlannedTarget) -> ErrorStyle:
    """In whose words the target's errors come."""
    if wire.passes:
        return SURFACES[wire.upstream_surface].errors
    return "anthropic" if target.provider.type == "anthropic" else "openai"


def _document(body: bytes) -> Document:
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError as e:
        why = "it isn't valid JSON" if body.strip() else "it is empty"
        raise UpstreamError(f"the upstream's answer can't be used: {why}", code="upstream_invalid_response") from e
    if not isinstance(document, dict):
        raise UpstreamError(
            "the upstream's answer can't be used: it isn't a JSON object", code="upstream_invalid_response"
        )
    return cast("Document", document)


def _is_event_stream(response: UpstreamResponse) -> bool:
    return response.headers.get(b"content-type", b"").lower().startswith(b"text/event-stream")
