"""OpenAI's embeddings ⇄ Cohere's embed: v2 at Cohere, and the same body without a model on Bedrock."""

from dataclasses import dataclass

from kaname.gateway.dialects.embeddings.texts import (
    TextsCodec,
    encoded,
    read_dimensions,
    read_purpose,
    read_texts,
    to_answer,
)
from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.reading import Losses, count_in, object_in, unusable

_DEFAULT_PURPOSE = "search_document"


@dataclass(frozen=True, slots=True, kw_only=True)
class CohereEmbeddings(TextsCodec):
    """See `ProviderCodec`. https://docs.cohere.com/reference/embed."""

    on_bedrock: bool = False

    def encode_request(self, chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
        """See `ProviderCodec`."""
        losses = Losses(strict=strict)
        request: Document = {} if self.on_bedrock else {"model": model}
        request["texts"] = read_texts(chat, losses)
        request["input_type"] = read_purpose(chat, _DEFAULT_PURPOSE)
        request["embedding_types"] = ["float"]
        if (dimensions := read_dimensions(chat)) is not None:
            request["output_dimension"] = dimensions
        return encoded(request, losses, counts=not self.on_bedrock)

    def decode_response(self, document: Document) -> Document:
        """See `ProviderCodec`."""
        vectors = document.get("embeddings")
        if isinstance(vectors, dict):
            vectors = object_in(document, "embeddings").get("float")
        if not isinstance(vectors, list):
            raise unusable("it has no embeddings")
        billed = object_in(object_in(document, "meta"), "billed_units")
        return to_answer([*vectors], count_in(billed, "input_tokens") or None)
