"""Hub messages → Converse's `system` and `messages`.

Users and assistants take turns: neighbours of one role become one message, and the results of tools, which are the
user's, come first in it. An assistant's reasoning comes before its text, and that before its tool calls.
"""

from typing import NamedTuple, cast

import orjson

from kaname.gateway.dialects.anthropic.turns import clean_id
from kaname.gateway.dialects.converse.blocks import add_cache_point, to_blocks
from kaname.gateway.dialects.gemini.signatures import MARK
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import (
    Losses,
    a_list,
    a_name,
    a_text,
    an_object,
    invalid,
    objects_in,
    text_in,
    unsupported,
)


class Turns(NamedTuple):
    """A conversation in Converse's terms."""

    system: list[Document]
    messages: list[Document]
    tool_names: list[str]
    """Tools that the conversation called, each once."""
    continues_tools: bool
    """Whether it ends with tool results whose call came without signed reasoning."""


def to_turns(messages: list[object], losses: Losses, *, caches: bool, reasons: bool) -> Turns:
    """Translates the whole conversation; raises InvalidInputError with the path of what can't be said.

    `caches`, `reasons`: whether the model knows cache points and takes its signed reasoning back.
    """
    builder = _Builder(losses, caches=caches, reasons=reasons)
    for i, item in enumerate(messages):
        path = f"messages[{i}]"
        builder.add(an_object(item, path), path)
    return builder.finish()


class _Builder:
    def __init__(self, losses: Losses, *, caches: bool, reasons: bool) -> None:
        self._losses = losses
        self._caches = caches
        self._reasons = reasons
        self._system: list[Document] = []
        self._messages: list[Document] = []
        self._results: list[Document] = []
        self._said: list[Document] = []
        self._names: dict[str, None] = {}
        self._signed = True

    def add(self, message: Document, path: str) -> None:
        role = message.get("role")
        if message.get("name") is not None and role != "tool":
            self._losses.lose(f"{path}.name", "messages have no names")
        if role in ("system", "developer"):
            blocks = self._blocks(message, path)
            if any("text" not in block and "cachePoint" not in block for block in blocks):
                raise unsupported(f"{path}.content", "instructions can only be text")
            self._system += blocks
        elif role == "user":
            self._said += self._blocks(message, path)
        elif role == "tool":
            if self._said:
                self._flush()
            self._add_result(message, path)
        elif role == "assistant":
            self._flush()
            self._add_assistant(message, path)
        elif role == "function":
            raise unsupported(f"{path}.role", "functions were replaced by tools", "Use `tools` and role `tool`.")
        else:
            raise invalid(f"{path}.role", role, "system, developer, user, assistant or tool")

    def finish(self) -> Turns:
        continues = bool(self._results) and not self._signed
        self._flush()
        return Turns(self._system, self._messages, list(self._names), continues)

    def _blocks(self, message: Document, path: str) -> list[Document]:
        blocks = to_blocks(message.get("content"), f"{path}.content", self._losses, caches=self._caches)
        if self._caches:
            add_cache_point(blocks, message)
        return blocks

    def _add_result(self, message: Document, path: str) -> None:
        call_id = a_name(message.get("tool_call_id"), f"{path}.tool_call_id")
        content = to_blocks(message.get("content"), f"{path}.content", self._losses, caches=False)
        results: list[Document] = [{"toolResult": {"toolUseId": clean_id(call_id), "content": content}}]
        if self._caches:
            add_cache_point(results, message)
        self._results += results

    def _add_assistant(self, message: Document, path: str) -> None:
        blocks = self._reasoning(message, path)
        self._signed = bool(blocks)
        blocks += to_blocks(message.get("content"), f"{path}.content", self._losses, caches=self._caches)
        if refusal := message.get("refusal"):
            blocks.append({"text": a_text(refusal, f"{path}.refusal")})
        if message.get("function_call") is not None:
            raise unsupported(f"{path}.function_call", "functions were replaced by tools", "Use `tool_calls`.")
        for j, item in enumerate(a_list(message.get("tool_calls") or [], f"{path}.tool_calls")):
            blocks.append(self._call(an_object(item, f"{path}.tool_calls[{j}]"), f"{path}.tool_calls[{j}]"))
        if self._caches:
            add_cache_point(blocks, message)
        if blocks:
            self._push("assistant", blocks)

    def _reasoning(self, message: Document, path: str) -> list[Document]:
        blocks: list[Document] = []
        for block in objects_in(message, "thinking_blocks") if self._reasons else ():
            signature = text_in(block, "signature")
            if block.get("type") == "redacted_thinking":
                blocks.append({"reasoningContent": {"redactedContent": text_in(block, "data")}})
            elif signature and not signature.startswith(MARK):
                said = {"text": text_in(block, "thinking"), "signature": signature}
                blocks.append({"reasoningContent": {"reasoningText": said}})
        if not blocks and (message.get("reasoning_content") or message.get("thinking_blocks")):
            self._losses.lose(f"{path}.reasoning_content", "reasoning without this model's signature isn't sent back")
        return blocks

    def _call(self, call: Document, path: str) -> Document:
        if call.get("type", "function") != "function":
            raise unsupported(f"{path}.type", "only function tools can be called")
        function = an_object(call.get("function"), f"{path}.function")
        name = a_name(function.get("name"), f"{path}.function.name")
        self._names[name] = None
        call_id = clean_id(a_name(call.get("id"), f"{path}.id"))
        arguments = _input(function.get("arguments"), f"{path}.function.arguments")
        return {"toolUse": {"toolUseId": call_id, "name": name, "input": arguments}}

    def _flush(self) -> None:
        if self._results or self._said:
            self._push("user", [*self._results, *self._said])
            self._results, self._said = [], []

    def _push(self, role: str, blocks: list[Document]) -> None:
        if self._messages and self._messages[-1]["role"] == role:
            cast("list[Document]", self._messages[-1]["content"]).extend(blocks)
        else:
            self._messages.append({"role": role, "content": blocks})


def _input(arguments: object, path: str) -> Document:
    text = a_text("" if arguments is None else arguments, path)
    if not text.strip():
        return {}
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError as e:
        raise invalid(path, text, "a JSON object") from e
    return an_object(value, path)
