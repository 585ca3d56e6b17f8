"""Writes hub answers: whole completions and the chunks of a stream, for codecs whose upstream says them otherwise.

Invariants: one id and one time for a whole answer, never empty; a chunk is never `{}`.
"""

import hashlib
import secrets
import time

from kaname.gateway.dialects.model import Document


def new_chat_id() -> str:
    """For upstreams that give their answers no id."""
    return f"chatcmpl-{secrets.token_hex(12)}"


def call_id(answer_id: str, index: int) -> str:
    """For upstreams that give their tool calls no id: the same for the same call of the same answer."""
    return f"call_{hashlib.sha256(f'{answer_id}/{index}'.encode()).hexdigest()[:24]}"


def completion(answer_id: str, model: str, message: Document, finish_reason: str, usage: Document) -> Document:
    """A `chat.completion` with one choice. `model` may be empty: the gateway then gives the name it was asked for."""
    answer: Document = {
        "id": answer_id or new_chat_id(),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}],
    }
    return {**answer, "usage": usage} if usage else answer


class AssistantMessage:
    """Puts one assistant message together."""

    __slots__ = ("_calls", "_reasoning", "_refusal", "_texts", "_thinking")

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._reasoning: list[str] = []
        self._thinking: list[Document] = []
        self._calls: list[Document] = []
        self._refusal: str | None = None

    @property
    def calls(self) -> int:
        """Tool calls so far."""
        return len(self._calls)

    @property
    def empty(self) -> bool:
        """Whether it says nothing."""
        return not (self._calls or any(self._texts))

    def say(self, text: str) -> None:
        """Adds text."""
        self._texts.append(text)

    def reason(self, text: str) -> None:
        """Adds reasoning."""
        self._reasoning.append(text)

    def think(self, block: Document) -> None:
        """Adds a block that must come back with the next turn."""
        self._thinking.append(block)

    def refuse(self, why: str) -> None:
        """Marks it as refused."""
        self._refusal = why

    def call(self, tool_call: Document) -> None:
        """Adds a tool call."""
        self._calls.append(tool_call)

    def build(self) -> Document:
        """The message; `content` is null only beside tool calls."""
        text = "".join(self._texts)
        message: Document = {"role": "assistant", "content": text or (None if self._calls else "")}
        message["refusal"] = self._refusal
        if reasoning := "".join(self._reasoning):
            message["reasoning_content"] = reasoning
        if self._thinking:
            message["thinking_blocks"] = self._thinking
        if self._calls:
            message["tool_calls"] = self._calls
        return message


class ChunkWriter:
    """The chunks of one stream. `id` and `model` may be set until the first chunk is written."""

    __slots__ = ("_created", "_started", "id", "model")

    def __init__(self) -> None:
        self.id = ""
        self.model = ""
        self._created = int(time.time())
        self._started = False

    def start(self) -> list[Document]:
        """The chunk with the role, once."""
        if self._started:
            return []
        self._started = True
        return [self.chunk({"role": "assistant", "content": ""})]

    def chunk(self, delta: Document, finish_reason: str | None = None) -> Document:
        """A chunk with one choice."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._head(), "choices": [choice]}

    def end(self, finish_reason: str, usage: Document) -> list[Document]:
        """The last chunks: why it ended, and what was used if that is known."""
        last = [*self.start(), self.chunk({}, finish_reason)]
        return [*last, {**self._head(), "choices": [], "usage": usage}] if usage else last

    def _head(self) -> Document:
        if not self.id:
            self.id = new_chat_id()
        return {"id": self.id, "object": "chat.completion.chunk", "created": self._created, "model": self.model}
