"""MLflow tracing exported as OTLP: every value is a JSON string (`mlflow.spanInputs`, `mlflow.spanOutputs`)."""

from kaname.traces.coerce import json_object, parse_json, structured, to_text
from kaname.traces.dialects.dialect import Dialect, Partial, claim, payload_of
from kaname.traces.messages import parse_messages
from kaname.traces.model import AttributeValue, RawSpan, SpanKind
from kaname.traces.native_usage import read_native_usage

_KINDS: dict[str, SpanKind] = {
    "LLM": "llm", "CHAT_MODEL": "llm", "EMBEDDING": "embedding", "RETRIEVER": "retriever", "RERANKER": "reranker",
    "TOOL": "tool", "AGENT": "agent", "CHAIN": "chain", "WORKFLOW": "chain", "TASK": "chain", "PARSER": "chain",
    "GUARDRAIL": "guardrail", "EVALUATOR": "evaluator", "UNKNOWN": "span",
}  # fmt: skip


def read(span: RawSpan) -> Partial:
    """Fields of `mlflow.*` attributes."""
    a = span.attributes
    found: Partial = {}
    kind = _KINDS.get(_unquoted(a.get("mlflow.spanType")).upper())
    if kind is not None:
        found["kind"] = claim("quirk", kind)
    inputs, outputs = structured(a.get("mlflow.spanInputs")), structured(a.get("mlflow.spanOutputs"))
    if kind == "llm" and (messages := parse_messages(inputs, role="user")):
        found["input_messages"] = messages
    elif payload := payload_of(inputs if inputs is not None else _unquoted(a.get("mlflow.spanInputs"))):
        found["input"] = payload
    if kind == "llm" and (messages := parse_messages(outputs, role="assistant")):
        found["output_messages"] = messages
    elif payload := payload_of(outputs if outputs is not None else _unquoted(a.get("mlflow.spanOutputs"))):
        found["output"] = payload
    if kind in ("agent", "chain"):
        return found
    block = json_object(a.get("mlflow.chat.tokenUsage")) or json_object(json_object(outputs).get("usage"))
    if usage := read_native_usage(block):
        found["usage"] = usage
    if model := to_text(json_object(inputs).get("model")):
        found["request_model"] = model
    return found


def _unquoted(value: AttributeValue) -> str:
    """The text inside a JSON string."""
    text = to_text(value)
    decoded = parse_json(text) if text[:1] == '"' else None
    return decoded if isinstance(decoded, str) else text


DIALECT = Dialect(name="mlflow", read=read, heads=frozenset({"mlflow"}))
