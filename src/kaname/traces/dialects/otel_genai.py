"""OpenTelemetry GenAI semantic conventions, current and every renamed attribute (`semantic-conventions-genai`).

Content may come three ways: attributes, span events, and log records that the consumer hands over as events. With
capture on everywhere the same content comes twice, so attributes win over events and nothing is appended. Provider
values are renamed by the normaliser; content is read in `otel_genai_content.py`.
"""

from decimal import Decimal

from kaname.traces.coerce import (
    first_count,
    first_text,
    json_list,
    json_object,
    text_list,
    to_count,
    to_decimal,
    to_text,
)
from kaname.traces.dialects.dialect import Dialect, Partial, claim, payload_of
from kaname.traces.dialects.otel_genai_content import DETAIL_EVENTS, read_content, read_events
from kaname.traces.model import Attributes, AttributeValue, RawSpan, SpanKind
from kaname.traces.usage import TokenCounts, Usage, split_usage

OPERATION_KINDS: dict[str, SpanKind] = {
    "chat": "llm", "completion": "llm", "text_completion": "llm", "generate_content": "llm", "generate": "llm",
    "fetch_response": "llm", "realtime": "llm", "llm_call": "llm", "message": "llm", "responses": "llm",
    "embeddings": "embedding", "embedding": "embedding", "embed": "embedding",
    "retrieval": "retriever", "rerank": "reranker",
    "execute_tool": "tool", "tool_call": "tool",
    "invoke_agent": "agent", "create_agent": "agent", "invoke_workflow": "agent", "agent_step": "agent",
    "agent_call": "agent",
    "guardrail": "guardrail", "evaluation": "evaluator",
    "plan": "chain", "search_memory": "chain", "create_memory": "chain", "update_memory": "chain",
    "upsert_memory": "chain", "delete_memory": "chain", "create_memory_store": "chain", "delete_memory_store": "chain",
}  # fmt: skip
AGGREGATE_OPERATIONS = frozenset({"invoke_agent", "agent_step", "invoke_workflow", "agent_call"})

_PARAMETERS = {
    f"gen_ai.request.{name}": name
    for name in (
        "max_tokens", "choice.count", "temperature", "top_p", "top_k", "stop_sequences", "frequency_penalty",
        "presence_penalty", "encoding_formats", "seed", "stream", "service_tier",
    )
} | {
    "gen_ai.output.type": "output.type",
    "gen_ai.openai.request.seed": "seed",
    "gen_ai.openai.request.response_format": "output.type",
    "gen_ai.openai.request.service_tier": "service_tier",
    "openai.request.service_tier": "service_tier",
    "gen_ai.embeddings.dimension.count": "dimensions",
}  # fmt: skip
_USAGE_PREFIX = "gen_ai.usage."
_PLAIN = frozenset({"input_tokens", "output_tokens", "total_tokens"})
_DOCUMENTED = frozenset({"cache_read.input_tokens", "cache_write.input_tokens", "cache_creation.input_tokens"})
_SECONDS_TO_NS = 1_000_000_000


def read(span: RawSpan) -> Partial:
    """Everything that the conventions name."""
    a = span.attributes
    for event in span.events:
        if event.name in DETAIL_EVENTS:
            # The same names as the attributes, structured: what both say is the same, so the span's own win.
            a = {**event.attributes, **json_object(event.body), **a}
    found: Partial = {}
    _read_identity(a, found)
    read_content(a, found)
    if span.events:
        read_events(span.events, found)
    _read_tool(a, found)
    _read_retrieval(a, found)
    if usage := read_usage(a):
        found["usage"] = usage
    if cost := sent_cost(a):
        found["sent_cost"] = cost
    return found


def read_usage(a: Attributes) -> Usage | None:
    """Usage under any name that the conventions ever had."""
    reported: dict[str, int] = {}
    for key in a:
        if key.startswith(_USAGE_PREFIX) and (count := to_count(a[key])) is not None:
            reported[key[len(_USAGE_PREFIX) :]] = count
    if "llm.usage.total_tokens" in a and (count := first_count(a, "llm.usage.total_tokens")) is not None:
        reported["total_tokens"] = count
    if not reported:
        return None
    r = reported.get
    if reported.keys() <= _PLAIN:
        counts = TokenCounts(input=r("input_tokens"), output=r("output_tokens"), total=r("total_tokens"))
        return split_usage(counts, reported)
    # Only the current names have a documented rule: before them, each instrumentation copied its provider's numbers.
    is_current = not _DOCUMENTED.isdisjoint(reported)
    return split_usage(
        TokenCounts(
            input=r("input_tokens", r("prompt_tokens")),
            output=r("output_tokens", r("completion_tokens")),
            total=r("total_tokens"),
            cache_read=_first(
                reported, "cache_read.input_tokens", "cache_read_input_tokens", "details.cache_read_tokens",
                "input_tokens.cached", "details.cached_tokens",
            ),
            cache_write=_first(
                reported, "cache_write.input_tokens", "cache_creation.input_tokens", "cache_creation_input_tokens",
                "details.cache_write_tokens", "input_tokens.cache_write",
            ),
            input_audio=_first(reported, "audio.input_tokens", "details.input_audio_tokens"),
            input_image=_first(reported, "image.input_tokens"),
            reasoning=_first(
                reported, "reasoning.output_tokens", "reasoning_tokens", "details.reasoning_tokens",
                "output_tokens.reasoning",
            ),
            output_audio=_first(reported, "audio.output_tokens", "details.output_audio_tokens"),
            input_includes_cache=True if is_current else None,
            output_includes_reasoning=True if "reasoning.output_tokens" in reported else None,
        ),
        reported,
    )  # fmt: skip


def sent_cost(a: Attributes) -> dict[str, Decimal]:
    """Cost that the sender computed itself: `gen_ai.usage.{cost,input_cost,output_cost}`."""
    cost: dict[str, Decimal] = {}
    if "gen_ai.usage.cost" in a or "gen_ai.usage.input_cost" in a:
        names = (("input_cost", "input"), ("output_cost", "output"), ("cost", "total"))
        for key, name in names:
            if (amount := to_decimal(a.get(_USAGE_PREFIX + key))) is not None:
                cost[name] = amount
    return cost


def _first(reported: dict[str, int], *keys: str) -> int:
    for key in keys:
        if key in reported:
            return reported[key]
    return 0


def _read_identity(a: Attributes, found: Partial) -> None:
    operation = to_text(a.get("gen_ai.operation.name"))
    if operation:
        found["operation"] = operation
        kind = OPERATION_KINDS.get(operation)
        if kind is not None:
            found["kind"] = claim("operation", kind)
        if operation in AGGREGATE_OPERATIONS:
            found["is_aggregate"] = True
    if "kind" not in found and ("gen_ai.tool.name" in a or "gen_ai.tool.call.id" in a):
        found["kind"] = claim("tool_attributes", "tool")
    if provider := first_text(a, "gen_ai.provider.name", "gen_ai.system"):
        found["provider"] = provider
    if model := first_text(a, "gen_ai.request.model"):
        found["request_model"] = model
    if model := first_text(a, "gen_ai.response.model"):
        found["response_model"] = model
    if response := first_text(a, "gen_ai.response.id"):
        found["response_id"] = response
    if agent := first_text(a, "gen_ai.agent.name", "gen_ai.workflow.name"):
        found["agent_name"] = agent
    if prompt := first_text(a, "gen_ai.prompt.name"):
        found["prompt_name"] = prompt
        found["prompt_version"] = first_text(a, "gen_ai.prompt.version")
    reasons = a.get("gen_ai.response.finish_reasons") or a.get("gen_ai.response.finish_reason")
    if reasons and (listed := text_list(reasons)):
        found["finish_reasons"] = listed
    seconds = a.get("gen_ai.response.time_to_first_chunk")
    if isinstance(seconds, int | float) and 0 <= seconds < 1e7:
        found["time_to_first_token_ns"] = round(seconds * _SECONDS_TO_NS)
    parameters: dict[str, AttributeValue] = {}
    for key in a:
        if key in _PARAMETERS:
            parameters.setdefault(_PARAMETERS[key], a[key])
    if parameters:
        found["model_parameters"] = parameters


def _read_tool(a: Attributes, found: Partial) -> None:
    if name := first_text(a, "gen_ai.tool.name"):
        found["tool_name"] = name
    if call := first_text(a, "gen_ai.tool.call.id"):
        found["tool_call_id"] = call
    if payload := payload_of(a.get("gen_ai.tool.call.arguments")):
        found.setdefault("input", payload)
    if payload := payload_of(a.get("gen_ai.tool.call.result")):
        found.setdefault("output", payload)


def _read_retrieval(a: Attributes, found: Partial) -> None:
    if payload := payload_of(a.get("gen_ai.retrieval.query.text") or a.get("gen_ai.memory.query.text")):
        found.setdefault("input", payload)
    documents = json_list(a.get("gen_ai.retrieval.documents") or a.get("gen_ai.memory.records"))
    if documents:
        found["documents"] = documents
    top_k = a.get("gen_ai.retrieval.top_k")
    if top_k is not None:
        found.setdefault("model_parameters", {})["top_k"] = top_k


DIALECT = Dialect(name="otel_genai", read=read, heads=frozenset({"gen_ai"}))
