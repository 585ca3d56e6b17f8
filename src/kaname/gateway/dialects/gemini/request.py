"""Hub request → `generateContent` request.

Schemas go as JSON Schema (`parametersJsonSchema`, `responseJsonSchema`), which Gemini takes besides its own kind.
Source: https://ai.google.dev/api/generate-content.
"""

from typing import Final

from kaname.gateway.dialects.gemini.models import BUDGETS, needs_signatures, thinking_of
from kaname.gateway.dialects.gemini.turns import to_turns
from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.reading import Losses, a_count, a_list, a_number, a_text, an_object, invalid
from kaname.gateway.dialects.tool_choice import Tools, read_tools
from kaname.gateway.dialects.unsaid import lose_rest, read_max_tokens, read_stops, refuse_unsayable

_WHO: Final = "Gemini"
_MAX_STOPS: Final = 5
_NUMBERS: Final = {
    "temperature": "temperature", "top_p": "topP", "top_k": "topK", "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty", "seed": "seed",
}  # fmt: skip
_USED: Final = frozenset(
    {
        *_NUMBERS, "max_completion_tokens", "max_tokens", "messages", "parallel_tool_calls", "reasoning_effort",
        "response_format", "stop", "thinking", "tool_choice", "tools",
    }
)  # fmt: skip


def encode_request(chat: Document, model: str, *, strict: bool, ids: bool) -> Encoded:
    """See `ProviderCodec.encode_request`. The model stands in the path, and so does whether it streams."""
    losses = Losses(strict=strict)
    refuse_unsayable(chat, _WHO)
    turns = to_turns(a_list(chat.get("messages"), "messages"), losses, ids=ids, stand_ins=needs_signatures(model))
    if not turns.contents:
        raise invalid("messages", None, "at least one message with content besides the instructions")
    request: Document = {"contents": turns.contents}
    if turns.system:
        request["systemInstruction"] = {"parts": turns.system}
    _add_tools(request, read_tools(chat), losses)
    config: Document = {}
    _add_sampling(config, chat, losses)
    _add_format(config, chat)
    _add_thinking(config, chat, model, losses)
    if config:
        request["generationConfig"] = config
    lose_rest(chat, _USED, losses, _WHO)
    return Encoded(request, losses.warnings)


def _add_tools(request: Document, tools: Tools, losses: Losses) -> None:
    if not tools.functions:
        return
    declarations: list[Document] = []
    for i, tool in enumerate(tools.functions):
        declaration: Document = {"name": tool.name}
        if tool.description:
            declaration["description"] = tool.description
        if tool.parameters is not None:
            declaration["parametersJsonSchema"] = tool.parameters
        if tool.strict:
            losses.lose(f"tools[{i}].function.strict", "Gemini doesn't promise to hold to a tool's schema")
        declarations.append(declaration)
    choice = tools.choice
    if choice.only and choice.mode == "auto":
        declarations = [declaration for declaration in declarations if declaration["name"] in choice.only]
    request["tools"] = [{"functionDeclarations": declarations}]
    if choice.given:
        config: Document = {"mode": {"auto": "AUTO", "none": "NONE", "required": "ANY"}[choice.mode]}
        if choice.only and choice.mode == "required":
            config["allowedFunctionNames"] = list(choice.only)
        request["toolConfig"] = {"functionCallingConfig": config}
    if not tools.parallel:
        losses.lose("parallel_tool_calls", "Gemini may call several tools at once")


def _add_sampling(config: Document, chat: Document, losses: Losses) -> None:
    limit = read_max_tokens(chat)
    if limit is not None:
        config["maxOutputTokens"] = limit
    for name, target in _NUMBERS.items():
        if chat.get(name) is not None:
            config[target] = a_number(chat[name], name)
    stops = read_stops(chat)
    if len(stops) > _MAX_STOPS:
        losses.lose("stop", f"Gemini takes {_MAX_STOPS} stop sequences; the first ones were sent")
    if stops:
        config["stopSequences"] = stops[:_MAX_STOPS]


def _add_format(config: Document, chat: Document) -> None:
    value = chat.get("response_format")
    if value is None:
        return
    format_ = an_object(value, "response_format")
    kind = format_.get("type")
    if kind == "json_schema":
        spec = an_object(format_.get("json_schema"), "response_format.json_schema")
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = an_object(spec.get("schema"), "response_format.json_schema.schema")
    elif kind == "json_object":
        config["responseMimeType"] = "application/json"
    elif kind != "text":
        raise invalid("response_format.type", kind, "text, json_object or json_schema")


def _add_thinking(config: Document, chat: Document, model: str, losses: Losses) -> None:
    given, effort = chat.get("thinking"), chat.get("reasoning_effort")
    name = "thinking" if given is not None else "reasoning_effort"
    if given is None and effort is None:
        return
    traits = thinking_of(model)
    budget: int | None = None
    level = "medium"
    if given is not None:
        thinking = an_object(given, "thinking")
        if thinking.get("type") == "disabled":
            level = "none"
        elif thinking.get("budget_tokens") is not None:
            budget = a_count(thinking["budget_tokens"], "thinking.budget_tokens", 1)
            level = "low" if budget <= 4096 else "medium" if budget <= 16_384 else "high"
    else:
        level = a_text(effort, "reasoning_effort")
        if level != "none" and level not in BUDGETS:
            raise invalid("reasoning_effort", level, f"none, {', '.join(BUDGETS)}")
    if traits.kind == "none":
        if level != "none":
            losses.lose(name, "this model doesn't think")
        return
    if level == "none":
        if not traits.off:
            losses.lose(name, "this model always thinks, so it is told to think little")
        if traits.kind == "budget":
            config["thinkingConfig"] = {"thinkingBudget": 0 if traits.off else 128}
        else:
            config["thinkingConfig"] = {"thinkingLevel": traits.levels[0]}
        return
    if traits.kind == "budget":
        wanted = budget if budget is not None else BUDGETS[level]
        config["thinkingConfig"] = {"includeThoughts": True, "thinkingBudget": wanted}
        return
    taken = traits.level(level)
    if taken != level and given is None:
        losses.lose(name, f"the nearest level that this model has is {taken}")
    config["thinkingConfig"] = {"includeThoughts": True, "thinkingLevel": taken}
