"""`MessagesSurface`: clients that speak Anthropic's Messages API ⇄ the hub."""

from kaname.gateway.dialects.messages_surface.request import decode_request
from kaname.gateway.dialects.messages_surface.response import encode_response
from kaname.gateway.dialects.messages_surface.stream import MessagesEncoder
from kaname.gateway.dialects.model import Document, Encoded


class MessagesSurface:
    """See `SurfaceCodec`. Stateless."""

    def for_request(self, document: Document) -> "MessagesSurface":
        """See `SurfaceCodec`."""
        return self

    def decode_request(self, document: Document) -> Encoded:
        """See `SurfaceCodec`."""
        return decode_request(document)

    def encode_response(self, chat: Document) -> Document:
        """See `SurfaceCodec`."""
        return encode_response(chat)

    def stream_encoder(self, model: str) -> MessagesEncoder:
        """See `SurfaceCodec`."""
        return MessagesEncoder(model)
