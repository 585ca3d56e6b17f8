"""`ConverseCodec`: the hub ⇄ Bedrock's Converse and ConverseStream."""

from kaname.gateway.dialects.converse.request import encode_request
from kaname.gateway.dialects.converse.response import decode_response
from kaname.gateway.dialects.converse.stream import ConverseDecoder
from kaname.gateway.dialects.model import Document, Encoded


class ConverseCodec:
    """See `ProviderCodec`. Stateless."""

    def encode_request(self, chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
        """See `ProviderCodec`."""
        return encode_request(chat, model, strict=strict)

    def decode_response(self, document: Document) -> Document:
        """See `ProviderCodec`."""
        return decode_response(document)

    def stream_decoder(self) -> ConverseDecoder:
        """See `ProviderCodec`."""
        return ConverseDecoder()
