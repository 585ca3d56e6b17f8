"""Anthropic messages → hub messages.

A user message with tool results becomes one tool message for each result, followed by a user message with the rest.
Images inside a tool result move to that user message, because chat's tool messages hold text only.
"""

from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import Losses, a_list, a_name, a_text, an_object, client_json, invalid, unsupported

_SERVER_BLOCKS = ("_tool_result", "server_tool_use", "container_upload", "mcp_tool_use", "compaction", "fallback")


def add_turn(messages: list[Document], message: Document, path: str, losses: Losses) -> None:
    """Appends what one Anthropic message stands for."""
    role, content = message.get("role"), message.get("content")
    where = f"{path}.content"
    if role == "system":
        messages.append({"role": "system", "content": text_parts(content, where)})
    elif isinstance(content, str):
        messages.append({"role": role, "content": content})
    elif role == "assistant":
        messages.append(_assistant(a_list(content, where), where, losses))
    else:
        _add_user(messages, a_list(content, where), where, losses)


def text_parts(content: object, path: str) -> object:
    """Instructions: text, or text parts that keep their cache markers."""
    if isinstance(content, str):
        return content
    parts: list[Document] = []
    for i, item in enumerate(a_list(content, path)):
        block = an_object(item, f"{path}[{i}]")
        if block.get("type") != "text":
            raise invalid(f"{path}[{i}].type", block.get("type"), "text, which is all that instructions can be")
        parts.append(_text_part(block, f"{path}[{i}]"))
    return _compact(parts)


def _add_user(messages: list[Document], blocks: list[object], path: str, losses: Losses) -> None:
    parts: list[Document] = []
    for i, item in enumerate(blocks):
        where = f"{path}[{i}]"
        block = an_object(item, where)
        if block.get("type") == "tool_result":
            messages.append(_result(block, where, parts, losses))
        else:
            parts += _parts(block, where, losses)
    if parts:
        messages.append({"role": "user", "content": _compact(parts)})


def _result(block: Document, path: str, moved: list[Document], losses: Losses) -> Document:
    call_id = a_name(block.get("tool_use_id"), f"{path}.tool_use_id")
    content = block.get("content")
    if block.get("is_error"):
        losses.lose(f"{path}.is_error", "only the text says that the tool failed")
    if isinstance(content, str) or content is None:
        return {"role": "tool", "tool_call_id": call_id, "content": content or ""}
    texts: list[Document] = []
    for j, item in enumerate(a_list(content, f"{path}.content")):
        where = f"{path}.content[{j}]"
        for part in _parts(an_object(item, where), where, losses):
            if part["type"] == "text":
                texts.append(part)
            else:
                losses.lose(f"{path}.content", "images of tool results are moved to the next user message")
                moved.append(part)
    return {"role": "tool", "tool_call_id": call_id, "content": _compact(texts)}


def _assistant(blocks: list[object], path: str, losses: Losses) -> Document:
    texts: list[Document] = []
    thinking: list[Document] = []
    calls: list[Document] = []
    for i, item in enumerate(blocks):
        where = f"{path}[{i}]"
        block = an_object(item, where)
        kind = block.get("type")
        if kind == "text":
            texts.append(_text_part(block, where))
        elif kind == "thinking":
            text = a_text(block.get("thinking"), f"{where}.thinking")
            thinking.append({"type": "thinking", "thinking": text, "signature": block.get("signature") or ""})
        elif kind == "redacted_thinking":
            thinking.append({"type": "redacted_thinking", "data": a_text(block.get("data"), f"{where}.data")})
        elif kind == "tool_use":
            calls.append(_call(block, where))
        elif _is_server_block(kind):
            losses.lose(f"{where}.type", "what Anthropic's own tools did is left out")
        else:
            raise invalid(f"{where}.type", kind, "a kind of block that an assistant message can have")
    message: Document = {"role": "assistant", "content": _compact(texts) if texts else None}
    if not texts and not calls:
        message["content"] = ""
    if thinking:
        reasoning = "".join(str(block.get("thinking", "")) for block in thinking)
        if reasoning:
            message["reasoning_content"] = reasoning
        message["thinking_blocks"] = thinking
    if calls:
        message["tool_calls"] = calls
    return message


def _call(block: Document, path: str) -> Document:
    arguments = an_object(block.get("input"), f"{path}.input")
    return {
        "id": a_name(block.get("id"), f"{path}.id"),
        "type": "function",
        "function": {
            "name": a_name(block.get("name"), f"{path}.name"),
            "arguments": client_json(arguments, f"{path}.input"),
        },
    }


def _parts(block: Document, path: str, losses: Losses) -> list[Document]:
    kind = block.get("type")
    if kind == "text":
        return [_text_part(block, path)]
    if kind == "image":
        source = an_object(block.get("source"), f"{path}.source")
        return [_marked({"type": "image_url", "image_url": {"url": _image_url(source, f"{path}.source")}}, block)]
    if kind == "document":
        return _document(block, path, losses)
    if kind == "search_result":
        losses.lose(f"{path}.type", "a search result becomes text")
        content = text_parts(block.get("content"), f"{path}.content")
        texts = content if isinstance(content, str) else "\n".join(str(part.get("text")) for part in _objects(content))
        return [{"type": "text", "text": f"{block.get('title')}\n{block.get('source')}\n{texts}"}]
    if _is_server_block(kind) or kind == "tool_reference":
        losses.lose(f"{path}.type", "what Anthropic's own tools did is left out")
        return []
    raise invalid(f"{path}.type", kind, "a kind of block that a user message can have")


def _image_url(source: Document, path: str) -> str:
    kind = source.get("type")
    if kind == "base64":
        media_type = a_name(source.get("media_type"), f"{path}.media_type")
        return f"data:{media_type};base64,{a_name(source.get('data'), f'{path}.data')}"
    if kind == "url":
        return a_name(source.get("url"), f"{path}.url")
    raise unsupported(f"{path}.type", "a file lives at the provider it was uploaded to", "Send base64 or a URL.")


def _document(block: Document, path: str, losses: Losses) -> list[Document]:
    where = f"{path}.source"
    source = an_object(block.get("source"), where)
    if block.get("citations"):
        losses.lose(f"{path}.citations", "only Anthropic's models cite")
    if block.get("context"):
        losses.lose(f"{path}.context", "documents have no context")
    kind = source.get("type")
    if kind == "text":
        return [_marked({"type": "text", "text": a_text(source.get("data"), f"{where}.data")}, block)]
    if kind == "base64":
        data = a_name(source.get("data"), f"{where}.data")
        name = str(block.get("title") or "document.pdf")
        file = {"filename": name, "file_data": f"data:{source.get('media_type') or 'application/pdf'};base64,{data}"}
        return [_marked({"type": "file", "file": file}, block)]
    if kind == "content":
        content = source.get("content")
        if isinstance(content, str):
            return [{"type": "text", "text": content}]
        parts: list[Document] = []
        for i, item in enumerate(a_list(content, f"{where}.content")):
            parts += _parts(an_object(item, f"{where}.content[{i}]"), f"{where}.content[{i}]", losses)
        return parts
    raise unsupported(f"{where}.type", "a document must be sent itself", "Send it as base64 or text.")


def _text_part(block: Document, path: str) -> Document:
    return _marked({"type": "text", "text": a_text(block.get("text"), f"{path}.text")}, block)


def _marked(part: Document, block: Document) -> Document:
    marker = block.get("cache_control")
    return part if marker is None else {**part, "cache_control": marker}


def _compact(parts: list[Document]) -> object:
    """Plain text when that says the same."""
    if not parts:
        return ""
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        return parts[0]["text"]
    return parts


def _is_server_block(kind: object) -> bool:
    return isinstance(kind, str) and kind.endswith(_SERVER_BLOCKS)


def _objects(value: object) -> list[Document]:
    return [an_object(item, "content") for item in a_list(value, "content")]
