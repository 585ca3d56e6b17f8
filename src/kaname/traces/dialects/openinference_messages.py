"""OpenInference's flattened lists (messages, prompts, tools, documents) → canonical messages and documents.

Un-flattening keeps list order and the slot budget; a span over its budget carries the flag `attributes_over_budget`.
"""

from kaname.traces.coerce import json_object, to_text
from kaname.traces.dialects.dialect import Partial, Payload, payload_of
from kaname.traces.message_parts import Part, canonical_part, parts_of_content, tool_call_part, tool_response_part
from kaname.traces.messages import Message, finish_reasons_of, text_message
from kaname.traces.model import Attributes, AttributeValue
from kaname.traces.tool_definitions import canonical_tools
from kaname.traces.unflatten import unflatten

Groups = dict[str, list[tuple[str, AttributeValue]]]
_NAMESPACES = ("llm.", "retrieval.", "reranker.", "embedding.")
OVER_BUDGET = "attributes_over_budget"


def group_attributes(a: Attributes) -> Groups:
    """Attributes of the flattened namespaces by their first two steps: `{"llm.tools": [("0.tool.json_schema", …)]}`.

    One pass, because a span has dozens of these keys and each list would otherwise look at all of them.
    """
    groups: Groups = {}
    for key, value in a.items():
        if key.startswith(_NAMESPACES):
            steps = key.split(".", 2)
            if len(steps) == 3:
                group = f"{steps[0]}.{steps[1]}"
                if group in groups:
                    groups[group].append((steps[2], value))
                else:
                    groups[group] = [(steps[2], value)]
    return groups


def read_messages(groups: Groups, found: Partial) -> None:
    """`llm.input_messages` and `llm.output_messages`."""
    if "llm.input_messages" in groups and (messages := _messages(groups, "llm.input_messages", "user", found)):
        found["input_messages"] = messages
    if "llm.output_messages" in groups and (messages := _messages(groups, "llm.output_messages", "assistant", found)):
        found["output_messages"] = messages
        if reasons := finish_reasons_of(messages):
            found.setdefault("finish_reasons", reasons)


def read_prompts(groups: Groups, found: Partial) -> None:
    """Text completions: `llm.prompts.N.prompt.text` and `llm.choices.N.completion.text`."""
    if "input_messages" not in found:
        texts = _texts(groups, "llm.prompts", "prompt", found)
        if texts:
            found["input_messages"] = [text_message("user", t) for t in texts]
            found.pop("input", None)
    if "output_messages" not in found:
        texts = _texts(groups, "llm.choices", "completion", found)
        if texts:
            found["output_messages"] = [text_message("assistant", t) for t in texts]
            found.pop("output", None)


def read_tools(groups: Groups, found: Partial) -> None:
    """`llm.tools.N.tool.json_schema`."""
    tools: list[AttributeValue] = []
    for item in _rebuilt(groups, "llm.tools", found):
        tool = _object(item, "tool")
        schema = tool.get("json_schema")
        if schema is not None:
            tools.append(schema)
        elif tool:
            tools.append(tool)
    if tools:
        found["tool_definitions"] = canonical_tools(tools)


def read_documents(a: Attributes, groups: Groups, found: Partial) -> None:
    """Retrieved or re-ranked documents; the query of a re-ranker; the texts of an embedding."""
    if "retrieval.documents" in groups:
        found["documents"] = _documents(groups, "retrieval.documents", found)
    elif "reranker.output_documents" in groups:
        found["documents"] = _documents(groups, "reranker.output_documents", found)
        if payload := payload_of(a.get("reranker.query")):
            found.setdefault("input", payload)
    if "embedding.embeddings" in groups and "input" not in found:
        texts = [
            to_text(e.get("text"))
            for item in _rebuilt(groups, "embedding.embeddings", found)
            if (e := _object(item, "embedding")).get("text")
        ]
        if texts:
            found["input"] = Payload("\n".join(texts))


def _messages(groups: Groups, group: str, role: str, found: Partial) -> list[Message]:
    messages: list[Message] = []
    for item in _rebuilt(groups, group, found):
        fields = _object(item, "message")
        if fields:
            messages.append(_message(fields, role))
    return messages


def _message(fields: dict[str, AttributeValue], role: str) -> Message:
    role = to_text(fields.get("role")) or role
    message: Message = {"role": role, "parts": []}
    parts = message["parts"]
    call_id = fields.get("tool_call_id")
    if role in ("tool", "function") and call_id is not None:
        message["role"] = "tool"
        parts.append(tool_response_part(call_id, fields.get("content")))
    else:
        parts.extend(parts_of_content(fields.get("content")))
    contents = fields.get("contents")
    if isinstance(contents, list):
        rebuilt = [_content(inner) for c in contents if (inner := _object(c, "message_content"))]
        # A redacted or copied text stands in both places.
        parts.extend(p for p in rebuilt if p not in parts)
    calls = fields.get("tool_calls")
    if isinstance(calls, list):
        named = {to_text(p.get("id")) for p in parts if p.get("type") == "tool_call"}
        for item in calls:
            part = _tool_call(_object(item, "tool_call"))
            if not part.get("id") or part["id"] not in named:
                parts.append(part)
    if name := fields.get("function_call_name"):
        parts.append(tool_call_part({"name": name, "arguments": fields.get("function_call_arguments_json")}))
    if isinstance(name := fields.get("name"), str) and name:
        message["name"] = name
    if isinstance(reason := fields.get("finish_reason"), str) and reason:
        message["finish_reason"] = reason
    return message


def _content(content: dict[str, AttributeValue]) -> Part:
    kind = to_text(content.get("type")) or "text"
    if kind == "image":
        image = _object(_object(content, "image"), "image") or _object(content, "image")
        return canonical_part({"type": "image_url", "image_url": image.get("url")})
    if kind == "audio":
        audio = _object(_object(content, "audio"), "audio") or _object(content, "audio")
        return canonical_part({"type": "audio", "url": audio.get("url"), "mime_type": audio.get("mime_type")})
    if kind == "tool_use" and isinstance(call := content.get("tool_call"), dict):
        return _tool_call(call)
    return canonical_part({**content, "type": kind})


def _tool_call(call: dict[str, AttributeValue]) -> Part:
    part = tool_call_part(call)
    if signature := call.get("reasoning_signature"):
        part["reasoning_signature"] = signature
    return part


def _texts(groups: Groups, group: str, name: str, found: Partial) -> list[str]:
    return [t for item in _rebuilt(groups, group, found) if (t := to_text(_object(item, name).get("text")))]


def _documents(groups: Groups, group: str, found: Partial) -> list[AttributeValue]:
    documents: list[AttributeValue] = []
    for item in _rebuilt(groups, group, found):
        fields = _object(item, "document")
        document: dict[str, AttributeValue] = {}
        if "id" in fields:
            document["id"] = to_text(fields["id"])
        if "score" in fields:
            document["score"] = fields["score"]
        if "content" in fields:
            document["content"] = to_text(fields["content"])
        if "metadata" in fields:
            document["metadata"] = json_object(fields["metadata"]) or to_text(fields["metadata"])
        if document:
            documents.append(document)
    return documents


def _rebuilt(groups: Groups, group: str, found: Partial) -> list[AttributeValue]:
    value, over = unflatten(groups[group]) if group in groups else (None, 0)
    if over:
        flags = found.setdefault("flags", [])
        if OVER_BUDGET not in flags:
            flags.append(OVER_BUDGET)
    return value if isinstance(value, list) else []


def _object(value: AttributeValue, key: str) -> dict[str, AttributeValue]:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}
