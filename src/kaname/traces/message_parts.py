"""One part of a message: the content blocks of OpenAI, Anthropic, Gemini and Bedrock → canonical parts.

A block of an unknown type is kept as it is; a block without a type becomes `{"type": "unknown", …}`.
"""

from kaname.traces.coerce import parse_json, to_text
from kaname.traces.model import AttributeValue

Json = AttributeValue
Part = dict[str, AttributeValue]

_KNOWN = frozenset({"text", "tool_call", "reasoning", "blob", "uri", "file", "tool_call_response"})
_MODALITIES = {"image": "image", "audio": "audio", "video": "video"}


def parts_of_content(content: Json) -> list[Part]:
    """Parts of a message's `content`: a text, a block, or a list of them; [] for nothing."""
    if isinstance(content, str):
        return [{"type": "text", "content": content}] if content else []
    if isinstance(content, list):
        return [canonical_part(block) for block in content]
    if isinstance(content, dict):
        return [canonical_part(content)] if content else []
    return [] if content is None else [{"type": "text", "content": to_text(content)}]


def canonical_part(block: Json) -> Part:
    """The canonical form of one content block."""
    if not isinstance(block, dict):
        return {"type": "text", "content": to_text(block)}
    kind = block.get("type")
    if not isinstance(kind, str):
        return _untyped(block)
    if kind in _KNOWN and _is_canonical(kind, block):
        return _normalised(kind, block)
    if kind in ("text", "input_text", "output_text", "summary_text", "reasoning_text"):
        return {"type": "text", "content": to_text(block.get("text") or block.get("content") or "")}
    if kind in ("thinking", "reasoning", "redacted_thinking"):
        return _reasoning(block)
    if kind in ("tool_use", "tool-call", "function", "function_call", "server_tool_use"):
        return tool_call_part(block)
    if kind in ("tool_result", "tool-result"):
        return _tool_result(block)
    if kind == "refusal":
        return {"type": "refusal", "content": to_text(block.get("refusal") or block.get("content"))}
    return _media(kind, block) or block


def tool_call_part(call: dict[str, Json]) -> Part:
    """OpenAI tool calls (nested or flat), Anthropic `tool_use`, Vercel and Gemini calls."""
    function = call.get("function")
    inner = function if isinstance(function, dict) else call
    part: Part = {"type": "tool_call"}
    identity = call.get("id") or call.get("toolCallId") or call.get("call_id") or call.get("toolUseId")
    if identity is not None:
        part["id"] = to_text(identity)
    part["name"] = to_text(inner.get("name") or inner.get("toolName"))
    for key in ("arguments", "input", "args", "parameters"):
        if key in inner and inner[key] is not None:
            part["arguments"] = decoded_arguments(inner[key])
            break
    return part


def decoded_arguments(value: Json) -> Json:
    """Tool arguments decoded if they are a JSON object or list in a string, else as they are."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        decoded = parse_json(value)
        return decoded if isinstance(decoded, dict | list) else value
    return value


def tool_response_part(identity: Json, response: Json) -> Part:
    """A tool's answer. Text blocks of a provider are joined into one text."""
    part: Part = {"type": "tool_call_response"}
    if identity is not None:
        part["id"] = to_text(identity)
    part["response"] = _joined_text(response)
    return part


def _is_canonical(kind: str, block: Part) -> bool:
    if kind in ("text", "reasoning"):
        return "content" in block and "text" not in block
    if kind == "tool_call":
        return "function" not in block
    if kind == "file":
        return "file_id" in block
    return True


def _normalised(kind: str, block: Part) -> Part:
    """Renames `result` (older semconv) to `response`; decodes arguments that came as a JSON string."""
    if kind == "tool_call_response" and "response" not in block and "result" in block:
        return {("response" if key == "result" else key): value for key, value in block.items()}
    if kind == "tool_call" and isinstance(arguments := block.get("arguments"), str):
        return {**block, "arguments": decoded_arguments(arguments)}
    return block


def _reasoning(block: Part) -> Part:
    content = block.get("thinking") or block.get("text") or block.get("content") or block.get("reasoning")
    if content is None and isinstance(summary := block.get("summary"), list):
        content = _joined_text(summary)
    part: Part = {"type": "reasoning", "content": to_text(content or "")}
    for key in ("signature", "data", "encrypted_content", "id"):
        if block.get(key):
            part[key] = block[key]
    return part


def _tool_result(block: Part) -> Part:
    identity = block.get("tool_use_id") or block.get("toolCallId") or block.get("toolUseId") or block.get("id")
    response = next((block[key] for key in ("content", "output", "result") if key in block), None)
    part = tool_response_part(identity, response)
    if block.get("is_error"):
        part["is_error"] = True
    return part


def _joined_text(response: Json) -> Json:
    """Text blocks as one text; anything else unchanged."""
    if not isinstance(response, list) or not response:
        return response
    texts: list[str] = []
    for block in response:
        if not isinstance(block, dict):
            return response
        text = block.get("text", block.get("content"))
        if block.get("type") not in ("text", "output_text", "input_text", "summary_text") or not isinstance(text, str):
            return response
        texts.append(text)
    return "\n".join(texts)


def _media(kind: str, block: Part) -> Part | None:
    if kind in ("image_url", "input_image"):
        url = block.get("image_url")
        if isinstance(url, dict):
            url = url.get("url")
        if isinstance(url, str):
            return _from_url(url, "image")
        return {"type": "file", "modality": "image", "file_id": block["file_id"]} if block.get("file_id") else None
    if kind == "input_audio" and isinstance(audio := block.get("input_audio"), dict):
        return _blob("audio", f"audio/{to_text(audio.get('format') or 'wav')}", audio.get("data"))
    if kind in ("image", "document", "audio", "video"):
        return _sourced(kind, block)
    if kind in ("file", "input_file"):
        inner = block.get("file")
        return _file(inner if isinstance(inner, dict) else block)
    return None


def _sourced(kind: str, block: Part) -> Part | None:
    """Anthropic `{source:{type,media_type,data|url|file_id}}`, Vercel `{image|data, mimeType}`."""
    modality = _MODALITIES.get(kind, "document")
    source = block.get("source")
    if isinstance(source, dict):
        if isinstance(url := source.get("url"), str):
            return _from_url(url, modality)
        if source.get("file_id"):
            return {"type": "file", "modality": modality, "file_id": source["file_id"]}
        if "data" in source:
            return _blob(modality, to_text(source.get("media_type")), source["data"])
    value = block.get(kind, block.get("data", block.get("url")))
    if isinstance(value, dict):
        value = value.get("url")
    if isinstance(value, str):
        mime_type = to_text(block.get("mimeType") or block.get("mediaType") or block.get("mime_type"))
        is_url = value.startswith(("http://", "https://", "data:"))
        return _from_url(value, modality) if is_url else _blob(modality, mime_type, value)
    return None


def _file(block: Part) -> Part | None:
    if block.get("file_id"):
        return {"type": "file", "modality": "document", "file_id": block["file_id"]}
    data = block.get("file_data") or block.get("data")
    if isinstance(data, str):
        part = _from_url(data, "document") if data.startswith("data:") else _blob("document", "", data)
        if name := block.get("filename"):
            part["filename"] = name
        return part
    if isinstance(url := block.get("file_url") or block.get("url"), str):
        return _from_url(url, "document")
    return None


def _untyped(block: Part) -> Part:
    """Gemini and Bedrock parts name their type by their key."""
    for key, value in block.items():
        if key == "text":
            return {"type": "reasoning" if block.get("thought") is True else "text", "content": to_text(value)}
        if not isinstance(value, dict):
            continue
        if key in ("functionCall", "function_call", "toolUse"):
            return tool_call_part(value)
        if key in ("functionResponse", "function_response"):
            return {**tool_response_part(value.get("id") or value.get("name"), value.get("response"))}
        if key == "toolResult":
            return _tool_result(value)
        if key in ("inlineData", "inline_data"):
            mime_type = to_text(value.get("mimeType") or value.get("mime_type"))
            return _blob(_modality_of(mime_type), mime_type, value.get("data"))
        if key in ("fileData", "file_data"):
            mime_type = to_text(value.get("mimeType") or value.get("mime_type"))
            uri = value.get("fileUri") or value.get("file_uri")
            return {"type": "uri", "modality": _modality_of(mime_type), "mime_type": mime_type, "uri": to_text(uri)}
    if isinstance(content := block.get("content"), str):
        return {"type": "text", "content": content}
    return {"type": "unknown", **block}


def _from_url(url: str, modality: str) -> Part:
    if url.startswith("data:"):
        head, _, data = url[5:].partition(",")
        mime_type = head.partition(";")[0]
        return _blob(_modality_of(mime_type) if mime_type else modality, mime_type, data)
    return {"type": "uri", "modality": modality, "uri": url}


def _blob(modality: str, mime_type: str, content: Json) -> Part:
    return {"type": "blob", "modality": modality, "mime_type": mime_type, "content": content}


def _modality_of(mime_type: str) -> str:
    return _MODALITIES.get(mime_type.partition("/")[0], "document")
