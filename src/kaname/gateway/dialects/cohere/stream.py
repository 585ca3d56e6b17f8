"""Cohere v2 chat events → hub chunks. The terminal event is `message-end`, with the reason and the usage.

Source: https://docs.cohere.com/v2/docs/streaming. Unknown events, and those about citations, are ignored.
"""

from typing import cast

import orjson

from kaname.gateway.dialects.chat.building import ChunkWriter
from kaname.gateway.dialects.cohere.response import finish_reason, to_hub_usage, tool_call
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import cut, object_in, text_in


class CohereDecoder:
    """See `StreamDecoder`."""

    __slots__ = ("_calls", "_reason", "_usage", "_writer", "done", "malformed")

    def __init__(self) -> None:
        self.done = False
        self.malformed = 0
        self._writer = ChunkWriter()
        self._calls = -1
        self._reason = ""
        self._usage: Document = {}

    def feed(self, event: str, data: bytes) -> list[Document]:
        """See `StreamDecoder`."""
        if data.strip() == b"[DONE]":
            return []
        try:
            parsed: object = orjson.loads(data)
        except orjson.JSONDecodeError:
            parsed = None
        if not isinstance(parsed, dict):
            self.malformed += 1
            return []
        document = cast("Document", parsed)
        kind, delta = text_in(document, "type"), object_in(document, "delta")
        message = object_in(delta, "message")
        if kind in ("content-delta", "content-start"):
            return self._on_content(object_in(message, "content"))
        if kind == "tool-call-delta" and self._calls >= 0:
            arguments = text_in(object_in(object_in(message, "tool_calls"), "function"), "arguments")
            return self._call({"function": {"arguments": arguments}}) if arguments else []
        if kind == "tool-call-start":
            self._calls += 1
            return self._call(tool_call(object_in(message, "tool_calls")))
        if kind == "tool-plan-delta" and (plan := text_in(message, "tool_plan")):
            return [*self._writer.start(), self._writer.chunk({"reasoning_content": plan})]
        if kind == "message-start":
            self._writer.id = text_in(document, "id")
            return self._writer.start()
        if kind == "message-end":
            self._reason = finish_reason(text_in(delta, "finish_reason"), text_in(delta, "error"))
            self._usage = object_in(delta, "usage")
            self.done = True
        return []

    def finish(self) -> list[Document]:
        """See `StreamDecoder`."""
        if not self.done:
            raise cut()
        return self._writer.end(self._reason, to_hub_usage(self._usage))

    def _on_content(self, content: Document) -> list[Document]:
        if text := text_in(content, "text"):
            return [*self._writer.start(), self._writer.chunk({"content": text})]
        if thinking := text_in(content, "thinking"):
            return [*self._writer.start(), self._writer.chunk({"reasoning_content": thinking})]
        return []

    def _call(self, call: Document) -> list[Document]:
        return [*self._writer.start(), self._writer.chunk({"tool_calls": [{"index": self._calls, **call}]})]
