"""Langfuse attributes, as its SDKs 3, 4, 5 and JS send them (scope `langfuse-sdk`).

Objects are JSON strings. The SDK copies trace attributes to every span. SDK 5 encodes each metadata value as JSON,
strings included. Usage maps are read in `langfuse_usage.py`.
"""

from datetime import UTC, datetime
from decimal import Decimal

from kaname.kernel.clock import to_ns
from kaname.traces.coerce import first_text, json_object, parse_json, structured, to_decimal, to_text
from kaname.traces.dialects.dialect import Dialect, Partial, claim, payload_of
from kaname.traces.dialects.langfuse_usage import read_usage
from kaname.traces.messages import finish_reasons_of, parse_messages, text_message
from kaname.traces.model import Attributes, AttributeValue, Level, RawSpan, SpanKind
from kaname.traces.tool_definitions import canonical_tools

_KINDS: dict[str, SpanKind] = {
    "span": "span", "generation": "llm", "event": "event", "embedding": "embedding", "agent": "agent",
    "tool": "tool", "chain": "chain", "retriever": "retriever", "guardrail": "guardrail", "evaluator": "evaluator",
}  # fmt: skip
_LEVELS: dict[str, Level] = {"DEBUG": "debug", "DEFAULT": "default", "WARNING": "warning", "ERROR": "error"}
_GENERATION_KEYS = (
    "langfuse.observation.model.name", "langfuse.observation.usage_details", "langfuse.observation.cost_details",
    "langfuse.observation.prompt.name",
)  # fmt: skip
_EXPERIMENT = "langfuse.experiment."
_METADATA = ("langfuse.observation.metadata", "langfuse.trace.metadata")


def read(span: RawSpan) -> Partial:
    """Everything that the SDKs send."""
    a = span.attributes
    found: Partial = {}
    _read_kind(span, found)
    _read_io(a, found)
    _read_generation(a, found)
    if usage := read_usage(a.get("langfuse.observation.usage_details")):
        found["usage"] = usage
    if cost := _read_cost(a.get("langfuse.observation.cost_details")):
        found["sent_cost"] = cost
    started = first_text(a, "langfuse.observation.completion_start_time")
    if started and (delay := _delay_ns(started, span.start_ns)) is not None:
        found["time_to_first_token_ns"] = delay
    if level := _LEVELS.get(to_text(a.get("langfuse.observation.level"))):
        found["level"] = level
    if message := first_text(a, "langfuse.observation.status_message"):
        found["status_message"] = message
    if a.get("langfuse.internal.as_root") in (True, "true") or a.get("langfuse.internal.is_app_root") in (True, "true"):
        found["is_root"] = True
    if metadata := _read_metadata(span):
        found["metadata"] = metadata
        if reason := metadata.get("finish_reason"):
            found.setdefault("finish_reasons", [reason])
    return found


def _read_kind(span: RawSpan, found: Partial) -> None:
    a = span.attributes
    kind = _KINDS.get(to_text(a.get("langfuse.observation.type")).lower())
    if kind is None:
        return
    # Python SDKs up to 3.3.0 said `span` for generations made through `update_current_generation`.
    is_quirk = kind == "span" and span.scope.name == "langfuse-sdk" and _version(span) <= (3, 3, 0)
    if is_quirk and any(key in a for key in _GENERATION_KEYS):
        found["kind"] = claim("langfuse_quirk", "llm")
    else:
        found["kind"] = claim("langfuse", kind)


def _version(span: RawSpan) -> tuple[int, ...]:
    numbers = span.scope.version.split(".")[:3]
    if not all(n.isdecimal() for n in numbers):
        return (0,) if not span.scope.version else (99,)
    return tuple(int(n) for n in numbers)


def _read_io(a: Attributes, found: Partial) -> None:
    kind = found["kind"].kind if "kind" in found else "span"
    value = a.get("langfuse.observation.input")
    if value is None or value == "":
        value = a.get("langfuse.trace.input")
    decoded = structured(value)
    if isinstance(decoded, dict) and isinstance(tools := decoded.get("tools"), list) and tools:
        found["tool_definitions"] = canonical_tools(tools)
    messages = parse_messages(decoded, role="user")
    if not messages and kind == "llm" and isinstance(value, str) and value and decoded is None:
        messages = [text_message("user", _unquoted(value))]
    if messages:
        found["input_messages"] = messages
    elif payload := payload_of(_unquoted(value)):
        found["input"] = payload
    value = a.get("langfuse.observation.output")
    if value is None or value == "":
        value = a.get("langfuse.trace.output")
    decoded = structured(value)
    messages = parse_messages(decoded, role="assistant")
    if not messages and kind == "llm" and isinstance(value, str) and value and decoded is None:
        messages = [text_message("assistant", _unquoted(value))]
    if messages:
        found["output_messages"] = messages
        if reasons := finish_reasons_of(messages):
            found["finish_reasons"] = reasons
    elif payload := payload_of(_unquoted(value)):
        found["output"] = payload


def _unquoted(value: AttributeValue) -> str:
    """JS SDKs send a plain string as a JSON string."""
    text = to_text(value)
    if len(text) >= 2 and text[0] == text[-1] == '"':
        decoded = parse_json(text)
        return decoded if isinstance(decoded, str) else text
    return text


def _read_generation(a: Attributes, found: Partial) -> None:
    if model := first_text(a, "langfuse.observation.model.name"):
        found["request_model"] = model
    if parameters := json_object(a.get("langfuse.observation.model.parameters")):
        found["model_parameters"] = parameters
    if prompt := first_text(a, "langfuse.observation.prompt.name", "langfuse.prompt.name"):
        found["prompt_name"] = prompt
        found["prompt_version"] = first_text(a, "langfuse.observation.prompt.version", "langfuse.prompt.version")


def _read_cost(value: AttributeValue) -> dict[str, Decimal]:
    amounts = {k: amount for k, v in json_object(value).items() if (amount := to_decimal(v)) is not None}
    return amounts if any(amounts.values()) or "total" in amounts else {}


def _delay_ns(text: str, start_ns: int) -> int | None:
    text = _unquoted(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    delay = to_ns(at if at.tzinfo else at.replace(tzinfo=UTC)) - start_ns
    # The SDK's clock has microseconds: a first token in the start's own microsecond looks early.
    return max(delay, 0) if delay > -1000 else None


def _read_metadata(span: RawSpan) -> dict[str, str]:
    is_encoded = span.scope.name == "langfuse-sdk" and _version(span) >= (5,)
    metadata: dict[str, str] = {}
    for key, value in span.attributes.items():
        if not key.startswith("langfuse."):
            continue
        for prefix in _METADATA:
            if key.startswith(prefix):
                name = key[len(prefix) + 1 :]
                if name:
                    metadata.setdefault(name, _unquoted(value) if is_encoded else to_text(value))
                else:
                    _add_object(metadata, value)
        if key.startswith(_EXPERIMENT):
            metadata[key.removeprefix("langfuse.")] = to_text(value)
        elif key == "langfuse.trace.name":
            metadata.setdefault("trace_name", to_text(value))
    return metadata


def _add_object(metadata: dict[str, str], value: AttributeValue) -> None:
    fields = json_object(value)
    for name, item in fields.items():
        metadata.setdefault(name, to_text(item))
    if not fields and value is not None and value != "":
        metadata.setdefault("metadata", _unquoted(value))


DIALECT = Dialect(name="langfuse", read=read, heads=frozenset({"langfuse"}), scopes=frozenset({"langfuse-sdk"}))
