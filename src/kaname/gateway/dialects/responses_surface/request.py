"""OpenAI Responses request → hub request, for targets that don't speak Responses.

What needs a store (`previous_response_id`, `conversation`, `store: true`, `background`, stored prompts) and tools that
run at OpenAI are refused. `store` left out means false here.
"""

from typing import Final

from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.reading import (
    Losses,
    a_count,
    a_flag,
    a_list,
    a_name,
    a_number,
    a_text,
    an_object,
    invalid,
    unsupported,
)
from kaname.gateway.dialects.responses_surface.items import to_messages

_STORED: Final = {
    "background": "answers aren't stored, so they can't be fetched later",
    "conversation": "conversations aren't stored",
    "previous_response_id": "answers aren't stored; send the whole conversation in `input`",
    "prompt": "prompts stored at OpenAI aren't known to other models",
    "store": "answers aren't stored; leave it out or send false",
}
_PASSED: Final = ("parallel_tool_calls", "prompt_cache_key", "safety_identifier", "service_tier", "user")
_USED: Final = frozenset(
    {
        "include", "input", "instructions", "max_output_tokens", "metadata", "model", "reasoning", "stream",
        "stream_options", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation",
    }
)  # fmt: skip


def decode_request(document: Document) -> Encoded:
    """See `SurfaceCodec.decode_request`."""
    for name, why in _STORED.items():
        if document.get(name):
            raise unsupported(name, why)
    losses = Losses()
    messages: list[Document] = []
    instructions = document.get("instructions")
    if instructions:
        messages.append({"role": "system", "content": a_text(instructions, "instructions")})
    messages += to_messages(document.get("input"), losses)
    chat: Document = {"model": document.get("model"), "messages": messages}
    limit = document.get("max_output_tokens")
    if limit is not None:
        chat["max_completion_tokens"] = a_count(limit, "max_output_tokens", 1)
    for name in ("temperature", "top_p"):
        if document.get(name) is not None:
            chat[name] = a_number(document[name], name)
    for name in _PASSED:
        if document.get(name) is not None:
            chat[name] = document[name]
    _add_tools(chat, document)
    _add_text(chat, document)
    _add_reasoning(chat, document)
    if a_flag(document.get("stream"), "stream"):
        chat["stream"] = True
        chat["stream_options"] = {"include_usage": True}
    _lose_rest(document, losses)
    return Encoded(chat, losses.warnings)


def _add_tools(chat: Document, document: Document) -> None:
    given = document.get("tools")
    if given:
        chat["tools"] = [_tool(an_object(item, f"tools[{i}]"), i) for i, item in enumerate(a_list(given, "tools"))]
    value = document.get("tool_choice")
    if value is None:
        return
    if isinstance(value, str):
        if value not in ("auto", "none", "required"):
            raise invalid("tool_choice", value, "auto, none, required or an object")
        chat["tool_choice"] = value
        return
    choice = an_object(value, "tool_choice")
    kind = choice.get("type")
    if kind == "function":
        chat["tool_choice"] = _named(a_name(choice.get("name"), "tool_choice.name"))
    elif kind == "allowed_tools":
        tools = [_allowed(an_object(item, f"tool_choice.tools[{i}]"), i) for i, item in _numbered(choice.get("tools"))]
        allowed = {"mode": choice.get("mode") or "auto", "tools": tools}
        chat["tool_choice"] = {"type": "allowed_tools", "allowed_tools": allowed}
    else:
        raise unsupported("tool_choice.type", f"{str(kind)[:60]!r} runs at OpenAI only")


def _tool(tool: Document, i: int) -> Document:
    path, kind = f"tools[{i}]", tool.get("type")
    if kind != "function":
        raise unsupported(f"{path}.type", f"{str(kind)[:60]!r} runs at OpenAI only", "Offer a function tool instead.")
    function: Document = {"name": a_name(tool.get("name"), f"{path}.name")}
    if tool.get("description"):
        function["description"] = a_text(tool["description"], f"{path}.description")
    if tool.get("parameters") is not None:
        function["parameters"] = an_object(tool["parameters"], f"{path}.parameters")
    if tool.get("strict") is not None:
        function["strict"] = a_flag(tool["strict"], f"{path}.strict")
    return {"type": "function", "function": function}


def _allowed(tool: Document, i: int) -> Document:
    return _named(a_name(tool.get("name"), f"tool_choice.tools[{i}].name"))


def _named(name: str) -> Document:
    return {"type": "function", "function": {"name": name}}


def _numbered(tools: object) -> "enumerate[object]":
    return enumerate(a_list(tools, "tool_choice.tools"))


def _add_text(chat: Document, document: Document) -> None:
    text = an_object(document.get("text") or {}, "text")
    if text.get("verbosity") is not None:
        chat["verbosity"] = a_text(text["verbosity"], "text.verbosity")
    format_ = an_object(text.get("format") or {}, "text.format")
    kind = format_.get("type", "text")
    if kind == "json_schema":
        schema: Document = {
            "name": a_name(format_.get("name"), "text.format.name"),
            "schema": an_object(format_.get("schema"), "text.format.schema"),
        }
        for name in ("description", "strict"):
            if format_.get(name) is not None:
                schema[name] = format_[name]
        chat["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif kind == "json_object":
        chat["response_format"] = {"type": "json_object"}
    elif kind != "text":
        raise invalid("text.format.type", kind, "text, json_object or json_schema")


def _add_reasoning(chat: Document, document: Document) -> None:
    effort = an_object(document.get("reasoning") or {}, "reasoning").get("effort")
    if effort is not None:
        chat["reasoning_effort"] = a_text(effort, "reasoning.effort")


def _lose_rest(document: Document, losses: Losses) -> None:
    if document.get("top_logprobs"):
        raise unsupported("top_logprobs", "log probabilities aren't translated")
    if document.get("truncation") == "auto":
        losses.lose("truncation", "nothing is cut; a conversation that is too long is refused")
    for i, item in enumerate(a_list(document.get("include") or [], "include")):
        if item != "reasoning.encrypted_content":
            losses.lose(f"include[{i}]", "only reasoning.encrypted_content can be included")
    for name, value in document.items():
        if value and name not in _USED and name not in _PASSED:
            losses.lose(name, "it isn't known, so it wasn't sent")
