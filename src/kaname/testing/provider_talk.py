"""One kind of provider asked without a connection, as the gateway asks it: for `testing.provider`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, cast

import orjson

from kaname.gateway.cache.forms import chat, completions, messages, responses
from kaname.gateway.config import Provider, Target
from kaname.gateway.decode import DecodedRequest, decode_request, encode_for_upstream
from kaname.gateway.dialects.chat.encoder import ChatEncoder
from kaname.gateway.dialects.model import Document
from kaname.gateway.health import HealthBook
from kaname.gateway.model import Surface
from kaname.gateway.planned_target import PlannedTarget, plan_target
from kaname.gateway.providers.framing import framer
from kaname.gateway.providers.model import Adapter
from kaname.gateway.stream import EventRelay, Relay
from kaname.gateway.stream_dialects import STREAM_DIALECTS
from kaname.gateway.translated_stream import TranslatedRelay
from kaname.gateway.translation import translate

CHATS: Final[tuple[Surface, ...]] = ("chat_completions", "completions", "messages", "responses")
"""The surfaces that chat."""
_LARGEST: Final = 1_000_000
_TO_ANSWER: Final[Mapping[Surface, Callable[[bytes], Document]]] = {
    "chat_completions": chat.to_answer,
    "completions": completions.to_answer,
    "messages": messages.to_answer,
    "responses": responses.to_answer,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidCall:
    """A call of a tool, as the upstream means it."""

    name: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderWire:
    """A kind of provider, and examples of what its upstream says. Events are framed, and end with the last one."""

    adapter: Adapter
    model: str
    text: Document
    text_said: str
    tools: Document
    tools_said: Sequence[SaidCall]
    text_events: Sequence[bytes]
    text_events_said: str
    tool_events: Sequence[bytes]
    tool_events_said: Sequence[SaidCall]
    malformed: bytes
    """An event that can't be read."""
    errors: Mapping[int, bytes]
    """Bodies of refusals by status: 400, 401, 429 and 500."""
    refusal_said: str
    """Words of the one with status 400."""
    needless: int = 0
    """How many events at the end may be missing: those after the one that says why it ended."""
    options: Mapping[str, str] = field(default_factory=dict[str, str])


class Talk:
    """One wire's talk with one surface's clients."""

    def __init__(self, wire: ProviderWire, surface: Surface) -> None:
        self.surface: Surface = surface
        adapter = wire.adapter
        provider = Provider(name="up", type=adapter.type, base_url=None, options=wire.options)
        health = HealthBook(Random(1)).target("up")  # noqa: S311 - breakers draw their waits
        self.target: PlannedTarget = plan_target(Target(provider="up", model=wire.model), provider, adapter, health)

    def ask(self, **more: object) -> DecodedRequest:
        """A client's request: a question, and what is given besides."""
        asked: Document = {"model": "alias", "messages": [{"role": "user", "content": "Weather in Tokyo?"}]}
        if self.surface == "completions":
            asked = {"model": "alias", "prompt": "Weather in Tokyo?"}
        elif self.surface == "responses":
            asked = {"model": "alias", "input": "Weather in Tokyo?"}
        elif self.surface == "messages":
            asked["max_tokens"] = 500
        return decode_request(self.surface, orjson.dumps(asked | more))

    def send(self, request: DecodedRequest) -> Document:
        """What goes upstream; raises what a translation raises."""
        wire = self.target.wire(self.surface, stream=request.stream)
        if wire.passes:
            return cast(
                "Document", orjson.loads(encode_for_upstream(request, self.target.target.model, add_usage=False))
            )
        return cast("Document", orjson.loads(translate(request, self.target, wire)[0]))

    def path(self, *, stream: bool) -> str:
        """Where it goes, under the base URL."""
        return self.target.wire(self.surface, stream=stream).path

    def read(self, answer: Document, request: DecodedRequest | None = None) -> Document:
        """A whole answer as the client gets it."""
        request = request or self.ask()
        wire = self.target.wire(self.surface, stream=False)
        if wire.provider_codec is None:
            return answer
        hub = wire.provider_codec.decode_response(cast("Document", orjson.loads(orjson.dumps(answer))))
        if not hub.get("model"):
            hub["model"] = request.model
        if wire.surface_codec is None:
            return hub
        return wire.surface_codec.for_request(request.document).encode_response(hub)

    def relay(self) -> Relay:
        """For one stream."""
        request = self.ask(stream=True)
        wire = self.target.wire(self.surface, stream=True)
        if wire.provider_codec is None:
            return EventRelay(
                strip_usage=False, max_event_bytes=_LARGEST, record_limit=0, dialect=STREAM_DIALECTS.get(self.surface)
            )
        codec = wire.surface_codec
        encoder = (
            ChatEncoder(request.model, include_usage=True)
            if codec is None
            else codec.for_request(request.document).stream_encoder(request.model)
        )
        return TranslatedRelay(
            framer(wire.framing, _LARGEST), wire.provider_codec.stream_decoder(), encoder, record_limit=0
        )

    def assemble(self, stream: bytes) -> Document:
        """The answer that a client's stream adds up to."""
        return _TO_ANSWER[self.surface](stream)

    def said(self, answer: Document) -> str:
        """The text of a client's answer."""
        if self.surface == "messages":
            return "".join(str(block["text"]) for block in _objects(answer, "content") if block.get("type") == "text")
        if self.surface == "responses":
            parts = [part for item in _objects(answer, "output") for part in _objects(item, "content")]
            return "".join(str(part["text"]) for part in parts if part.get("type") == "output_text")
        [choice] = _objects(answer, "choices")
        if self.surface == "completions":
            return str(choice["text"])
        return str(cast("Document", choice["message"]).get("content") or "")


def _objects(document: Document, name: str) -> list[Document]:
    return cast("list[Document]", document.get(name) or [])
