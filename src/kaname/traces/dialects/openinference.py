"""OpenInference: flattened attributes of Arize's instrumentations (spec: `openinference-semantic-conventions`).

Structured messages (`llm.input_messages.N.…`) are preferred over `input.value`, a lossy copy. Embedding vectors are
not kept. Annotations on a span are scores and are read by `traces/span_scores.py`.
"""

from decimal import Decimal

from kaname.traces.coerce import (
    first_text,
    flat_metadata,
    json_object,
    structured,
    text_list,
    to_count,
    to_decimal,
    to_text,
)
from kaname.traces.dialects.dialect import Dialect, Partial, Payload, claim, payload_of, text_payload
from kaname.traces.dialects.openinference_messages import (
    group_attributes,
    read_documents,
    read_messages,
    read_prompts,
    read_tools,
)
from kaname.traces.messages import parse_messages
from kaname.traces.model import Attributes, AttributeValue, RawSpan, SpanKind
from kaname.traces.usage import TokenCounts, Usage, split_usage

KINDS: dict[str, SpanKind] = {
    "LLM": "llm", "CHAIN": "chain", "TOOL": "tool", "AGENT": "agent", "RETRIEVER": "retriever",
    "EMBEDDING": "embedding", "RERANKER": "reranker", "GUARDRAIL": "guardrail", "EVALUATOR": "evaluator",
    "PROMPT": "chain", "UNKNOWN": "span",
}  # fmt: skip
_COST = "llm.cost."
_FIRST_CHUNK = "First Token Stream Event"


def read(span: RawSpan) -> Partial:
    """Everything that the conventions name."""
    a = span.attributes
    found: Partial = {}
    groups = group_attributes(a)
    if kind := KINDS.get(to_text(a.get("openinference.span.kind")).upper()):
        found["kind"] = claim("openinference", kind)
    _read_identity(a, found)
    read_messages(groups, found)
    _read_io(a, found)
    if "llm.prompts" in groups or "llm.choices" in groups:
        read_prompts(groups, found)
    if "llm.tools" in groups:
        read_tools(groups, found)
    read_documents(a, groups, found)
    if "llm.token_count" in groups and (usage := _read_usage(groups["llm.token_count"])):
        found["usage"] = usage
    if "llm.cost" in groups and (cost := _read_cost(a)):
        found["sent_cost"] = cost
    for event in span.events:
        if event.name == _FIRST_CHUNK:
            found["time_to_first_token_ns"] = max(event.time_ns - span.start_ns, 0)
            break
    if "metadata" in a and (metadata := flat_metadata(a["metadata"])):
        found["metadata"] = metadata
    return found


def _read_identity(a: Attributes, found: Partial) -> None:
    if model := first_text(
        a, "llm.request.model_name", "llm.model_name", "embedding.model_name", "reranker.model_name"
    ):
        found["request_model"] = model
    if model := first_text(a, "llm.response.model_name"):
        found["response_model"] = model
    if provider := first_text(a, "llm.provider", "llm.system"):
        found["provider"] = provider
    parameters = json_object(a.get("llm.invocation_parameters") or a.get("embedding.invocation_parameters"))
    if parameters:
        requested = to_text(parameters.get("model"))
        if requested and requested != found.get("request_model"):
            # `llm.model_name` is the answering model where the request names another.
            found.setdefault("response_model", found.get("request_model", ""))
            found["request_model"] = requested
        kept = {k: v for k, v in parameters.items() if k not in ("messages", "tools", "input", "model")}
        if kept:
            found["model_parameters"] = kept
    if reasons := text_list(a.get("llm.finish_reason")):
        found["finish_reasons"] = reasons
    if agent := first_text(a, "agent.name"):
        found["agent_name"] = agent
    if tool := first_text(a, "tool.name"):
        found["tool_name"] = tool
    if call := first_text(a, "tool.id", "tool_call.id"):
        found["tool_call_id"] = call
    if prompt := first_text(a, "prompt.id", "llm.prompt_template.name"):
        found["prompt_name"] = prompt
    if version := first_text(a, "llm.prompt_template.version"):
        found["prompt_version"] = version


def _read_io(a: Attributes, found: Partial) -> None:
    value = a.get("input.value")
    if value is not None and "input_messages" not in found and (payload := _payload(value, a.get("input.mime_type"))):
        messages = parse_messages(structured(payload.text), role="user") if payload.is_json else []
        if messages and found.get("kind", (0, "llm"))[1] == "llm":
            found["input_messages"] = messages
        else:
            found["input"] = payload
    value = a.get("output.value")
    if value is not None and "output_messages" not in found and (payload := _payload(value, a.get("output.mime_type"))):
        messages = parse_messages(structured(payload.text), role="assistant") if payload.is_json else []
        if messages and found.get("kind", (0, "llm"))[1] == "llm":
            found["output_messages"] = messages
        else:
            found["output"] = payload


def _payload(value: AttributeValue, mime_type: AttributeValue) -> Payload | None:
    """JSON only if the mime type says so."""
    if not isinstance(value, str):
        return payload_of(value)
    if not value:
        return None
    return text_payload(value, is_json=mime_type == "application/json")


def _read_usage(tokens: list[tuple[str, AttributeValue]]) -> Usage | None:
    reported = {name: count for name, value in tokens if (count := to_count(value)) is not None}
    if not reported:
        return None
    r = reported.get
    return split_usage(
        TokenCounts(
            input=r("prompt"),
            output=r("completion"),
            total=r("total"),
            cache_read=r("prompt_details.cache_read", r("prompt_details.cache_input", 0)),
            cache_write=r("prompt_details.cache_write", 0),
            input_audio=r("prompt_details.audio", 0),
            reasoning=r("completion_details.reasoning", 0),
            output_audio=r("completion_details.audio", 0),
            input_includes_cache=True,
            output_includes_reasoning=True,
        ),
        reported,
    )


def _read_cost(a: Attributes) -> dict[str, Decimal]:
    cost: dict[str, Decimal] = {}
    for key, name in (("prompt", "input"), ("completion", "output"), ("total", "total")):
        if (amount := to_decimal(a.get(_COST + key))) is not None:
            cost[name] = amount
    return cost


DIALECT = Dialect(
    name="openinference",
    read=read,
    heads=frozenset({"openinference", "llm", "retrieval", "reranker", "embedding"}),
    keys=frozenset({"input.value", "output.value", "metadata", "agent.name", "tool.name"}),
)
