"""OpenAI's chat shapes → OpenTelemetry GenAI messages: `[{role, parts: [{type, …}], finish_reason?}]`.

Works on dictionaries and on the client's response objects alike. Unknown parts are kept as they are, never dropped;
inline images and audio are replaced by their size.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

Message = dict[str, Any]


def read(value: object, name: str) -> Any:
    """A field of a dictionary or object, or None."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value).get(name)
    return getattr(value, name, None)


def convert_messages(messages: object) -> list[Message]:
    """A request's `messages`."""
    if not isinstance(messages, Iterable) or isinstance(messages, str | bytes):
        return []
    return [convert_message(m) for m in cast("Iterable[object]", messages)]


def convert_message(message: object) -> Message:
    """One message of a request or a response."""
    role = read(message, "role") or "assistant"
    parts: list[Message] = []
    content = read(message, "content")
    if role == "tool":
        parts.append({"type": "tool_call_response", "id": read(message, "tool_call_id"), "response": _text_of(content)})
    else:
        parts.extend(_content_parts(content))
    if refusal := read(message, "refusal"):
        parts.append({"type": "refusal", "content": refusal})
    if reasoning := read(message, "reasoning_content") or read(message, "reasoning"):
        parts.insert(0, {"type": "reasoning", "content": reasoning})
    parts.extend(_tool_call(call) for call in read(message, "tool_calls") or ())
    converted: Message = {"role": role, "parts": parts}
    if name := read(message, "name"):
        converted["name"] = name
    return converted


def convert_choice(choice: object) -> Message:
    """One choice of a response, with why it ended."""
    converted = convert_message(read(choice, "message"))
    converted["finish_reason"] = read(choice, "finish_reason") or ""
    return converted


def convert_input(value: object) -> list[Message]:
    """The `input` of an embeddings request as one user message; token lists become their count."""
    if isinstance(value, str):
        return [{"role": "user", "parts": [{"type": "text", "content": value}]}]
    if isinstance(value, Iterable):
        texts = [v if isinstance(v, str) else "<tokens>" for v in cast("Iterable[object]", value)]
        return [{"role": "user", "parts": [{"type": "text", "content": text} for text in texts]}]
    return []


def _content_parts(content: object) -> list[Message]:
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    if isinstance(content, Iterable):
        return [_part(part) for part in cast("Iterable[object]", content)]
    return [{"type": "text", "content": str(content)}]


def _part(part: object) -> Message:
    kind = read(part, "type")
    if kind == "text":
        return {"type": "text", "content": read(part, "text")}
    if kind == "image_url":
        return _media("image", read(read(part, "image_url"), "url"))
    if kind == "input_audio":
        data = read(read(part, "input_audio"), "data") or ""
        return {"type": "blob", "modality": "audio", "content": f"<{len(data)} base64 characters>"}
    if kind == "refusal":
        return {"type": "refusal", "content": read(part, "refusal")}
    if isinstance(part, Mapping):
        return dict(cast("Mapping[str, Any]", part))
    return {"type": str(kind), "content": str(part)}


def _media(modality: str, url: object) -> Message:
    text = str(url or "")
    if text.startswith("data:"):
        mime_type = text[5:].partition(";")[0]
        return {
            "type": "blob",
            "modality": modality,
            "mime_type": mime_type,
            "content": f"<{len(text)} characters of data>",
        }
    return {"type": "uri", "modality": modality, "uri": text}


def _tool_call(call: object) -> Message:
    function = read(call, "function")
    return {
        "type": "tool_call",
        "id": read(call, "id"),
        "name": read(function, "name"),
        "arguments": read(function, "arguments"),
    }


def _text_of(content: object) -> object:
    if isinstance(content, str) or not isinstance(content, Iterable):
        return content
    return "".join(str(read(p, "text") or "") for p in cast("Iterable[object]", content))
