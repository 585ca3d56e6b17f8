"""OpenAI's embeddings ⇄ Amazon Titan's, by InvokeModel. One text a request."""

from kaname.gateway.dialects.embeddings.texts import TextsCodec, encoded, read_dimensions, read_texts, to_answer
from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.reading import Losses, count_in, unsupported


class TitanEmbeddings(TextsCodec):
    """See `ProviderCodec`."""

    def encode_request(self, chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
        """See `ProviderCodec`."""
        losses = Losses(strict=strict)
        texts = read_texts(chat, losses)
        if len(texts) > 1:
            raise unsupported("input", "Titan embeds one text a request", "Send several requests.")
        if chat.get("input_type") is not None:
            losses.lose("input_type", "Titan isn't told what its vectors are for")
        request: Document = {"inputText": texts[0]}
        if (dimensions := read_dimensions(chat)) is not None:
            request["dimensions"] = dimensions
        return encoded(request, losses, counts=True)

    def decode_response(self, document: Document) -> Document:
        """See `ProviderCodec`."""
        return to_answer([document.get("embedding")], count_in(document, "inputTextTokenCount") or None)
