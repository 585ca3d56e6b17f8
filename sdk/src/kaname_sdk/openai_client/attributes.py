"""Requests and responses of the OpenAI API → OpenTelemetry GenAI attributes."""

import urllib.parse
from collections.abc import Mapping
from typing import Any

from kaname_sdk.observation import AttributeMap
from kaname_sdk.openai_client.messages import read

_PARAMETERS = {
    "model": "gen_ai.request.model",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "n": "gen_ai.request.choice.count",
    "stream": "gen_ai.request.stream",
    "service_tier": "gen_ai.request.service_tier",
    "dimensions": "gen_ai.embeddings.dimension.count",
    "encoding_format": "gen_ai.request.encoding_formats",
}
_PROVIDERS = {
    "api.openai.com": "openai",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
}
_OUTPUT_TYPES = {"json_object": "json", "json_schema": "json", "text": "text"}


def request_attributes(request: Mapping[str, Any], operation: str, base_url: str) -> AttributeMap:
    """Everything about a request but its content."""
    host = urllib.parse.urlsplit(base_url).hostname or ""
    attributes: AttributeMap = {"gen_ai.operation.name": operation, "gen_ai.provider.name": provider_of(host)}
    if host:
        attributes["server.address"] = host
    for name, attribute in _PARAMETERS.items():
        value = request.get(name)
        if isinstance(value, str | int | float):
            attributes[attribute] = [value] if name == "encoding_format" and isinstance(value, str) else value
    stop = request.get("stop")
    if isinstance(stop, str):
        attributes["gen_ai.request.stop_sequences"] = [stop]
    elif isinstance(stop, list):
        attributes["gen_ai.request.stop_sequences"] = [str(s) for s in stop]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    kind = read(request.get("response_format"), "type")
    if kind in _OUTPUT_TYPES:
        attributes["gen_ai.output.type"] = _OUTPUT_TYPES[kind]
    return attributes


def response_attributes(response: object) -> AttributeMap:
    """Everything about a response, or a stream's last state, but its content."""
    attributes: AttributeMap = {}
    if identity := read(response, "id"):
        attributes["gen_ai.response.id"] = str(identity)
    if model := read(response, "model"):
        attributes["gen_ai.response.model"] = str(model)
    reasons = [str(r) for c in read(response, "choices") or () if (r := read(c, "finish_reason"))]
    if reasons:
        attributes["gen_ai.response.finish_reasons"] = reasons
    attributes.update(usage_attributes(read(response, "usage")))
    return attributes


def usage_attributes(usage: object) -> AttributeMap:
    """Token counts; cached and reasoning tokens are parts of the totals, as OpenTelemetry defines them."""
    counts = {
        "gen_ai.usage.input_tokens": read(usage, "prompt_tokens"),
        "gen_ai.usage.output_tokens": read(usage, "completion_tokens"),
        "gen_ai.usage.cache_read.input_tokens": read(read(usage, "prompt_tokens_details"), "cached_tokens"),
        "gen_ai.usage.reasoning.output_tokens": read(read(usage, "completion_tokens_details"), "reasoning_tokens"),
    }
    return {k: v for k, v in counts.items() if isinstance(v, int)}


def provider_of(host: str) -> str:
    """OpenTelemetry's name for a known host; the host itself for others, because a guess would be priced wrongly."""
    if host.endswith(".openai.azure.com"):
        return "azure.ai.openai"
    return _PROVIDERS.get(host, host or "openai")
