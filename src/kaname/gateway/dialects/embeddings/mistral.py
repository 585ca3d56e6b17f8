"""OpenAI's embeddings ⇄ Mistral's, which differ in the name of one field."""

from kaname.gateway.dialects.embeddings.texts import TextsCodec, encoded, read_dimensions, read_texts, to_answer
from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.reading import Losses, count_in, object_in, objects_in


class MistralEmbeddings(TextsCodec):
    """See `ProviderCodec`."""

    def encode_request(self, chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
        """See `ProviderCodec`."""
        losses = Losses(strict=strict)
        request: Document = {"model": model, "input": read_texts(chat, losses)}
        if chat.get("input_type") is not None:
            losses.lose("input_type", "Mistral isn't told what its vectors are for")
        if (dimensions := read_dimensions(chat)) is not None:
            request["output_dimension"] = dimensions
        return encoded(request, losses, counts=True)

    def decode_response(self, document: Document) -> Document:
        """See `ProviderCodec`."""
        vectors = [item.get("embedding") for item in objects_in(document, "data")]
        tokens = count_in(object_in(document, "usage"), "prompt_tokens") or None
        return to_answer(vectors, tokens, str(document.get("model") or ""))
