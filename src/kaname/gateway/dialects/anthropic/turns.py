"""Hub messages → Anthropic's `system` and `messages`.

- system and developer messages become `system`, in their order, wherever they stood;
- a run of tool results, and the user messages beside it, become one user message with the results first, because
  Anthropic wants all results of a turn in the next message;
- an assistant message's thinking comes first, then its text, then its tool calls.
Ids of tool calls are kept, with characters that Anthropic refuses replaced the same way everywhere.
"""

import re
import zlib
from typing import NamedTuple, cast

import orjson

from kaname.gateway.dialects.anthropic.blocks import mark_cache, to_blocks
from kaname.gateway.dialects.gemini.signatures import MARK
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import (
    Losses,
    a_list,
    a_name,
    a_text,
    an_object,
    invalid,
    text_in,
    unsupported,
)

_ID = re.compile(r"[A-Za-z0-9_-]+")
_NOT_ID = re.compile(r"[^A-Za-z0-9_-]")


class Turns(NamedTuple):
    """A conversation in Anthropic's terms."""

    system: list[Document]
    """Text blocks."""
    messages: list[Document]
    tool_names: list[str]
    """Tools that the conversation called, each once."""
    continues_tools: bool
    """Whether it ends with tool results whose call came without signed thinking."""


def to_turns(messages: list[object], losses: Losses) -> Turns:
    """Translates the whole conversation; raises InvalidInputError with the path of what can't be said."""
    builder = _Builder(losses)
    for i, item in enumerate(messages):
        path = f"messages[{i}]"
        builder.add(an_object(item, path), path)
    return builder.finish()


def clean_id(call_id: str) -> str:
    """An id that Anthropic takes; the same for the same id, different for different ones."""
    if _ID.fullmatch(call_id):
        return call_id
    return f"{_NOT_ID.sub('_', call_id)}_{zlib.crc32(call_id.encode()):08x}"


class _Builder:
    def __init__(self, losses: Losses) -> None:
        self._losses = losses
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
            self._add_system(message, path)
        elif role == "user":
            self._add_user(message, path)
        elif role == "tool":
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
        if self._messages and self._messages[-1]["role"] == "assistant":
            _trim_prefill(self._messages)
        return Turns(self._system, self._messages, list(self._names), continues)

    def _add_system(self, message: Document, path: str) -> None:
        blocks = to_blocks(message.get("content"), f"{path}.content", self._losses)
        for block in blocks:
            if block["type"] != "text":
                raise invalid(f"{path}.content", block["type"], "text, which is all that instructions can be")
        mark_cache(blocks, message, path)
        if blocks and (self._messages or self._said or self._results):
            self._losses.lose(path, "instructions inside a conversation are moved to its beginning")
        self._system += blocks

    def _add_user(self, message: Document, path: str) -> None:
        blocks = to_blocks(message.get("content"), f"{path}.content", self._losses)
        mark_cache(blocks, message, path)
        if self._said and not self._results:
            self._flush()
        self._said += blocks

    def _add_result(self, message: Document, path: str) -> None:
        call_id = a_name(message.get("tool_call_id"), f"{path}.tool_call_id")
        result: Document = {"type": "tool_result", "tool_use_id": clean_id(call_id)}
        content = message.get("content")
        if isinstance(content, str):
            result["content"] = content
        elif blocks := to_blocks(content, f"{path}.content", self._losses):
            result["content"] = blocks
        results = [result]
        mark_cache(results, message, path)
        self._results += results

    def _add_assistant(self, message: Document, path: str) -> None:
        blocks = _thinking(message, path, self._losses)
        self._signed = bool(blocks)
        blocks += to_blocks(message.get("content"), f"{path}.content", self._losses)
        if refusal := message.get("refusal"):
            blocks.append({"type": "text", "text": a_text(refusal, f"{path}.refusal")})
        if message.get("function_call") is not None:
            raise unsupported(f"{path}.function_call", "functions were replaced by tools", "Use `tool_calls`.")
        if message.get("audio") is not None:
            self._losses.lose(f"{path}.audio", "Anthropic's models don't take audio")
        calls = message.get("tool_calls")
        if calls is not None:
            blocks += [self._call(call, f"{path}.tool_calls[{j}]") for j, call in _numbered(calls, path)]
        mark_cache(blocks, message, path)
        if blocks:
            self._messages.append({"role": "assistant", "content": blocks})

    def _call(self, item: object, path: str) -> Document:
        call = an_object(item, path)
        if call.get("type", "function") != "function":
            raise unsupported(f"{path}.type", "only function tools can be called")
        function = an_object(call.get("function"), f"{path}.function")
        name = a_name(function.get("name"), f"{path}.function.name")
        self._names[name] = None
        return {
            "type": "tool_use",
            "id": clean_id(a_name(call.get("id"), f"{path}.id")),
            "name": name,
            "input": _input(function.get("arguments"), f"{path}.function.arguments"),
        }

    def _flush(self) -> None:
        if self._results or self._said:
            self._messages.append({"role": "user", "content": [*self._results, *self._said]})
            self._results, self._said = [], []


def _numbered(calls: object, path: str) -> "enumerate[object]":
    return enumerate(a_list(calls, f"{path}.tool_calls"))


def _thinking(message: Document, path: str, losses: Losses) -> list[Document]:
    given = message.get("thinking_blocks")
    if given is None:
        if message.get("reasoning_content"):
            losses.lose(f"{path}.reasoning_content", "reasoning without its signed blocks can't be sent back")
        return []
    blocks: list[Document] = []
    for j, item in enumerate(a_list(given, f"{path}.thinking_blocks")):
        where = f"{path}.thinking_blocks[{j}]"
        block = an_object(item, where)
        if block.get("type") == "redacted_thinking":
            blocks.append({"type": "redacted_thinking", "data": a_name(block.get("data"), f"{where}.data")})
        elif block.get("signature") and not text_in(block, "signature").startswith(MARK):
            thinking = a_text(block.get("thinking"), f"{where}.thinking")
            signature = a_name(block.get("signature"), f"{where}.signature")
            blocks.append({"type": "thinking", "thinking": thinking, "signature": signature})
        else:
            losses.lose(where, "thinking without a signature of Anthropic's can't be sent back")
    return blocks


def _input(arguments: object, path: str) -> Document:
    text = a_text("" if arguments is None else arguments, path)
    if not text.strip():
        return {}
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError as e:
        raise invalid(path, text, "a JSON object") from e
    return an_object(value, path)


def _trim_prefill(messages: list[Document]) -> None:
    """Anthropic refuses a beginning of the answer that ends with white space."""
    content = cast("list[Document]", messages[-1]["content"])
    block = content[-1]
    if block["type"] == "text":
        text = str(block["text"]).rstrip()
        if text:
            content[-1] = {**block, "text": text}
        else:
            content.pop()
        if not content:
            messages.pop()
