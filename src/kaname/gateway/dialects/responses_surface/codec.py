"""`ResponsesSurface`: clients that speak OpenAI's Responses API ⇄ the hub."""

from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.responses_surface.request import decode_request
from kaname.gateway.dialects.responses_surface.response import echo_of, encode_response
from kaname.gateway.dialects.responses_surface.stream import ResponsesEncoder


class ResponsesSurface:
    """See `SurfaceCodec`. `echo`: the parameters that answers repeat, see `for_request`."""

    __slots__ = ("_echo",)

    def __init__(self, echo: Document | None = None) -> None:
        self._echo: Document = echo or {}

    def for_request(self, document: Document) -> "ResponsesSurface":
        """See `SurfaceCodec`. The API's own answers repeat the parameters of their request."""
        return ResponsesSurface(echo_of(document))

    def decode_request(self, document: Document) -> Encoded:
        """See `SurfaceCodec`."""
        return decode_request(document)

    def encode_response(self, chat: Document) -> Document:
        """See `SurfaceCodec`."""
        return encode_response(chat, self._echo)

    def stream_encoder(self, model: str) -> ResponsesEncoder:
        """See `SurfaceCodec`."""
        return ResponsesEncoder(model, self._echo)
