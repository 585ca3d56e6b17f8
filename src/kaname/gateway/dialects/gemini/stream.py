"""`streamGenerateContent?alt=sse` events → hub chunks. Each event is a whole answer with the next parts.

There is no terminal event: the stream is complete when it ends after a `finishReason` (or a blocked prompt). Usage is
counted anew in every event; the last count holds. A tool call comes whole in one event.
"""

from typing import cast

import orjson

from kaname.gateway.dialects.chat.building import ChunkWriter, new_chat_id
from kaname.gateway.dialects.gemini.response import (
    blocked_prompt,
    finish_reason,
    raise_error,
    to_hub_usage,
    tool_call,
)
from kaname.gateway.dialects.gemini.signatures import signed_block
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import cut, object_in, objects_in, text_in


class GeminiDecoder:
    """See `StreamDecoder`."""

    __slots__ = ("_calls", "_reason", "_said", "_thoughts", "_usage", "_writer", "done", "malformed")

    def __init__(self) -> None:
        self.done = False
        self.malformed = 0
        self._writer = ChunkWriter()
        self._usage: Document = {}
        self._reason = ""
        self._calls = 0
        self._said = False
        self._thoughts: list[str] = []
        """The reasoning since the last text, which a signature belongs to."""

    def feed(self, event: str, data: bytes) -> list[Document]:
        """See `StreamDecoder`."""
        try:
            parsed: object = orjson.loads(data)
        except orjson.JSONDecodeError:
            parsed = None
        if not isinstance(parsed, dict):
            self.malformed += 1
            return []
        document = cast("Document", parsed)
        raise_error(document)
        if not self._writer.id:
            self._writer.id = text_in(document, "responseId") or new_chat_id()
            self._writer.model = text_in(document, "modelVersion")
        self._usage = object_in(document, "usageMetadata") or self._usage
        candidates = objects_in(document, "candidates")
        if not candidates:
            return self._on_no_candidate(document)
        chunks = self._writer.start()
        for part in objects_in(object_in(candidates[0], "content"), "parts"):
            chunks += self._on_part(part)
        if reason := text_in(candidates[0], "finishReason"):
            self._reason = finish_reason(reason, calls=self._calls > 0, said=self._said)
        return chunks

    def finish(self) -> list[Document]:
        """See `StreamDecoder`."""
        if not self._reason:
            raise cut()
        return self._writer.end(self._reason, to_hub_usage(self._usage))

    def _on_no_candidate(self, document: Document) -> list[Document]:
        """Only usage, or a prompt that was blocked."""
        if not object_in(document, "promptFeedback").get("blockReason"):
            return []
        why = blocked_prompt(document)
        self._reason = "content_filter"
        return [*self._writer.start(), self._writer.chunk({"refusal": why})]

    def _on_part(self, part: Document) -> list[Document]:
        text = text_in(part, "text")
        if part.get("thought"):
            self._thoughts.append(text)
            return [self._writer.chunk({"reasoning_content": text})] if text else []
        if "functionCall" in part:
            return self._on_call(part)
        if not text:
            return []
        self._said = True
        self._thoughts = []
        return [self._writer.chunk({"content": text})]

    def _on_call(self, part: Document) -> list[Document]:
        chunks: list[Document] = []
        signature = text_in(part, "thoughtSignature")
        if signature and self._calls == 0:
            block = {"index": 0, **signed_block("".join(self._thoughts), signature)}
            chunks.append(self._writer.chunk({"thinking_blocks": [block]}))
        call = {"index": self._calls, **tool_call(part, self._writer.id, self._calls)}
        self._calls += 1
        self._said = True
        return [*chunks, self._writer.chunk({"tool_calls": [call]})]
