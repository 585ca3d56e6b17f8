"""What the embedding codecs share: reading the texts, writing the answer, and what the client asked of its form.

Vectors come from upstreams as lists of numbers. `encoding_format: base64` (little-endian float32) is done here, since
few upstreams can; so is the estimate of usage for those that count nothing, which the caller is warned of.
"""

import base64
import struct
from typing import Final, cast

from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.reading import Losses, a_count, a_list, a_text, invalid, unsupported, unusable

_KNOWN: Final = frozenset({"model", "input", "encoding_format", "dimensions", "user", "input_type"})
_PURPOSES: Final = frozenset({"search_document", "search_query", "classification", "clustering", "image"})
_CHARS_PER_TOKEN: Final = 4


class TextsCodec:
    """What no embedding codec has: a stream."""

    def stream_decoder(self) -> "NoStream":
        """See `ProviderCodec`."""
        return NoStream()


class NoStream:
    """See `StreamDecoder`. Embeddings aren't streamed."""

    done = False
    malformed = 0

    def feed(self, event: str, data: bytes) -> list[Document]:
        """See `StreamDecoder`."""
        raise unusable("it is a stream")

    def finish(self) -> list[Document]:
        """See `StreamDecoder`."""
        raise unusable("it is a stream")


def read_texts(request: Document, losses: Losses) -> list[str]:
    """The texts of a request; names what isn't known. Raises InvalidInputError, for token lists too."""
    for name, value in request.items():
        if value is not None and name not in _KNOWN:
            losses.lose(name, "it isn't known, so it wasn't sent")
    given = request.get("input")
    if isinstance(given, str):
        return [given]
    texts: list[str] = []
    for i, item in enumerate(a_list(given, "input")):
        if isinstance(item, (int, list)):
            raise unsupported("input", "it takes texts, not token numbers", "Send text.")
        texts.append(a_text(item, f"input[{i}]"))
    if not texts:
        raise invalid("input", None, "text or a list of texts")
    return texts


def read_dimensions(request: Document) -> int | None:
    """How long the vectors are to be."""
    value = request.get("dimensions")
    return None if value is None else a_count(value, "dimensions", 1)


def read_purpose(request: Document, default: str) -> str:
    """What the vectors are for, which some models must be told (`input_type`, in Cohere's words)."""
    value = request.get("input_type")
    if value is None:
        return default
    purpose = a_text(value, "input_type")
    if purpose not in _PURPOSES:
        raise invalid("input_type", purpose, ", ".join(sorted(_PURPOSES)))
    return purpose


def encoded(document: Document, losses: Losses, *, counts: bool) -> Encoded:
    """A request. `counts`: whether the upstream says how many tokens it read."""
    if not counts:
        losses.lose("usage", "the provider doesn't count tokens here; they are estimated")
    return Encoded(document, losses.warnings)


def to_answer(vectors: list[object], tokens: int | None, model: str = "") -> Document:
    """OpenAI's answer; raises UpstreamError when something isn't a vector."""
    if not vectors:
        raise unusable("it has no embeddings")
    for vector in vectors:
        if not isinstance(vector, list) or not vector:
            raise unusable("an embedding isn't a list of numbers")
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    answer: Document = {"object": "list", "data": data, "model": model}
    return answer if tokens is None else {**answer, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


def as_asked(answer: Document, request: Document) -> Document:
    """The answer in the form that the client asked for; raises UpstreamError for vectors that hold no numbers."""
    if "usage" not in answer:
        given = request.get("input")
        texts = [given] if isinstance(given, str) else cast("list[object]", given)
        tokens = sum(max(1, len(str(text).encode()) // _CHARS_PER_TOKEN) for text in texts)
        answer = {**answer, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    if request.get("encoding_format") != "base64":
        return answer
    data = cast("list[Document]", answer["data"])
    return {**answer, "data": [{**item, "embedding": _base64(item["embedding"])} for item in data]}


def _base64(vector: object) -> str:
    if isinstance(vector, str):
        return vector
    numbers = cast("list[float]", vector)
    try:
        return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
    except (struct.error, TypeError, OverflowError) as e:
        raise unusable("an embedding isn't a list of numbers") from e
