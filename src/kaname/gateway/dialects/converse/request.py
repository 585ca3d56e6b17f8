"""Hub request → Converse request. The model stands in the path, and so does whether it streams.

What only some families of models know goes in `additionalModelRequestFields`, in the family's own words.
Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

from typing import Final, cast

from kaname.gateway.dialects.anthropic.models import traits_of
from kaname.gateway.dialects.anthropic.request import add_sampling, add_thinking
from kaname.gateway.dialects.anthropic.tools import Toolbox
from kaname.gateway.dialects.anthropic.turns import Turns as ClaudeTurns
from kaname.gateway.dialects.converse.turns import Turns, to_turns
from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.reading import (
    Losses,
    a_list,
    a_number,
    a_text,
    an_object,
    client_json,
    invalid,
    unsupported,
)
from kaname.gateway.dialects.tool_choice import Tools, read_tools
from kaname.gateway.dialects.unsaid import lose_rest, read_max_tokens, read_stops, refuse_unsayable

_WHO: Final = "Converse"
_EFFORTS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_TIERS: Final = frozenset({"default", "flex", "priority", "reserved"})
_USED: Final = frozenset(
    {
        "max_completion_tokens", "max_tokens", "messages", "parallel_tool_calls", "reasoning_effort", "response_format",
        "service_tier", "stop", "temperature", "thinking", "tool_choice", "tools", "top_k", "top_p",
    }
)  # fmt: skip


def encode_request(chat: Document, model: str, *, strict: bool) -> Encoded:
    """See `ProviderCodec.encode_request`."""
    losses = Losses(strict=strict)
    claude, nova = "anthropic." in model or "claude" in model, "amazon.nova" in model
    refuse_unsayable(chat, _WHO)
    turns = to_turns(a_list(chat.get("messages"), "messages"), losses, caches=claude or nova, reasons=claude)
    if not turns.messages:
        raise invalid("messages", None, "at least one message with content besides the instructions")
    request: Document = {"messages": turns.messages}
    if turns.system:
        request["system"] = turns.system
    tools = read_tools(chat)
    _add_tools(request, tools, turns, losses, caches=claude or nova)
    config: Document = {}
    if (limit := read_max_tokens(chat)) is not None:
        config["maxTokens"] = limit
    if stops := read_stops(chat):
        config["stopSequences"] = stops
    if claude:
        _add_claude(request, config, chat, model, turns, tools, losses)
    else:
        _add_others(request, config, chat, model, losses)
    if config:
        request["inferenceConfig"] = config
    _add_format(request, chat, losses, schemas=not claude or traits_of(model).schemas)
    _add_tier(request, chat.get("service_tier"), losses)
    lose_rest(chat, _USED, losses, _WHO)
    return Encoded(request, losses.warnings)


def _add_tools(request: Document, tools: Tools, turns: Turns, losses: Losses, *, caches: bool) -> None:
    choice, functions = tools.choice, tools.functions
    if choice.only and choice.mode == "auto":
        functions = [tool for tool in functions if tool.name in choice.only]
    if choice.mode == "none" and functions:
        if turns.tool_names:
            losses.lose("tool_choice", f"{_WHO} can't keep a model from calling a tool")
        else:
            return
    specs: list[Document] = []
    for tool in functions:
        spec: Document = {"name": tool.name}
        if tool.description:
            spec["description"] = tool.description
        spec["inputSchema"] = {"json": tool.parameters or {"type": "object", "properties": {}}}
        if tool.strict:
            spec["strict"] = True
        specs.append({"toolSpec": spec})
        if tool.marked and caches:
            specs.append({"cachePoint": {"type": "default"}})
    if not specs:  # tools that a conversation has called must be declared even when none is offered any more
        schema: Document = {"json": {"type": "object", "properties": {}}}
        specs = [{"toolSpec": {"name": name, "inputSchema": schema}} for name in turns.tool_names]
    if not specs:
        return
    config: Document = {"tools": specs}
    if choice.mode == "required":
        config["toolChoice"] = {"tool": {"name": choice.only[0]}} if len(choice.only) == 1 else {"any": {}}
        if len(choice.only) > 1:
            losses.lose("tool_choice", f"{_WHO} forces one tool or any")
    elif choice.given and choice.mode == "auto" and functions:
        config["toolChoice"] = {"auto": {}}
    request["toolConfig"] = config
    if not tools.parallel:
        losses.lose("parallel_tool_calls", "models on Bedrock may call several tools at once")


def _add_claude(
    request: Document, config: Document, chat: Document, model: str, turns: Turns, tools: Tools, losses: Losses
) -> None:
    """Claude's thinking and sampling follow the same rules as at Anthropic."""
    traits = traits_of(model)
    native: Document = {"max_tokens": config.get("maxTokens", traits.max_tokens)}
    forced = Toolbox([], {"type": "any"} if tools.choice.mode == "required" else None)
    add_thinking(native, chat, ClaudeTurns([], [], [], turns.continues_tools), forced, traits, losses)
    add_sampling(native, chat, traits, losses)
    more: Document = {}
    if "thinking" in native:
        more["thinking"] = native["thinking"]
        config["maxTokens"] = native["max_tokens"]
    if "output_config" in native:
        more["output_config"] = native["output_config"]
    if "top_k" in native:
        more["top_k"] = native["top_k"]
    for name, target in (("temperature", "temperature"), ("top_p", "topP")):
        if name in native:
            config[target] = native[name]
    if more:
        request["additionalModelRequestFields"] = more


def _add_others(request: Document, config: Document, chat: Document, model: str, losses: Losses) -> None:
    for name, target in (("temperature", "temperature"), ("top_p", "topP")):
        if chat.get(name) is not None:
            config[target] = a_number(chat[name], name)
    more: Document = {}
    if chat.get("top_k") is not None:
        top_k = a_number(chat["top_k"], "top_k")
        if "amazon.nova" in model:
            more["inferenceConfig"] = {"topK": top_k}
        elif "mistral." in model:
            more["top_k"] = top_k
        else:
            losses.lose("top_k", "this model takes none on Bedrock")
    effort = chat.get("reasoning_effort")
    if effort is not None:
        level = a_text(effort, "reasoning_effort")
        if level != "none" and level not in _EFFORTS:
            raise invalid("reasoning_effort", level, f"none, {', '.join(_EFFORTS)}")
        if "amazon.nova-2" in model:
            said = (
                {"type": "enabled", "maxReasoningEffort": _EFFORTS[level]} if level != "none" else {"type": "disabled"}
            )
            more["reasoningConfig"] = said
        elif "openai." in model and level != "none":
            more["reasoning_effort"] = _EFFORTS[level]
        elif level != "none":
            losses.lose("reasoning_effort", "this model isn't told how much to think on Bedrock")
    elif isinstance(chat.get("thinking"), dict) and cast("Document", chat["thinking"]).get("type") != "disabled":
        losses.lose("thinking", "only Claude is told to think in these words")
    if more:
        request["additionalModelRequestFields"] = more


def _add_format(request: Document, chat: Document, losses: Losses, *, schemas: bool) -> None:
    value = chat.get("response_format")
    if value is None:
        return
    format_ = an_object(value, "response_format")
    kind = format_.get("type")
    if kind == "json_schema":
        spec = an_object(format_.get("json_schema"), "response_format.json_schema")
        path = "response_format.json_schema.schema"
        if not schemas:
            raise unsupported("response_format", "this model doesn't hold to schemas")
        schema: Document = {"schema": client_json(an_object(spec.get("schema"), path), path)}
        for name in ("name", "description"):
            if spec.get(name):
                schema[name] = a_text(spec[name], f"response_format.json_schema.{name}")
        request["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
    elif kind == "json_object":
        losses.lose("response_format", f"{_WHO} promises JSON only with a schema")
    elif kind != "text":
        raise invalid("response_format.type", kind, "text, json_object or json_schema")


def _add_tier(request: Document, tier: object, losses: Losses) -> None:
    if isinstance(tier, str) and tier in _TIERS:
        request["serviceTier"] = {"type": tier}
    elif tier not in (None, "auto"):
        losses.lose("service_tier", "Bedrock has no such tier")
