"""Hub request → Anthropic Messages request.

What Anthropic can't say is either refused (the answer would have another shape: several choices, log probabilities,
audio) or left out with a warning (the answer would only differ: seed, penalties).
Sources: the Messages API reference and the migration guides of the models; `models.py` holds what depends on them.
"""

import hashlib
from typing import Final

from kaname.gateway.dialects.anthropic.models import ModelTraits, traits_of
from kaname.gateway.dialects.anthropic.tools import Toolbox, to_toolbox
from kaname.gateway.dialects.anthropic.turns import Turns, to_turns
from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.reading import (
    Losses,
    a_count,
    a_list,
    a_number,
    a_text,
    an_object,
    invalid,
    unsupported,
)

_MIN_BUDGET: Final = 1024
_MAX_USER_CHARS: Final = 256
_BUDGETS: Final = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 49_152}
_WEAKER: Final = {"minimal": "low", "max": "xhigh", "xhigh": "high"}
_REFUSED: Final = (
    "audio",
    "function_call",
    "functions",
    "logprobs",
    "top_logprobs",
    "web_search_options",
    "moderation",
)
_LOST: Final = (
    "frequency_penalty", "logit_bias", "min_p", "prediction", "presence_penalty", "repetition_penalty", "seed", "store",
    "verbosity",
)  # fmt: skip
_DEFAULTS: Final[Document] = {"repetition_penalty": 1, "verbosity": "medium"}
_USED: Final = frozenset(
    {
        "cache_control", "max_completion_tokens", "max_tokens", "messages", "model", "parallel_tool_calls",
        "reasoning_effort", "response_format", "safety_identifier", "service_tier", "stop", "stream", "temperature",
        "thinking", "tool_choice", "tools", "top_k", "top_p", "user", "n", "modalities",
    }
)  # fmt: skip
_SILENT: Final = frozenset(
    {"metadata", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "route", "stream_options"}
)
"""They change nothing about the answer."""


def encode_request(chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
    """See `ProviderCodec.encode_request`."""
    losses, traits = Losses(strict=strict), traits_of(model)
    _refuse(chat)
    turns = to_turns(a_list(chat.get("messages"), "messages"), losses)
    if not turns.messages:
        raise invalid("messages", None, "at least one message with content besides the instructions")
    toolbox = to_toolbox(chat, turns.tool_names, traits, losses)
    max_tokens = _max_tokens(chat, traits)
    request: Document = {"model": model, "max_tokens": max_tokens, "messages": turns.messages}
    if turns.system:
        request["system"] = turns.system
    if toolbox.tools:
        request["tools"] = toolbox.tools
    if toolbox.choice is not None:
        request["tool_choice"] = toolbox.choice
    add_thinking(request, chat, turns, toolbox, traits, losses)
    add_sampling(request, chat, traits, losses)
    _add_format(request, chat, traits, losses)
    _add_rest(request, chat, losses)
    if stream:
        request["stream"] = True
    return Encoded(request, losses.warnings)


def _refuse(chat: Document) -> None:
    for name in _REFUSED:
        if chat.get(name):
            raise unsupported(name, "Anthropic's models have nothing like it")
    n = chat.get("n")
    if n is not None and a_count(n, "n", 1) > 1:
        raise unsupported("n", "Anthropic's models give one answer a request", "Send several requests.")
    modalities = chat.get("modalities")
    if modalities is not None and a_list(modalities, "modalities") not in ([], ["text"]):
        raise unsupported("modalities", "Anthropic's models answer in text")


def _max_tokens(chat: Document, traits: ModelTraits) -> int:
    for name in ("max_completion_tokens", "max_tokens"):
        value = chat.get(name)
        if value is not None:
            return a_count(value, name, 1)
    return traits.max_tokens


def add_thinking(
    request: Document, chat: Document, turns: Turns, toolbox: Toolbox, traits: ModelTraits, losses: Losses
) -> None:
    """Sets `thinking` and `output_config.effort`; `request` already has its `max_tokens`."""
    given, effort = chat.get("thinking"), chat.get("reasoning_effort")
    if given is not None:
        request["thinking"] = an_object(given, "thinking")
        if effort is not None:
            losses.lose("reasoning_effort", "`thinking` says it already")
        return
    if effort is None:
        return
    level = a_text(effort, "reasoning_effort")
    if level == "none":
        _turn_off(request, traits, losses)
    elif level not in _BUDGETS:
        raise invalid("reasoning_effort", level, f"none, {', '.join(_BUDGETS)}")
    elif traits.thinking == "none":
        losses.lose("reasoning_effort", "this model doesn't think")
    elif traits.thinking == "adaptive":
        _set_effort(request, level, traits, losses)
        if not toolbox.forced:  # thinking and a forced call exclude each other
            request["thinking"] = {"type": "adaptive"}
    elif toolbox.forced:
        losses.lose("reasoning_effort", "this model can't think when it is made to call a tool")
    elif turns.continues_tools:
        losses.lose("reasoning_effort", "the thinking before the last tool calls wasn't sent back")
    else:
        _set_budget(request, level, losses)


def _turn_off(request: Document, traits: ModelTraits, losses: Losses) -> None:
    if traits.off == "never":
        losses.lose("reasoning_effort", "this model always thinks, so it is told to think little")
        request["output_config"] = {"effort": "low"}
    elif traits.off != "omit":
        request["thinking"] = {"type": traits.off}


def _set_effort(request: Document, level: str, traits: ModelTraits, losses: Losses) -> None:
    taken = level
    while taken not in traits.efforts:
        taken = _WEAKER[taken]
    if taken != level:
        losses.lose("reasoning_effort", f"{level} became {taken}")
    request["output_config"] = {"effort": taken}


def _set_budget(request: Document, level: str, losses: Losses) -> None:
    limit = request["max_tokens"]
    assert isinstance(limit, int)
    budget = min(_BUDGETS[level], limit * 4 // 5)
    if budget < _MIN_BUDGET:
        losses.lose("reasoning_effort", f"max_tokens {limit} leaves no room for thinking")
    else:
        request["thinking"] = {"type": "enabled", "budget_tokens": budget}


def add_sampling(request: Document, chat: Document, traits: ModelTraits, losses: Losses) -> None:
    """Sets `temperature`, `top_p` and `top_k` as far as the model, and its thinking, let them be set."""
    thinking = request.get("thinking")
    thinks = isinstance(thinking, dict) and thinking != {"type": "disabled"}
    for name in ("temperature", "top_p", "top_k"):
        value = chat.get(name)
        if value is None:
            continue
        number = a_number(value, name)
        if traits.sampling == "none":
            losses.lose(name, "this model chooses its sampling itself")
        elif thinks:
            losses.lose(name, "a model that thinks chooses its sampling itself")
        elif name == "top_p" and traits.sampling == "one" and "temperature" in request:
            losses.lose(name, "this model takes temperature or top_p")
        elif name == "temperature" and number > 1:
            losses.lose(name, "clamped to 1")
            request[name] = 1
        else:
            request[name] = number


def _add_format(request: Document, chat: Document, traits: ModelTraits, losses: Losses) -> None:
    value = chat.get("response_format")
    if value is None:
        return
    format_ = an_object(value, "response_format")
    kind = format_.get("type")
    if kind == "json_schema":
        spec = an_object(format_.get("json_schema"), "response_format.json_schema")
        schema = an_object(spec.get("schema"), "response_format.json_schema.schema")
        if not traits.schemas:
            raise unsupported("response_format", "this model doesn't hold to schemas")
        config = request.get("output_config")
        effort: Document = {**config} if isinstance(config, dict) else {}
        request["output_config"] = {**effort, "format": {"type": "json_schema", "schema": schema}}
    elif kind == "json_object":
        losses.lose("response_format", "Anthropic's models promise JSON only with a schema")
    elif kind != "text":
        raise invalid("response_format.type", kind, "text, json_object or json_schema")


def _add_rest(request: Document, chat: Document, losses: Losses) -> None:
    stop = chat.get("stop")
    if stop is not None:
        texts = [stop] if isinstance(stop, str) else a_list(stop, "stop")
        sequences = [text for i, item in enumerate(texts) if (text := a_text(item, f"stop[{i}]")).strip()]
        if sequences:
            request["stop_sequences"] = sequences
    for name in ("safety_identifier", "user"):
        if chat.get(name):
            request["metadata"] = {"user_id": _user(a_text(chat[name], name))}
            break
    if (marker := chat.get("cache_control")) is not None:
        request["cache_control"] = an_object(marker, "cache_control")
    _add_tier(request, chat.get("service_tier"), losses)
    for name in _LOST:
        value = chat.get(name)
        if value is not None and (value or name == "seed") and value != _DEFAULTS.get(name):
            losses.lose(name, "Anthropic's models have nothing like it")
    for name, value in chat.items():
        if value is not None and name not in _KNOWN:
            losses.lose(name, "it isn't known, so it wasn't sent")


def _user(user: str) -> str:
    """Anthropic takes 256 characters; a longer id is replaced by its digest, which is as stable."""
    return user if len(user) <= _MAX_USER_CHARS else hashlib.sha256(user.encode()).hexdigest()


def _add_tier(request: Document, tier: object, losses: Losses) -> None:
    if tier == "default":
        request["service_tier"] = "standard_only"
    elif tier == "auto":
        request["service_tier"] = "auto"
    elif tier is not None:
        losses.lose("service_tier", "Anthropic has no such tier")


_KNOWN: Final[frozenset[str]] = _USED | _SILENT | frozenset(_LOST) | frozenset(_REFUSED)
