"""ConverseStream events → hub chunks.

The stream is complete with `metadata`, which follows `messageStop` and has the usage; a stream that ends between the
two is complete as well, only uncounted. An exception inside the stream is an event of its own.
Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html.
"""

from typing import cast

import orjson

from kaname.gateway.dialects.chat.building import ChunkWriter
from kaname.gateway.dialects.converse.response import finish_reason, thinking_block, to_hub_usage
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import count_in, cut, object_in, text_in
from kaname.kernel.errors import UpstreamError


class ConverseDecoder:
    """See `StreamDecoder`."""

    __slots__ = (
        "_calls", "_reason", "_said", "_signature", "_thinking", "_thoughts", "_tools", "_usage", "_with_input",
        "_writer", "done", "malformed",
    )  # fmt: skip

    def __init__(self) -> None:
        self.done = False
        self.malformed = 0
        self._writer = ChunkWriter()
        self._tools: dict[int, int] = {}
        """Content block → tool call."""
        self._with_input: set[int] = set()
        self._thinking: list[str] = []
        self._signature = ""
        self._thoughts = 0
        """Thinking blocks given out."""
        self._said = False
        self._reason = ""
        self._usage: Document = {}

    def feed(self, event: str, data: bytes) -> list[Document]:
        """See `StreamDecoder`."""
        try:
            parsed: object = orjson.loads(data)
        except orjson.JSONDecodeError:
            parsed = None
        if event.endswith(("Exception", "error")):
            said = text_in(cast("Document", parsed), "message") if isinstance(parsed, dict) else ""
            raise UpstreamError(f"the upstream failed ({event}): {said[:2000] or 'no reason given'}")
        if not isinstance(parsed, dict):
            self.malformed += 1
            return []
        document = cast("Document", parsed)
        if event == "contentBlockDelta":
            return self._on_delta(count_in(document, "contentBlockIndex"), object_in(document, "delta"))
        if event == "contentBlockStart":
            return self._on_block(count_in(document, "contentBlockIndex"), object_in(document, "start"))
        if event == "contentBlockStop":
            return self._on_block_end(count_in(document, "contentBlockIndex"))
        if event == "messageStart":
            return self._writer.start()
        if event == "messageStop":
            self._reason = finish_reason(text_in(document, "stopReason"), said=self._said)
        elif event == "metadata":
            self._usage = object_in(document, "usage")
            self.done = bool(self._reason)
        return []

    def finish(self) -> list[Document]:
        """See `StreamDecoder`."""
        if not self._reason:
            raise cut()
        return self._writer.end(self._reason, to_hub_usage(self._usage))

    def _on_block(self, block: int, start: Document) -> list[Document]:
        call = object_in(start, "toolUse")
        if not call:
            return []
        self._said = True
        index = self._tools[block] = len(self._tools)
        function = {"name": text_in(call, "name"), "arguments": ""}
        said = {"index": index, "id": text_in(call, "toolUseId"), "type": "function", "function": function}
        return [*self._writer.start(), self._writer.chunk({"tool_calls": [said]})]

    def _on_delta(self, block: int, delta: Document) -> list[Document]:
        chunks = self._writer.start()
        if text := text_in(delta, "text"):
            self._said = True
            chunks.append(self._writer.chunk({"content": text}))
        elif "toolUse" in delta and block in self._tools:
            if text := text_in(object_in(delta, "toolUse"), "input"):
                self._with_input.add(block)
                call = {"index": self._tools[block], "function": {"arguments": text}}
                chunks.append(self._writer.chunk({"tool_calls": [call]}))
        elif "reasoningContent" in delta:
            reasoning = object_in(delta, "reasoningContent")
            self._signature += text_in(reasoning, "signature")
            if text := text_in(reasoning, "text"):
                self._thinking.append(text)
                chunks.append(self._writer.chunk({"reasoning_content": text}))
            elif redacted := thinking_block("", "", reasoning):
                chunks.append(self._thought(redacted))
        return chunks

    def _on_block_end(self, block: int) -> list[Document]:
        if block in self._tools and block not in self._with_input:
            call = {"index": self._tools[block], "function": {"arguments": "{}"}}
            return [self._writer.chunk({"tool_calls": [call]})]
        thought = thinking_block("".join(self._thinking), self._signature, {})
        self._thinking, self._signature = [], ""
        return [self._thought(thought)] if thought else []

    def _thought(self, block: Document) -> Document:
        index, self._thoughts = self._thoughts, self._thoughts + 1
        return self._writer.chunk({"thinking_blocks": [{"index": index, **block}]})
