"""`CohereCodec`: the hub ⇄ Cohere's v2 chat."""

from kaname.gateway.dialects.cohere.request import encode_request
from kaname.gateway.dialects.cohere.response import decode_response
from kaname.gateway.dialects.cohere.stream import CohereDecoder
from kaname.gateway.dialects.model import Document, Encoded


class CohereCodec:
    """See `ProviderCodec`. Stateless."""

    def encode_request(self, chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
        """See `ProviderCodec`."""
        return encode_request(chat, model, stream=stream, strict=strict)

    def decode_response(self, document: Document) -> Document:
        """See `ProviderCodec`."""
        return decode_response(document)

    def stream_decoder(self) -> CohereDecoder:
        """See `ProviderCodec`."""
        return CohereDecoder()
