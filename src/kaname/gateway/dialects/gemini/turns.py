"""Hub messages → Gemini's `systemInstruction` and `contents`.

Roles are `user` and `model`. All results of a turn's tool calls stand in one content, in the order in which they came;
Gemini knows them by name, so a result's name is looked up under its id.
"""

from typing import NamedTuple

import orjson

from kaname.gateway.dialects.gemini.parts import to_parts
from kaname.gateway.dialects.gemini.signatures import STAND_IN, signature_of_call, signature_of_message
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import Losses, a_list, a_name, a_text, an_object, invalid, unsupported


class Turns(NamedTuple):
    """A conversation in Gemini's terms."""

    system: list[Document]
    contents: list[Document]


def to_turns(messages: list[object], losses: Losses, *, ids: bool, stand_ins: bool) -> Turns:
    """Translates the whole conversation; raises InvalidInputError with the path of what can't be said.

    `ids`: whether calls and results carry theirs. `stand_ins`: whether calls without a signature need one.
    """
    builder = _Builder(losses, ids=ids, stand_ins=stand_ins)
    for i, item in enumerate(messages):
        path = f"messages[{i}]"
        builder.add(an_object(item, path), path)
    return builder.finish()


class _Builder:
    def __init__(self, losses: Losses, *, ids: bool, stand_ins: bool) -> None:
        self._losses = losses
        self._ids = ids
        self._stand_ins = stand_ins
        self._system: list[Document] = []
        self._contents: list[Document] = []
        self._results: list[Document] = []
        self._names: dict[str, str] = {}

    def add(self, message: Document, path: str) -> None:
        role = message.get("role")
        if role != "tool":
            self._flush()
            if message.get("name") is not None:
                self._losses.lose(f"{path}.name", "messages have no names")
        if role in ("system", "developer"):
            self._add_system(message, path)
        elif role == "user":
            parts = to_parts(message.get("content"), f"{path}.content", self._losses)
            if parts:
                self._contents.append({"role": "user", "parts": parts})
        elif role == "tool":
            self._add_result(message, path)
        elif role == "assistant":
            self._add_assistant(message, path)
        elif role == "function":
            raise unsupported(f"{path}.role", "functions were replaced by tools", "Use `tools` and role `tool`.")
        else:
            raise invalid(f"{path}.role", role, "system, developer, user, assistant or tool")

    def finish(self) -> Turns:
        self._flush()
        return Turns(self._system, self._contents)

    def _add_system(self, message: Document, path: str) -> None:
        for part in to_parts(message.get("content"), f"{path}.content", self._losses):
            if "text" not in part:
                raise unsupported(f"{path}.content", "instructions can only be text")
            self._system.append(part)

    def _add_result(self, message: Document, path: str) -> None:
        call_id = a_name(message.get("tool_call_id"), f"{path}.tool_call_id")
        if call_id not in self._names:
            raise invalid(f"{path}.tool_call_id", call_id, "the id of a tool call before it")
        content, others = message.get("content"), list[Document]()
        if not isinstance(content, str):
            parts = to_parts(content, f"{path}.content", self._losses)
            others = [part for part in parts if "text" not in part]
            content = "".join(str(part["text"]) for part in parts if "text" in part)
        response: Document = {"name": self._names[call_id], "response": {"output": _value(content)}}
        if self._ids:
            response["id"] = call_id
        self._results.append({"functionResponse": response})
        self._results += others

    def _add_assistant(self, message: Document, path: str) -> None:
        if message.get("function_call") is not None:
            raise unsupported(f"{path}.function_call", "functions were replaced by tools", "Use `tool_calls`.")
        parts = to_parts(message.get("content"), f"{path}.content", self._losses)
        if refusal := message.get("refusal"):
            parts.append({"text": a_text(refusal, f"{path}.refusal")})
        signature = signature_of_message(message)
        for j, item in enumerate(a_list(message.get("tool_calls") or [], f"{path}.tool_calls")):
            where = f"{path}.tool_calls[{j}]"
            call = an_object(item, where)
            part = self._call(call, where)
            own = signature_of_call(call) or (signature if j == 0 else "")
            if own or (self._stand_ins and j == 0):
                part["thoughtSignature"] = own or STAND_IN
            parts.append(part)
        if message.get("reasoning_content") and not any("thoughtSignature" in part for part in parts):
            self._losses.lose(f"{path}.reasoning_content", "earlier reasoning isn't sent back")
        if parts:
            self._contents.append({"role": "model", "parts": parts})

    def _call(self, call: Document, path: str) -> Document:
        if call.get("type", "function") != "function":
            raise unsupported(f"{path}.type", "only function tools can be called")
        function = an_object(call.get("function"), f"{path}.function")
        name = a_name(function.get("name"), f"{path}.function.name")
        call_id = a_name(call.get("id"), f"{path}.id")
        self._names[call_id] = name
        said: Document = {"name": name, "args": _arguments(function.get("arguments"), f"{path}.function.arguments")}
        return {"functionCall": {"id": call_id, **said} if self._ids else said}

    def _flush(self) -> None:
        if self._results:
            self._contents.append({"role": "user", "parts": self._results})
            self._results = []


def _arguments(arguments: object, path: str) -> Document:
    text = a_text("" if arguments is None else arguments, path)
    if not text.strip():
        return {}
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError as e:
        raise invalid(path, text, "a JSON object") from e
    return an_object(value, path)


def _value(text: str) -> object:
    """A tool's result: JSON as it is, anything else as text."""
    if text[:1] not in ("{", "["):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
