"""The seam of translation: a *surface codec* turns a client's wire format into the hub and back, a *provider codec* the
hub into an upstream's wire format and back.

The hub is OpenAI's chat completions document (request, `chat.completion`, `chat.completion.chunk`) with two additions:
assistant messages and deltas may carry `reasoning_content` (text) and `thinking_blocks` (Anthropic's thinking and
redacted_thinking blocks, whose signature the next tool turn needs; in a stream each comes whole, with an `index`). A
call whose two sides speak the same format never goes through it: its bytes are passed.
Invariants: codecs are pure and hold no state but a stream's; what a side can't say is named in `warnings`.
"""

from typing import NamedTuple, Protocol

from kaname.gateway.openai_errors import WireError

Document = dict[str, object]


class Encoded(NamedTuple):
    """A translated document, and what was lost or changed on the way."""

    document: Document
    warnings: list[str]


class StreamDecoder(Protocol):
    """Turns the events of one upstream stream into hub chunks."""

    done: bool
    """The format's terminal event was seen."""
    malformed: int
    """Events that weren't readable and were left out."""

    def feed(self, event: str, data: bytes) -> list[Document]:
        """The chunks an event stands for, [] for none; raises UpstreamError for the upstream's own error event."""
        ...

    def finish(self) -> list[Document]:
        """At a clean end of the upstream; raises UpstreamError (`upstream_cut`) when the terminal event is missing."""
        ...


class ProviderCodec(Protocol):
    """Hub ⇄ an upstream's wire format."""

    def encode_request(self, chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
        """The upstream's request; raises InvalidInputError for what it can't say. `strict`: nothing may be lost."""
        ...

    def decode_response(self, document: Document) -> Document:
        """A `chat.completion`; raises UpstreamError (`upstream_invalid_response`)."""
        ...

    def stream_decoder(self) -> StreamDecoder:
        """For one stream."""
        ...


class StreamEncoder(Protocol):
    """Writes one stream to a client as server-sent events."""

    def feed(self, chunk: Document) -> bytes:
        """The events a hub chunk stands for; b"" for none."""
        ...

    def finish(self) -> bytes:
        """The events that end a complete stream."""
        ...

    def error(self, error: WireError) -> bytes:
        """The event that ends a failed stream; nothing may follow."""
        ...


class SurfaceCodec(Protocol):
    """A client's wire format ⇄ hub."""

    def for_request(self, document: Document) -> "SurfaceCodec":
        """The codec for the answers to one request, where they repeat some of it; itself where they don't."""
        ...

    def decode_request(self, document: Document) -> Encoded:
        """The hub's request; raises InvalidInputError with `param`."""
        ...

    def encode_response(self, chat: Document) -> Document:
        """The client's answer for a `chat.completion`."""
        ...

    def stream_encoder(self, model: str) -> StreamEncoder:
        """For one stream."""
        ...
