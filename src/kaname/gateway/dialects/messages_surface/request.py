"""Anthropic Messages request → hub request, for targets that speak something else.

`check_request` holds for targets of the same format too: it refuses what no upstream could answer, with the path.
Lost without a warning, because nothing about the answer changes: cache markers on targets that cache by themselves.
"""

import hashlib
from typing import Final

from kaname.gateway.dialects.messages_surface.turns import add_turn, text_parts
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
from kaname.kernel.errors import InvalidInputError

_ROLES: Final = ("user", "assistant", "system")
_EFFORT_BY_BUDGET: Final = ((2048, "low"), (8192, "medium"))
_LOST: Final = (
    "container",
    "context_management",
    "diagnostics",
    "inference_geo",
    "prefill",
    "speed",
    "user_profile_id",
)
_USED: Final = frozenset(
    {
        "cache_control", "max_tokens", "mcp_servers", "messages", "metadata", "model", "output_config", "output_format",
        "service_tier", "stop_sequences", "stream", "system", "temperature", "thinking", "tool_choice", "tools",
        "top_k", "top_p",
    }
)  # fmt: skip
_MAX_USER_CHARS: Final = 64


def check_request(document: Document, *, counts_only: bool = False) -> None:
    """Refuses what isn't a Messages request. `counts_only`: a request to count tokens, which has no `max_tokens`."""
    if not counts_only:
        if document.get("max_tokens") is None:
            raise InvalidInputError("`max_tokens` is missing", hint="Anthropic's format needs it.", param="max_tokens")
        a_count(document["max_tokens"], "max_tokens")
    messages = a_list(document.get("messages"), "messages")
    if not messages:
        raise invalid("messages", "", "at least one message")
    for i, item in enumerate(messages):
        path = f"messages[{i}]"
        message = an_object(item, path)
        if message.get("role") not in _ROLES:
            raise invalid(f"{path}.role", message.get("role"), "user, assistant or system")
        content = message.get("content")
        if not isinstance(content, str):
            for j, block in enumerate(a_list(content, f"{path}.content")):
                where = f"{path}.content[{j}]"
                a_name(an_object(block, where).get("type"), f"{where}.type")


def decode_request(document: Document) -> Encoded:
    """See `SurfaceCodec.decode_request`."""
    check_request(document)
    losses = Losses()
    messages: list[Document] = []
    system = document.get("system")
    if system:
        messages.append({"role": "system", "content": text_parts(system, "system")})
    for i, item in enumerate(a_list(document["messages"], "messages")):
        add_turn(messages, an_object(item, f"messages[{i}]"), f"messages[{i}]", losses)
    chat: Document = {
        "model": document.get("model"),
        "messages": messages,
        "max_completion_tokens": max(a_count(document["max_tokens"], "max_tokens"), 1),
    }
    _add_tools(chat, document, losses)
    _add_reasoning(chat, document, losses)
    _add_rest(chat, document, losses)
    return Encoded(chat, losses.warnings)


def _add_tools(chat: Document, document: Document, losses: Losses) -> None:
    given = document.get("tools")
    if given:
        chat["tools"] = [_tool(item, f"tools[{i}]", losses) for i, item in enumerate(a_list(given, "tools"))]
    if document.get("mcp_servers"):
        raise unsupported("mcp_servers", "only Anthropic's own service calls MCP servers")
    value = document.get("tool_choice")
    if value is None:
        return
    choice = an_object(value, "tool_choice")
    kind = choice.get("type")
    if kind == "tool":
        chat["tool_choice"] = {"type": "function", "function": {"name": a_name(choice.get("name"), "tool_choice.name")}}
    elif kind in ("auto", "any", "none"):
        chat["tool_choice"] = "required" if kind == "any" else kind
    else:
        raise invalid("tool_choice.type", kind, "auto, any, tool or none")
    if a_flag(choice.get("disable_parallel_tool_use"), "tool_choice.disable_parallel_tool_use"):
        chat["parallel_tool_calls"] = False


def _tool(item: object, path: str, losses: Losses) -> Document:
    tool = an_object(item, path)
    kind = tool.get("type")
    if kind not in (None, "custom"):
        raise unsupported(f"{path}.type", f"{str(kind)[:60]!r} runs at Anthropic only", "Offer a tool of your own.")
    function: Document = {"name": a_name(tool.get("name"), f"{path}.name")}
    if tool.get("description"):
        function["description"] = a_text(tool["description"], f"{path}.description")
    function["parameters"] = an_object(tool.get("input_schema"), f"{path}.input_schema")
    if a_flag(tool.get("strict"), f"{path}.strict"):
        function["strict"] = True
    if tool.get("defer_loading"):
        losses.lose(f"{path}.defer_loading", "the tool is offered from the beginning")
    result: Document = {"type": "function", "function": function}
    if tool.get("cache_control") is not None:
        result["cache_control"] = an_object(tool["cache_control"], f"{path}.cache_control")
    return result


def _add_reasoning(chat: Document, document: Document, losses: Losses) -> None:
    config = an_object(document.get("output_config") or {}, "output_config")
    thinking = an_object(document.get("thinking") or {}, "thinking")
    kind = thinking.get("type")
    if kind == "enabled":
        budget = a_count(thinking.get("budget_tokens"), "thinking.budget_tokens", 1)
        chat["reasoning_effort"] = next((name for limit, name in _EFFORT_BY_BUDGET if budget <= limit), "high")
        losses.lose("thinking.budget_tokens", f"became reasoning effort {chat['reasoning_effort']}")
    elif kind not in (None, "adaptive", "disabled", "between_tools"):
        raise invalid("thinking.type", kind, "enabled, adaptive or disabled")
    effort = config.get("effort")
    if effort is not None and kind not in ("disabled", "between_tools"):
        chat["reasoning_effort"] = a_text(effort, "output_config.effort")
    format_ = config.get("format") or document.get("output_format")
    if format_ is not None:
        spec = an_object(format_, "output_config.format")
        if spec.get("type") != "json_schema":
            raise invalid("output_config.format.type", spec.get("type"), "json_schema")
        schema = an_object(spec.get("schema"), "output_config.format.schema")
        chat["response_format"] = {
            "type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}
        }  # fmt: skip


def _add_rest(chat: Document, document: Document, losses: Losses) -> None:
    for name in ("temperature", "top_p", "top_k"):
        if document.get(name) is not None:
            chat[name] = a_number(document[name], name)
    stop = document.get("stop_sequences")
    if stop:
        chat["stop"] = [a_text(text, f"stop_sequences[{i}]") for i, text in enumerate(a_list(stop, "stop_sequences"))]
    user = an_object(document.get("metadata") or {}, "metadata").get("user_id")
    if user:
        chat["user"] = _user(a_text(user, "metadata.user_id"))
    tier = document.get("service_tier")
    if tier is not None:
        chat["service_tier"] = "default" if tier == "standard_only" else "auto"
    if a_flag(document.get("stream"), "stream"):
        chat["stream"] = True
        chat["stream_options"] = {"include_usage": True}
    if document.get("cache_control") is not None:
        chat["cache_control"] = document["cache_control"]
    for name, value in document.items():
        if value is not None and name not in _USED:
            why = "only Anthropic's own service has it" if name in _LOST else "it isn't known, so it wasn't sent"
            losses.lose(name, why)


def _user(user: str) -> str:
    """OpenAI takes 64 characters; a longer id is replaced by its digest, which is as stable."""
    return user if len(user) <= _MAX_USER_CHARS else hashlib.sha256(user.encode()).hexdigest()
