"""`GeminiCodec`: the hub ⇄ Gemini's `generateContent`, on the Gemini API and on Vertex AI."""

from dataclasses import dataclass

from kaname.gateway.dialects.gemini.request import encode_request
from kaname.gateway.dialects.gemini.response import decode_response
from kaname.gateway.dialects.gemini.stream import GeminiDecoder
from kaname.gateway.dialects.model import Document, Encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class GeminiCodec:
    """See `ProviderCodec`."""

    ids: bool = True
    """Whether tool calls and their results carry ids; Vertex AI knows them by name and order only."""

    def encode_request(self, chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
        """See `ProviderCodec`."""
        return encode_request(chat, model, strict=strict, ids=self.ids)

    def decode_response(self, document: Document) -> Document:
        """See `ProviderCodec`."""
        return decode_response(document)

    def stream_decoder(self) -> GeminiDecoder:
        """See `ProviderCodec`."""
        return GeminiDecoder()
