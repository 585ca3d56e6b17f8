"""Traceloop / OpenLLMetry: entities and workflows of current releases, flattened prompts of its installed base."""

from kaname.traces.coerce import first_text, json_object, structured, to_count, to_text
from kaname.traces.dialects.dialect import Dialect, Partial, claim, payload_of
from kaname.traces.dialects.openinference_messages import OVER_BUDGET
from kaname.traces.messages import Message, openai_message
from kaname.traces.model import Attributes, AttributeValue, RawSpan, SpanKind
from kaname.traces.tool_definitions import canonical_tools
from kaname.traces.unflatten import below, unflatten

_KINDS: dict[str, SpanKind] = {
    "workflow": "chain",
    "task": "chain",
    "agent": "agent",
    "tool": "tool",
    "unknown": "span",
}
_REQUEST_KINDS: dict[str, SpanKind] = {
    "chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "reranker",
}  # fmt: skip
_PROPERTIES = "traceloop.association.properties."
_FIELDS = frozenset({"session_id", "user_id"})
_PARAMETERS = {
    "llm.is_streaming": "stream", "gen_ai.is_streaming": "stream", "llm.top_k": "top_k",
    "llm.chat.stop_sequences": "stop_sequences", "llm.frequency_penalty": "frequency_penalty",
    "llm.presence_penalty": "presence_penalty",
}  # fmt: skip
_CHUNK_EVENT = "llm.content.completion.chunk"


def read(span: RawSpan) -> Partial:
    """Fields of `traceloop.*`, `llm.*` and flattened `gen_ai.prompt.N.*` attributes."""
    a = span.attributes
    found: Partial = {}
    _read_kind(a, found)
    for prefix, role in (("gen_ai.prompt.", "user"), ("gen_ai.completion.", "assistant")):
        if (prefix + "0.role") in a or (prefix + "0.content") in a or (prefix + "0.tool_calls.0.name") in a:
            messages = _flattened(a, prefix, role, found)
            if messages:
                found["input_messages" if role == "user" else "output_messages"] = messages
    _read_entity(a, found)
    if "llm.request.functions.0.name" in a:
        tools, _ = unflatten(below(a, "llm.request.functions."))
        if isinstance(tools, list):
            found["tool_definitions"] = canonical_tools(tools)
    parameters = {name: a[key] for key, name in _PARAMETERS.items() if key in a}
    if parameters:
        found["model_parameters"] = parameters
    metadata = {
        k[len(_PROPERTIES) :]: to_text(v)
        for k, v in a.items()
        if k.startswith(_PROPERTIES) and k[len(_PROPERTIES) :] not in _FIELDS
    }
    if workflow := first_text(a, "traceloop.workflow.name"):
        metadata.setdefault("workflow", workflow)
    if metadata:
        found["metadata"] = metadata
    _read_vector_search(span, found)
    for event in span.events:
        if event.name == _CHUNK_EVENT:
            found["time_to_first_token_ns"] = max(event.time_ns - span.start_ns, 0)
            break
    return found


def _read_kind(a: Attributes, found: Partial) -> None:
    of_entity = _KINDS.get(to_text(a.get("traceloop.span.kind")))
    kind = of_entity or _REQUEST_KINDS.get(to_text(a.get("llm.request.type")))
    if kind is not None:
        found["kind"] = claim("quirk", kind)
    if prompt := first_text(a, "traceloop.prompt.key"):
        found["prompt_name"] = prompt
        found["prompt_version"] = first_text(a, "traceloop.prompt.version")


def _read_entity(a: Attributes, found: Partial) -> None:
    name = first_text(a, "traceloop.entity.name")
    kind = found["kind"].kind if "kind" in found else "span"
    if name and kind == "tool":
        found["tool_name"] = name
    elif name and kind == "agent":
        found["agent_name"] = name
    for side, key in (("input", "inputs"), ("output", "outputs")):
        value = structured(a.get(f"traceloop.entity.{side}"))
        inner = value.get(key, value) if isinstance(value, dict) else value
        payload = payload_of(inner if inner is not None else a.get(f"traceloop.entity.{side}"))
        if payload is None:
            continue
        if side == "input":
            found["input"] = payload
        else:
            found["output"] = payload


def _flattened(a: Attributes, prefix: str, role: str, found: Partial) -> list[Message]:
    items, over = unflatten(below(a, prefix))
    if over:
        found["flags"] = [OVER_BUDGET]
    messages: list[Message] = []
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            content = item.get("content")
            fields: dict[str, AttributeValue] = {**item}
            # Content parts come as JSON; a text that happens to be JSON stays text.
            decoded = structured(content)
            if isinstance(decoded, list) and all(isinstance(part, dict) and "type" in part for part in decoded):
                fields["content"] = decoded
            messages.append(openai_message(fields, role))
    return messages


def _read_vector_search(span: RawSpan, found: Partial) -> None:
    a = span.attributes
    if "db.vector.query.top_k" not in a:
        return
    found.setdefault("kind", claim("quirk", "retriever"))
    if (top_k := to_count(a["db.vector.query.top_k"])) is not None:
        found.setdefault("model_parameters", {})["top_k"] = top_k
    documents: list[AttributeValue] = []
    for event in span.events:
        if event.name == "db.query.result":
            fields = {k.removeprefix("db.query.result."): v for k, v in event.attributes.items()}
            document = {k: fields[k] for k in ("id", "score", "distance") if k in fields}
            if "document" in fields:
                document["content"] = fields["document"]
            if metadata := json_object(fields.get("metadata")):
                document["metadata"] = metadata
            documents.append(document)
    if documents:
        found["documents"] = documents


DIALECT = Dialect(
    name="traceloop",
    read=read,
    heads=frozenset({"traceloop"}),
    keys=frozenset(
        {
            "gen_ai.prompt.0.role", "gen_ai.prompt.0.content", "gen_ai.completion.0.role",
            "gen_ai.completion.0.content", "gen_ai.completion.0.tool_calls.0.name", "gen_ai.is_streaming",
            "llm.request.type", "llm.is_streaming", "llm.request.functions.0.name", "db.vector.query.top_k",
        }
    ),
)  # fmt: skip
