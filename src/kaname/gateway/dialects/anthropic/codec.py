"""`MessagesCodec`: the hub ⇄ Anthropic's Messages API, for upstreams that speak it."""

from kaname.gateway.dialects.anthropic.request import encode_request
from kaname.gateway.dialects.anthropic.response import decode_response
from kaname.gateway.dialects.anthropic.stream import MessagesDecoder
from kaname.gateway.dialects.model import Document, Encoded


class MessagesCodec:
    """See `ProviderCodec`. Stateless."""

    def encode_request(self, chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
        """See `ProviderCodec`."""
        return encode_request(chat, model, stream=stream, strict=strict)

    def decode_response(self, document: Document) -> Document:
        """See `ProviderCodec`."""
        return decode_response(document)

    def stream_decoder(self) -> MessagesDecoder:
        """See `ProviderCodec`."""
        return MessagesDecoder()
