"""`CompletionsSurface`: clients that speak OpenAI's older completions ⇄ the hub, for targets that only chat."""

from kaname.gateway.dialects.completions_surface.request import decode_request, echo_of
from kaname.gateway.dialects.completions_surface.response import encode_response
from kaname.gateway.dialects.completions_surface.stream import CompletionsEncoder
from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.reading import object_in


class CompletionsSurface:
    """See `SurfaceCodec`. `echo`: text that stands before every answer; `include_usage`: of the stream."""

    __slots__ = ("_echo", "_include_usage")

    def __init__(self, echo: str = "", *, include_usage: bool = False) -> None:
        self._echo = echo
        self._include_usage = include_usage

    def for_request(self, document: Document) -> "CompletionsSurface":
        """See `SurfaceCodec`."""
        include_usage = object_in(document, "stream_options").get("include_usage") is True
        return CompletionsSurface(echo_of(document), include_usage=include_usage)

    def decode_request(self, document: Document) -> Encoded:
        """See `SurfaceCodec`."""
        return decode_request(document)

    def encode_response(self, chat: Document) -> Document:
        """See `SurfaceCodec`."""
        return encode_response(chat, self._echo)

    def stream_encoder(self, model: str) -> CompletionsEncoder:
        """See `SurfaceCodec`."""
        return CompletionsEncoder(model, self._echo, include_usage=self._include_usage)
