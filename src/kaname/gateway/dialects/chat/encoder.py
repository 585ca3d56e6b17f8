"""Writes hub chunks to a client of chat completions."""

import orjson

from kaname.gateway.dialects.model import Document
from kaname.gateway.openai_errors import WireError


class ChatEncoder:
    """See `StreamEncoder`. The chunk that only carries usage is shown to clients that asked for it."""

    __slots__ = ("_include_usage", "_model")

    def __init__(self, model: str, *, include_usage: bool) -> None:
        self._model = model
        self._include_usage = include_usage

    def feed(self, chunk: Document) -> bytes:
        """One event a chunk."""
        if not self._include_usage and "usage" in chunk:
            if not chunk.get("choices"):
                return b""
            chunk = {key: value for key, value in chunk.items() if key != "usage"}
        if not chunk.get("model"):
            chunk = {**chunk, "model": self._model}
        return b"data: %b\n\n" % orjson.dumps(chunk)

    def finish(self) -> bytes:
        """OpenAI's own end."""
        return b"data: [DONE]\n\n"

    def error(self, error: WireError) -> bytes:
        """The official SDK raises when a data object has an `error`."""
        return b"data: %b\n\n" % error.body()
