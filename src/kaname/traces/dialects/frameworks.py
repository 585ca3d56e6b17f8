"""Frameworks that add a few names of their own: Google ADK, Genkit, LiveKit, Laminar, Claude Code, VoltAgent, Flue.

Each is a handful of keys; a framework that grows a vocabulary gets a file of its own.
"""

from kaname.traces.coerce import first_text, json_object, structured, to_count, to_text
from kaname.traces.dialects.dialect import Dialect, KindRule, Partial, Payload, claim, payload_of
from kaname.traces.messages import parse_messages
from kaname.traces.model import Attributes, AttributeValue, RawSpan, SpanKind
from kaname.traces.native_usage import read_native_usage
from kaname.traces.usage import TokenCounts, split_usage

_ABSENT = frozenset({"", "{}", "<REDACTED>", "null"})
_INPUT = (
    "genkit:input", "flue.turn.input", "flue.tool.arguments", "flue.task.prompt", "flue.workflow.payload",
    "gcp.vertex.agent.llm_request", "gcp.vertex.agent.tool_call_args", "lk.chat_ctx", "lk.input_text", "lk.user_input",
    "lk.user_transcript", "lmnr.span.input", "agent.messages", "llm.messages", "input",
)  # fmt: skip
_OUTPUT = (
    "genkit:output", "flue.turn.output", "flue.tool.result", "flue.task.result", "flue.workflow.result",
    "gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_response", "lk.response.text",
    "lk.response.function_calls", "lk.function_tool.output", "lmnr.span.output", "output",
)  # fmt: skip
_TYPE_KINDS: dict[str, SpanKind] = {
    "llm": "llm", "llm_request": "llm", "tool": "tool", "agent": "agent", "retriever": "retriever",
    "embedding": "embedding", "evaluator": "evaluator", "guardrail": "guardrail", "workflow": "chain",
    "interaction": "agent", "memory": "chain",
}  # fmt: skip
_GENKIT_KINDS: dict[str, SpanKind] = {
    "model": "llm", "background-model": "llm", "embedder": "embedding", "tool": "tool", "tool.v2": "tool",
    "retriever": "retriever", "evaluator": "evaluator",
}  # fmt: skip
_LIVEKIT_KINDS: dict[str, SpanKind] = {
    "agent_turn": "agent", "start_agent_activity": "agent", "function_tool": "tool", "llm_request": "llm",
}  # fmt: skip
_CLAUDE_CODE = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens")


def read(span: RawSpan) -> Partial:
    """Fields of the frameworks' own names."""
    a = span.attributes
    found: Partial = {}
    _read_kind(span, found)
    is_llm = "kind" in found and found["kind"].kind == "llm"
    if (value := _first(a, _INPUT)) is not None:
        messages = parse_messages(structured(value), role="user")
        if messages:
            found["input_messages"] = messages
        elif payload := payload_of(value):
            found["input"] = payload
    if (value := _first(a, _OUTPUT)) is not None:
        _read_output(value, found, is_llm=is_llm)
    if agent := first_text(a, "lk.agent_name", "entity.name"):
        found["agent_name"] = agent
    if span.name.startswith("claude_code."):
        _read_claude_code(span, found)
    if model := first_text(a, "model"):
        found["request_model"] = model
    return found


def _read_kind(span: RawSpan, found: Partial) -> None:
    a = span.attributes
    kind: SpanKind | None = _GENKIT_KINDS.get(to_text(a.get("genkit:metadata:subtype")))
    rule: KindRule = "genkit"
    if kind is None:
        rule = "quirk"
        if any(key.startswith("flue.tool.") for key in a):
            kind = "tool"
        elif any(key.startswith("flue.task.") for key in a):
            kind = "agent"
        elif span.scope.name == "livekit-agents":
            kind = _LIVEKIT_KINDS.get(span.name)
        else:
            kind = _TYPE_KINDS.get(first_text(a, "lmnr.span.type", "span.type", "entity.type").lower())
    if kind is not None:
        found["kind"] = claim(rule, kind)


def _first(a: Attributes, keys: tuple[str, ...]) -> AttributeValue:
    for key in keys:
        value = a.get(key)
        if value is not None and not (isinstance(value, str) and value in _ABSENT):
            return value
    return None


def _read_output(value: AttributeValue, found: Partial, *, is_llm: bool) -> None:
    decoded = json_object(value)
    usage = read_native_usage(json_object(decoded.get("usage_metadata") or decoded.get("usageMetadata")))
    if usage:
        found["usage"] = usage
    content = decoded.get("content")
    # ADK's answer is a Gemini content object beside its metadata.
    body: AttributeValue = structured(value)
    if isinstance(content, dict) and "parts" in content:
        body = {"candidates": [{**decoded}]}
    messages = parse_messages(body, role="assistant")
    if messages:
        found["output_messages"] = messages
    elif is_llm and isinstance(value, str) and not decoded:
        found["output_messages"] = parse_messages([{"role": "assistant", "content": value}])
    elif payload := payload_of(value):
        found["output"] = payload


def _read_claude_code(span: RawSpan, found: Partial) -> None:
    """Anthropic's own counting: input excludes what was cached."""
    a = span.attributes
    reported = {key: count for key in _CLAUDE_CODE if (count := to_count(a.get(key))) is not None}
    if reported:
        found["usage"] = split_usage(
            TokenCounts(
                input=reported.get("input_tokens"),
                output=reported.get("output_tokens"),
                cache_read=reported.get("cache_read_tokens", 0),
                cache_write=reported.get("cache_creation_tokens", 0),
                input_includes_cache=False,
                output_includes_reasoning=True,
            ),
            reported,
        )
        found["is_aggregate"] = span.name == "claude_code.interaction"
        found["provider"] = "anthropic"
    for event in span.events:
        if (
            event.name == "tool.output"
            and (text := _first(event.attributes, ("output", "content", "diff"))) is not None
        ):
            found["output"] = Payload(to_text(text))


DIALECT = Dialect(
    name="frameworks",
    read=read,
    heads=frozenset({"genkit:input", "genkit:output", "genkit:metadata:subtype", "flue", "gcp", "lk", "lmnr"}),
    keys=frozenset({"span.type", "entity.type", "agent.messages", "llm.messages", "input", "output", "model"}),
    scopes=frozenset({"livekit-agents", "genkit-tracer"}),
)
