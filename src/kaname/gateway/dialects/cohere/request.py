"""Hub request → Cohere v2 chat request. Source: https://docs.cohere.com/reference/chat.

Messages and tools are almost the hub's own. Reasoning that came before tool calls goes back as their plan.
"""

from typing import Final

from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.reading import (
    Losses,
    a_count,
    a_list,
    a_name,
    a_number,
    a_text,
    an_object,
    invalid,
    unsupported,
)
from kaname.gateway.dialects.tool_choice import Tools, read_tools
from kaname.gateway.dialects.unsaid import lose_rest, read_max_tokens, read_stops, refuse_unsayable

_WHO: Final = "Cohere"
_TEXTS: Final = ("text", "input_text", "output_text")
_BUDGETS: Final = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 49_152}
_NUMBERS: Final = {
    "temperature": "temperature", "top_p": "p", "top_k": "k", "seed": "seed", "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}  # fmt: skip
_USED: Final = frozenset(
    {
        *_NUMBERS, "max_completion_tokens", "max_tokens", "messages", "parallel_tool_calls", "reasoning_effort",
        "response_format", "stop", "thinking", "tool_choice", "tools",
    }
)  # fmt: skip


def encode_request(chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
    """See `ProviderCodec.encode_request`."""
    losses = Losses(strict=strict)
    refuse_unsayable(chat, _WHO)
    messages = a_list(chat.get("messages"), "messages")
    said = [_message(an_object(item, f"messages[{i}]"), f"messages[{i}]", losses) for i, item in enumerate(messages)]
    request: Document = {"model": model, "messages": said, "stream": stream}
    _add_tools(request, read_tools(chat), losses)
    if (limit := read_max_tokens(chat)) is not None:
        request["max_tokens"] = limit
    if stops := read_stops(chat):
        request["stop_sequences"] = stops
    for name, target in _NUMBERS.items():
        if chat.get(name) is not None:
            request[target] = a_number(chat[name], name)
    _add_format(request, chat)
    _add_thinking(request, chat, model, losses)
    lose_rest(chat, _USED, losses, _WHO)
    return Encoded(request, losses.warnings)


def _message(message: Document, path: str, losses: Losses) -> Document:
    role = message.get("role")
    if message.get("name") is not None and role != "tool":
        losses.lose(f"{path}.name", "messages have no names")
    content = _content(message.get("content"), f"{path}.content")
    if role in ("system", "developer"):
        return {"role": "system", "content": content}
    if role == "user":
        return {"role": "user", "content": content}
    if role == "tool":
        call_id = a_name(message.get("tool_call_id"), f"{path}.tool_call_id")
        return {"role": "tool", "tool_call_id": call_id, "content": content}
    if role == "assistant":
        return _assistant(message, content, path, losses)
    if role == "function":
        raise unsupported(f"{path}.role", "functions were replaced by tools", "Use `tools` and role `tool`.")
    raise invalid(f"{path}.role", role, "system, developer, user, assistant or tool")


def _assistant(message: Document, content: object, path: str, losses: Losses) -> Document:
    if message.get("function_call") is not None:
        raise unsupported(f"{path}.function_call", "functions were replaced by tools", "Use `tool_calls`.")
    said: Document = {"role": "assistant"}
    if content:
        said["content"] = content
    elif message.get("refusal"):
        said["content"] = a_text(message["refusal"], f"{path}.refusal")
    calls: list[Document] = []
    for j, item in enumerate(a_list(message.get("tool_calls") or [], f"{path}.tool_calls")):
        where = f"{path}.tool_calls[{j}]"
        call = an_object(item, where)
        if call.get("type", "function") != "function":
            raise unsupported(f"{where}.type", "only function tools can be called")
        function = an_object(call.get("function"), f"{where}.function")
        name = a_name(function.get("name"), f"{where}.function.name")
        arguments = a_text(function.get("arguments") or "{}", f"{where}.function.arguments")
        call_id = a_name(call.get("id"), f"{where}.id")
        calls.append({"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}})
    reasoning = message.get("reasoning_content")
    if calls:
        said["tool_calls"] = calls
        if reasoning:
            said["tool_plan"] = a_text(reasoning, f"{path}.reasoning_content")
    elif reasoning:
        losses.lose(f"{path}.reasoning_content", "earlier reasoning is sent back only with tool calls")
    if len(said) == 1:
        said["content"] = ""
    return said


def _content(content: object, path: str) -> object:
    if content is None or isinstance(content, str):
        return content or ""
    parts: list[Document] = []
    for i, item in enumerate(a_list(content, path)):
        where = f"{path}[{i}]"
        part = an_object(item, where)
        kind = part.get("type")
        if kind in _TEXTS:
            parts.append({"type": "text", "text": a_text(part.get("text"), f"{where}.text")})
        elif kind == "refusal":
            parts.append({"type": "text", "text": a_text(part.get("refusal"), f"{where}.refusal")})
        elif kind == "image_url":
            value = part.get("image_url")
            image = {"url": value} if isinstance(value, str) else an_object(value, f"{where}.image_url")
            a_name(image.get("url"), f"{where}.image_url.url")
            parts.append({"type": "image_url", "image_url": image})
        elif kind in ("file", "input_audio"):
            raise unsupported(f"{where}.type", f"{_WHO} takes text and images")
        else:
            raise invalid(f"{where}.type", kind, "a known kind of content")
    return parts


def _add_tools(request: Document, tools: Tools, losses: Losses) -> None:
    functions, choice = tools.functions, tools.choice
    if choice.only:
        functions = [tool for tool in functions if tool.name in choice.only]
    if not functions:
        return
    said: list[Document] = []
    for tool in functions:
        function: Document = {"name": tool.name}
        if tool.description:
            function["description"] = tool.description
        function["parameters"] = tool.parameters or {"type": "object", "properties": {}}
        said.append({"type": "function", "function": function})
    request["tools"] = said
    if choice.mode != "auto":
        request["tool_choice"] = "REQUIRED" if choice.mode == "required" else "NONE"
    strict = [tool.strict for tool in functions]
    if all(strict):
        request["strict_tools"] = True
    elif any(strict):
        losses.lose("tools[].function.strict", f"{_WHO} holds to the schemas of all tools or of none")
    if not tools.parallel:
        losses.lose("parallel_tool_calls", f"{_WHO} may call several tools at once")


def _add_format(request: Document, chat: Document) -> None:
    value = chat.get("response_format")
    if value is None:
        return
    format_ = an_object(value, "response_format")
    kind = format_.get("type")
    if kind == "json_schema":
        spec = an_object(format_.get("json_schema"), "response_format.json_schema")
        schema = an_object(spec.get("schema"), "response_format.json_schema.schema")
        request["response_format"] = {"type": "json_object", "json_schema": schema}
    elif kind == "json_object":
        request["response_format"] = {"type": "json_object"}
    elif kind != "text":
        raise invalid("response_format.type", kind, "text, json_object or json_schema")


def _add_thinking(request: Document, chat: Document, model: str, losses: Losses) -> None:
    given, effort = chat.get("thinking"), chat.get("reasoning_effort")
    if given is None and effort is None:
        return
    budget: int | None = None
    off = False
    if given is not None:
        thinking = an_object(given, "thinking")
        off = thinking.get("type") == "disabled"
        if not off and thinking.get("budget_tokens") is not None:
            budget = a_count(thinking["budget_tokens"], "thinking.budget_tokens", 1)
    else:
        level = a_text(effort, "reasoning_effort")
        off = level == "none"
        if not off and level not in _BUDGETS:
            raise invalid("reasoning_effort", level, f"none, {', '.join(_BUDGETS)}")
        budget = _BUDGETS.get(level)
    if "reasoning" not in model:
        if not off:
            losses.lose("thinking" if given is not None else "reasoning_effort", "this model doesn't reason")
    elif off:
        request["thinking"] = {"type": "disabled"}
    else:
        request["thinking"] = {"type": "enabled", **({} if budget is None else {"token_budget": budget})}
