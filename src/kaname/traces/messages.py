"""Chat messages of every provider's JSON → the OpenTelemetry GenAI shape `[{role, name?, parts, finish_reason?}]`.

Parts: `text{content}`, `reasoning{content}`, `tool_call{id,name,arguments}`, `tool_call_response{id,response}`,
`blob{mime_type,modality,content}`, `uri{mime_type?,modality,uri}`, `file{modality,file_id}`. Anything else stays as a
generic part under its own `type`: nothing is dropped. Source: OTel `semantic-conventions-genai` v0.1.0.

Not here: which attribute holds the JSON (`dialects/`), and how a provider's single part looks (`message_parts.py`).
"""

from typing import NotRequired, TypedDict, cast

from kaname.traces.coerce import to_text
from kaname.traces.message_parts import Json, Part, canonical_part, parts_of_content, tool_call_part, tool_response_part

_ROLES = {"human": "user", "ai": "assistant", "model": "assistant", "bot": "assistant", "function": "tool"}
_MAX_DEPTH = 4
_ITEM_TYPES = {
    "function_call", "function_call_output", "reasoning", "custom_tool_call", "custom_tool_call_output",
}  # fmt: skip


class Message(TypedDict):
    """One canonical message."""

    role: str
    parts: list[Part]
    name: NotRequired[str]
    finish_reason: NotRequired[str]


def parse_messages(value: Json, *, role: str = "user", depth: int = 0) -> list[Message]:
    """Canonical messages of a decoded message, list of messages, request or response body; [] if it isn't any.

    Knows OTel, OpenAI chat and responses, Anthropic, Gemini, Bedrock Converse and LangChain shapes. `role` is given
    to items that have none of their own (Gemini, completions). `depth` is how many wrappers were opened: hostile JSON
    is nested without end.
    """
    if depth > _MAX_DEPTH:
        return []
    if isinstance(value, dict):
        return _from_object(value, role, depth + 1)
    if not isinstance(value, list) or not value:
        return []
    messages: list[Message] = []
    for item in value:
        if isinstance(item, list):  # LangChain sends a list of conversations
            nested = parse_messages(item, role=role, depth=depth + 1)
            if not nested:
                return []
            messages.extend(nested)
            continue
        message = _from_item(item, role) if isinstance(item, dict) else None
        if message is None:
            return []
        messages.append(message)
    return _join_items(messages) if len(messages) > 1 else messages


def text_message(role: str, content: str) -> Message:
    """A message of one text part."""
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def openai_message(item: dict[str, Json], role: str = "assistant") -> Message:
    """Canonical form of one OpenAI chat message; also the fall-back for shapes that resemble it."""
    role = _role_of(item, role)
    if role == "tool" and "tool_call_id" in item:
        parts: list[Part] = [tool_response_part(item.get("tool_call_id"), item.get("content"))]
    else:
        parts = []
        reasoning = item.get("reasoning_content") or item.get("reasoning")
        if isinstance(reasoning, str):
            parts.append({"type": "reasoning", "content": reasoning})
        parts.extend(parts_of_content(item.get("content")))
        if isinstance(refusal := item.get("refusal"), str) and refusal:
            parts.append({"type": "refusal", "content": refusal})
        if isinstance(audio := item.get("audio"), dict):
            parts.append({"type": "audio", **audio})
        calls = item.get("tool_calls")
        if isinstance(calls, list):
            parts.extend(tool_call_part(call) for call in calls if isinstance(call, dict))
        if isinstance(call := item.get("function_call"), dict):
            parts.append(tool_call_part(call))
    message: Message = {"role": role, "parts": parts}
    if isinstance(name := item.get("name"), str) and name:
        message["name"] = name
    if isinstance(reason := item.get("finish_reason") or item.get("stop_reason"), str):
        message["finish_reason"] = reason
    return message


def system_message(instructions: Json) -> Message | None:
    """A system message of `gen_ai.system_instructions` (list of parts), a text, or provider blocks."""
    if isinstance(instructions, dict):
        inner = instructions.get("parts")
        instructions = inner if isinstance(inner, list) else [instructions]
    parts = parts_of_content(instructions)
    return {"role": "system", "parts": parts} if parts else None


def with_system(messages: list[Message], instructions: Message | None) -> list[Message]:
    """The messages with the instructions first, unless a system message is there already."""
    if instructions is None or any(m["role"] in ("system", "developer") for m in messages):
        return messages
    return [instructions, *messages]


def plain_text(message: Message) -> str:
    """What a person would read: text parts, else tool calls, tool answers and reasoning in short."""
    texts = [to_text(p.get("content")) for p in message["parts"] if p.get("type") == "text"]
    if any(texts):
        return "\n".join(texts)
    return "\n".join(filter(None, map(_part_text, message["parts"])))


def preview_text(messages: list[Message], *, of_input: bool) -> str:
    """The text that stands for a list in a table: the last user message of an input, the answer of an output."""
    if of_input:
        for message in reversed(messages):
            if message["role"] == "user" and (text := plain_text(message)):
                return text
    for message in reversed(messages) if of_input else messages:
        if text := plain_text(message):
            return text
    return ""


def finish_reasons_of(messages: list[Message]) -> list[str]:
    """Why each output message ended, where known."""
    return [reason for m in messages if (reason := m.get("finish_reason"))]


def _from_object(value: dict[str, Json], role: str, depth: int) -> list[Message]:
    for key in ("messages", "contents", "input"):
        inner = value.get(key)
        if isinstance(inner, list):
            found = parse_messages(inner, role=role, depth=depth)
            if found:
                return with_system(found, _instructions_of(value))
    if isinstance(inner := value.get("input"), str) and ("model" in value or "instructions" in value):
        return with_system([text_message("user", inner)], _instructions_of(value))
    for key, inner_key in (("choices", "message"), ("candidates", "content")):
        inner = value.get(key)
        if isinstance(inner, list):
            return [m for c in inner if isinstance(c, dict) and (m := _from_choice(c, inner_key)) is not None]
    inner = value.get("output")
    if isinstance(inner, list | dict) and ("object" in value or "usage" in value or "metrics" in value):
        if isinstance(inner, dict):  # Bedrock Converse: {output: {message}}
            inner = inner.get("message")
        return parse_messages(inner, role="assistant", depth=depth)
    if isinstance(inner := value.get("message"), dict) and "role" in inner:
        return parse_messages(inner, role=role, depth=depth)
    message = _from_item(value, role)
    return [] if message is None else [message]


def _instructions_of(body: dict[str, Json]) -> Message | None:
    for key in ("system", "instructions", "system_instruction", "systemInstruction"):
        if key in body and (message := system_message(body[key])):
            return message
    return None


def _from_choice(choice: dict[str, Json], key: str) -> Message | None:
    inner = choice.get(key)
    if isinstance(inner, dict):
        message = _from_item(inner, "assistant") or openai_message(inner)
    elif isinstance(text := choice.get("text"), str):
        message = text_message("assistant", text)
    else:
        return None
    reason = choice.get("finish_reason") or choice.get("finishReason")
    if isinstance(reason, str):
        message["finish_reason"] = reason
    return message


def _from_item(item: dict[str, Json], role: str) -> Message | None:
    parts = item.get("parts")
    if isinstance(parts, list) and parts and ("role" in item or all(isinstance(p, dict) for p in parts)):
        return _with_parts(item, parts, role)
    kind = item.get("type")
    if isinstance(kind, str) and kind in _ITEM_TYPES:
        return _response_item(item)
    if isinstance(item.get("role"), str) and ("content" in item or "tool_calls" in item or "function_call" in item):
        return openai_message(item, role)
    kwargs = item.get("kwargs")
    if isinstance(kwargs, dict) and "content" in kwargs and isinstance(path := item.get("id"), list) and path:
        return _langchain_message(kwargs, to_text(path[-1]).removesuffix("Chunk").removesuffix("Message").lower())
    data = item.get("data")
    if isinstance(data, dict) and "content" in data and isinstance(kind := item.get("type"), str):
        return _langchain_message(data, kind)
    if item.get("type") in ("human", "ai", "system", "tool") and "content" in item:
        return _langchain_message(item, to_text(item["type"]))
    if isinstance(item.get("role"), str) and parts == []:
        return {"role": _role_of(item, role), "parts": []}
    return None


def _with_parts(item: dict[str, Json], parts: list[Json], role: str) -> Message:
    message: Message = {"role": _role_of(item, role), "parts": [canonical_part(p) for p in parts]}
    if isinstance(name := item.get("name"), str) and name:
        message["name"] = name
    reason = item.get("finish_reason") or item.get("finishReason")
    if isinstance(reason, str) and reason:
        message["finish_reason"] = reason
    return message


def _role_of(item: dict[str, Json], role: str) -> str:
    given = item.get("role")
    if not isinstance(given, str) or not given:
        return role
    return _ROLES.get(given, given)


def _langchain_message(data: dict[str, Json], kind: str) -> Message:
    given = to_text(data.get("type")) or kind
    extra = data.get("additional_kwargs")
    merged = {**cast("dict[str, Json]", extra if isinstance(extra, dict) else {}), **data}
    merged["role"] = data.get("role") or _ROLES.get(given.lower().removesuffix("messagechunk"), given)
    return openai_message(merged)


def _response_item(item: dict[str, Json]) -> Message:
    """An item of OpenAI's responses API that isn't a message."""
    kind = item.get("type")
    if kind in ("function_call_output", "custom_tool_call_output"):
        return {"role": "tool", "parts": [tool_response_part(item.get("call_id"), item.get("output"))]}
    if kind == "reasoning":
        parts = [p for key in ("summary", "content") for p in parts_of_content(item.get(key))]
        texts = [p for p in parts if p.get("content")]
        if not texts:
            return {"role": "assistant", "parts": [dict(item)]}
        return {"role": "assistant", "parts": [{"type": "reasoning", "content": p["content"]} for p in texts]}
    return {"role": "assistant", "parts": [tool_call_part({**item, "id": item.get("call_id") or item.get("id")})]}


def _join_items(messages: list[Message]) -> list[Message]:
    """Joins an assistant's neighbouring reasoning, tool calls and text, which the responses API sends as items."""
    joined: list[Message] = []
    for message in messages:
        last = joined[-1] if joined else None
        if last is not None and last["role"] == message["role"] == "assistant" and _is_item(last, message):
            joined[-1] = {**message, "parts": [*last["parts"], *message["parts"]]}
        else:
            joined.append(message)
    return joined


def _is_item(first: Message, second: Message) -> bool:
    return "finish_reason" not in first and (
        all(p.get("type") in ("tool_call", "reasoning") for p in second["parts"])
        or all(p.get("type") == "reasoning" for p in first["parts"])
    )


def _part_text(part: Part) -> str:
    kind = part.get("type")
    if kind == "tool_call":
        return f"{to_text(part.get('name'))}({to_text(part.get('arguments'))})"
    if kind == "tool_call_response":
        return to_text(part.get("response"))
    if kind == "uri":
        return to_text(part.get("uri"))
    if kind in ("blob", "file"):
        return f"[{to_text(part.get('mime_type') or part.get('modality') or kind)}]"
    return to_text(part.get("content"))
