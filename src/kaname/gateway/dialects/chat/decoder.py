"""The stream of an upstream that speaks the hub's own format: its chunks are the hub's chunks."""

from typing import cast

import orjson

from kaname.gateway.dialects.model import Document
from kaname.kernel.errors import UpstreamError


class ChatDecoder:
    """See `StreamDecoder`."""

    __slots__ = ("_finished", "done", "malformed")

    def __init__(self) -> None:
        self.done = False
        self.malformed = 0
        self._finished = False

    def feed(self, event: str, data: bytes) -> list[Document]:
        """The chunk that an event is."""
        if data.strip() == b"[DONE]":
            self.done = True
            return []
        try:
            document: object = orjson.loads(data)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            self.malformed += 1
            return []
        chunk = cast("Document", document)
        if (error := chunk.get("error")) and not chunk.get("choices"):
            said = cast("Document", error).get("message") if isinstance(error, dict) else error
            why = said[:2000] if isinstance(said, str) and said else "no reason given"
            raise UpstreamError(f"the upstream failed: {why}")
        choices = chunk.get("choices")
        if isinstance(choices, list) and any(
            isinstance(choice, dict) and cast("Document", choice).get("finish_reason")
            for choice in cast("list[object]", choices)
        ):
            self._finished = True
        return [chunk]

    def finish(self) -> list[Document]:
        """Some servers leave `[DONE]` out; a finish reason is an end too."""
        if not self.done and not self._finished:
            raise UpstreamError("the upstream's stream ended too early", code="upstream_cut")
        return []
