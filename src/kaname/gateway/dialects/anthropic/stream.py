"""Anthropic Messages events → hub chunks.

The `index` of a tool call counts tool blocks, not content blocks. A tool call's first delta has its id and name, later
ones pieces of its arguments. The text of a thinking block comes in pieces as `reasoning_content`; at its end the block
comes whole, with its signature and an `index`, without which OpenAI's SDK can't put lists together. Unknown events,
blocks and deltas are ignored.
Source: https://platform.claude.com/docs/en/build-with-claude/streaming.
"""

import time
from typing import cast

import orjson

from kaname.gateway.dialects.anthropic.response import FINISH_REASONS, thinking_block
from kaname.gateway.dialects.anthropic.usage import merge_usage, to_hub_usage
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import cut, object_in, text_in, upstream_json
from kaname.kernel.errors import UpstreamError


class MessagesDecoder:
    """See `StreamDecoder`. `usage` is the upstream's own, as far as it has come."""

    __slots__ = (
        "_block", "_created", "_id", "_model", "_reason", "_thinking", "_thoughts", "_tool_given", "_tools", "done",
        "malformed", "usage",
    )  # fmt: skip

    def __init__(self) -> None:
        self.done = False
        self.malformed = 0
        self.usage: Document = {}
        self._id = ""
        self._model = ""
        self._created = int(time.time())
        self._reason = ""
        self._tools = -1
        self._block: Document = {}
        """The block that is open."""
        self._thinking: list[str] = []
        self._thoughts = 0
        """Thinking blocks given out."""
        self._tool_given = False
        """Whether the open tool call has given out arguments."""

    def feed(self, event: str, data: bytes) -> list[Document]:
        """See `StreamDecoder`."""
        try:
            parsed: object = orjson.loads(data)
        except orjson.JSONDecodeError:
            self.malformed += 1
            return []
        if not isinstance(parsed, dict):
            self.malformed += 1
            return []
        document = cast("Document", parsed)
        kind = document.get("type")
        if kind == "content_block_delta":
            return self._on_delta(document.get("delta"))
        if kind == "content_block_start":
            return self._on_block(object_in(document, "content_block"))
        if kind == "content_block_stop":
            return self._on_block_end()
        if kind == "message_start":
            return self._on_start(object_in(document, "message"))
        if kind == "message_delta":
            return self._on_message_delta(document)
        if kind == "message_stop":
            return self._on_stop()
        if kind == "error":
            said = text_in(object_in(document, "error"), "message") or "no reason given"
            raise UpstreamError(f"the upstream failed: {said[:2000]}")
        return []

    def finish(self) -> list[Document]:
        """See `StreamDecoder`."""
        if not self.done:
            raise cut()
        return []

    def _on_start(self, message: Document) -> list[Document]:
        self._id, self._model = text_in(message, "id"), text_in(message, "model")
        self.usage = object_in(message, "usage")
        return [self._chunk({"role": "assistant", "content": ""})]

    def _on_block(self, block: Document) -> list[Document]:
        self._block = block
        kind = block.get("type")
        if kind == "tool_use":
            self._tools += 1
            self._tool_given = False
            function = {"name": text_in(block, "name"), "arguments": ""}
            call = {"index": self._tools, "id": text_in(block, "id"), "type": "function", "function": function}
            return [self._chunk({"tool_calls": [call]})]
        if kind == "thinking":
            self._thinking = [text_in(block, "thinking")]
        elif kind == "redacted_thinking":
            return self._thought(block)
        elif kind == "text" and (text := text_in(block, "text")):
            return [self._chunk({"content": text})]
        return []

    def _on_delta(self, value: object) -> list[Document]:
        if not isinstance(value, dict):
            return []
        delta = cast("Document", value)
        kind = delta.get("type")
        if kind == "text_delta":
            return [self._chunk({"content": text})] if (text := text_in(delta, "text")) else []
        if kind == "input_json_delta":
            if not (text := text_in(delta, "partial_json")) or self._block.get("type") != "tool_use":
                return []
            self._tool_given = True
            return [self._chunk({"tool_calls": [{"index": self._tools, "function": {"arguments": text}}]})]
        if kind == "thinking_delta":
            if not (text := text_in(delta, "thinking")):
                return []
            self._thinking.append(text)
            return [self._chunk({"reasoning_content": text})]
        if kind == "signature_delta":
            self._block = {**self._block, "signature": delta.get("signature")}
        return []

    def _on_block_end(self) -> list[Document]:
        block, self._block = self._block, {}
        kind = block.get("type")
        if kind == "thinking":
            return self._thought({**block, "thinking": "".join(self._thinking)})
        if kind == "tool_use" and not self._tool_given:
            # Upstreams that don't stream arguments give them with the block; a call without any has "{}".
            arguments = upstream_json(object_in(block, "input"))
            return [self._chunk({"tool_calls": [{"index": self._tools, "function": {"arguments": arguments}}]})]
        return []

    def _thought(self, block: Document) -> list[Document]:
        index, self._thoughts = self._thoughts, self._thoughts + 1
        return [self._chunk({"thinking_blocks": [{"index": index, **thinking_block(block)}]})]

    def _on_message_delta(self, document: Document) -> list[Document]:
        self.usage = merge_usage(self.usage, object_in(document, "usage"))
        self._reason = text_in(object_in(document, "delta"), "stop_reason") or self._reason
        return []

    def _on_stop(self) -> list[Document]:
        self.done = True
        last = self._chunk({})
        choices = cast("list[Document]", last["choices"])
        choices[0]["finish_reason"] = FINISH_REASONS.get(self._reason, "stop")
        return [last, {**last, "choices": [], "usage": to_hub_usage(self.usage)}]

    def _chunk(self, delta: Document) -> Document:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}],
        }
