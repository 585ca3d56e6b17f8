"""OpenAI's embeddings ⇄ Gemini's `batchEmbedContents` and Vertex AI's `predict`."""

from typing import Final

from kaname.gateway.dialects.embeddings.texts import (
    TextsCodec,
    encoded,
    read_dimensions,
    read_purpose,
    read_texts,
    to_answer,
)
from kaname.gateway.dialects.gemini.response import raise_error
from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.reading import Losses, count_in, object_in, objects_in, unusable

_TASKS: Final = {
    "search_document": "RETRIEVAL_DOCUMENT",
    "search_query": "RETRIEVAL_QUERY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}


class GeminiEmbeddings(TextsCodec):
    """See `ProviderCodec`. https://ai.google.dev/api/embeddings."""

    def encode_request(self, chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
        """See `ProviderCodec`."""
        losses = Losses(strict=strict)
        shared: Document = {"model": f"models/{model.removeprefix('models/')}"}
        if task := _TASKS.get(read_purpose(chat, "")):
            shared["taskType"] = task
        if (dimensions := read_dimensions(chat)) is not None:
            shared["outputDimensionality"] = dimensions
        texts = read_texts(chat, losses)
        requests = [{**shared, "content": {"parts": [{"text": text}]}} for text in texts]
        return encoded({"requests": requests}, losses, counts=False)

    def decode_response(self, document: Document) -> Document:
        """See `ProviderCodec`."""
        raise_error(document)
        vectors = [item.get("values") for item in objects_in(document, "embeddings")]
        return to_answer(vectors, count_in(object_in(document, "usageMetadata"), "promptTokenCount") or None)


class VertexEmbeddings(TextsCodec):
    """See `ProviderCodec`. https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api."""

    def encode_request(self, chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
        """See `ProviderCodec`."""
        losses = Losses(strict=strict)
        shared: Document = {}
        if task := _TASKS.get(read_purpose(chat, "")):
            shared["task_type"] = task
        request: Document = {"instances": [{"content": text, **shared} for text in read_texts(chat, losses)]}
        if (dimensions := read_dimensions(chat)) is not None:
            request["parameters"] = {"outputDimensionality": dimensions}
        return encoded(request, losses, counts=True)

    def decode_response(self, document: Document) -> Document:
        """See `ProviderCodec`."""
        raise_error(document)
        vectors: list[object] = []
        tokens = 0
        for prediction in objects_in(document, "predictions"):
            found = object_in(prediction, "embeddings")
            vectors.append(found.get("values"))
            tokens += count_in(object_in(found, "statistics"), "token_count")
        if not vectors:
            raise unusable("it has no predictions")
        return to_answer(vectors, tokens or None)
