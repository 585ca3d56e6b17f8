"""Vercel AI SDK (scope `ai`), versions 4 to 6.

The outer spans (`ai.generateText` …) repeat the sum of their `.doGenerate`/`.doStream` children: they are aggregates.
Provider-native numbers in `providerMetadata` outrank `ai.usage.*`, whose rule for cached tokens changed twice. Values
may be JSON strings of protobuf values (`{"intValue":1}`).
"""

from kaname.traces.coerce import first_text, json_list, json_object, parse_json, structured, to_count, to_text
from kaname.traces.dialects.dialect import Dialect, Partial, claim, payload_of
from kaname.traces.message_parts import Part, tool_call_part
from kaname.traces.messages import Message, parse_messages, text_message
from kaname.traces.model import Attributes, AttributeValue, RawSpan, SpanKind
from kaname.traces.native_usage import read_native_usage
from kaname.traces.tool_definitions import canonical_tools
from kaname.traces.usage import TokenCounts, Usage, count_map, split_usage

_OUTER = ("ai.generateText", "ai.streamText", "ai.generateObject", "ai.streamObject", "ai.embed", "ai.embedMany")
_MS_TO_NS = 1_000_000
_METADATA = "ai.telemetry.metadata."
_FIELDS = frozenset({"sessionId", "userId", "tags", "langfusePrompt"})


def read(span: RawSpan) -> Partial:
    """Fields of `ai.*` attributes."""
    a = span.attributes
    found: Partial = {}
    operation = _operation(a)
    if operation:
        _read_operation(operation, found)
    _read_input(a, found)
    _read_output(a, found)
    if usage := _read_usage(a):
        found["usage"] = usage
    if model := first_text(a, "ai.model.id"):
        found["request_model"] = model
    if model := first_text(a, "ai.response.model"):
        found["response_model"] = model
    if provider := first_text(a, "ai.model.provider"):
        found["provider"] = provider
    if response := first_text(a, "ai.response.id"):
        found["response_id"] = response
    if reason := first_text(a, "ai.response.finishReason", "ai.finishReason"):
        found["finish_reasons"] = [reason]
    for key in ("ai.response.msToFirstChunk", "ai.stream.msToFirstChunk"):
        value = _plain(a.get(key))
        if isinstance(value, int | float) and 0 <= value < 1e9:
            found["time_to_first_token_ns"] = round(value * _MS_TO_NS)
            break
    settings = {k[12:]: _plain(v) for k, v in a.items() if k.startswith("ai.settings.") and v is not None}
    if settings:
        found["model_parameters"] = settings
    _read_telemetry(a, found)
    return found


def _operation(a: Attributes) -> str:
    """The operation; `operation.name` has the function's id appended after a space."""
    return first_text(a, "ai.operationId") or first_text(a, "operation.name").partition(" ")[0]


def _read_operation(operation: str, found: Partial) -> None:
    kind: SpanKind | None = None
    if operation.endswith((".doGenerate", ".doStream")):
        kind = "llm"
    elif operation.endswith(".doEmbed"):
        kind = "embedding"
    elif operation.startswith("ai.toolCall"):
        kind = "tool"
    elif operation.startswith("ai.embed"):
        kind = "embedding"
    elif operation.startswith("ai."):
        kind = "chain"
    if kind is not None:
        found["kind"] = claim("vercel", kind)
        found["operation"] = operation
    if operation in _OUTER:
        found["is_aggregate"] = True


def _read_input(a: Attributes, found: Partial) -> None:
    if tools := json_list(a.get("ai.prompt.tools")):
        found["tool_definitions"] = canonical_tools(tools)
    for key in ("ai.prompt.messages", "ai.prompt"):
        if messages := parse_messages(structured(a.get(key)), role="user"):
            found["input_messages"] = messages
            return
    if name := first_text(a, "ai.toolCall.name"):
        found["tool_name"] = name
        found["tool_call_id"] = first_text(a, "ai.toolCall.id")
    for key in ("ai.toolCall.args", "ai.toolCall.input", "ai.prompt", "ai.value", "ai.values"):
        if payload := payload_of(a.get(key)):
            found["input"] = payload
            return


def _read_output(a: Attributes, found: Partial) -> None:
    text = first_text(a, "ai.response.text", "ai.result.text")
    reasoning = first_text(a, "ai.response.reasoning")
    calls = json_list(a.get("ai.response.toolCalls") or a.get("ai.result.toolCalls"))
    parts: list[Part] = [{"type": "reasoning", "content": reasoning}] if reasoning else []
    message: Message = text_message("assistant", text) if text else {"role": "assistant", "parts": []}
    parts += message["parts"]
    parts += [tool_call_part(call) for call in calls if isinstance(call, dict)]
    if parts:
        message["parts"] = parts
        found["output_messages"] = [message]
        return
    for key in ("ai.response.object", "ai.result.object", "ai.toolCall.result", "ai.toolCall.output"):
        if payload := payload_of(a.get(key)):
            found["output"] = payload
            return


def _read_usage(a: Attributes) -> Usage | None:
    reported: dict[str, int] = {}
    for key, value in a.items():
        head, separator, name = key.partition(".usage.")
        if separator and head in ("ai", "stream", "generate") and (count := to_count(_plain(value))) is not None:
            reported[name] = count
    native = _native_usage(json_object(a.get("ai.response.providerMetadata")))
    if native is not None:
        native.reported = {**reported, **native.reported}
        return native
    if not reported:
        return None
    r = reported.get
    is_detailed = "inputTokenDetails.cacheReadTokens" in reported or "inputTokenDetails.cacheWriteTokens" in reported
    return split_usage(
        TokenCounts(
            input=r("inputTokens", r("promptTokens", r("tokens"))),
            output=r("outputTokens", r("completionTokens")),
            total=r("totalTokens"),
            cache_read=r("inputTokenDetails.cacheReadTokens", r("cachedInputTokens", 0)),
            cache_write=r("inputTokenDetails.cacheWriteTokens", 0),
            reasoning=r("outputTokenDetails.reasoningTokens", r("reasoningTokens", 0)),
            input_includes_cache=True if is_detailed else None,
            output_includes_reasoning=None,
        ),
        reported,
    )


def _native_usage(metadata: dict[str, AttributeValue]) -> Usage | None:
    """Anthropic's and Bedrock's own blocks, with 5-minute and 1-hour cache writes."""
    for provider in ("anthropic", "bedrock"):
        block = json_object(metadata.get(provider))
        usage = json_object(block.get("usage"))
        if usage and (native := read_native_usage(usage)) is not None and "input_uncached" in native.buckets:
            native.reported = count_map(usage, f"{provider}.")
            return native
    return None


def _read_telemetry(a: Attributes, found: Partial) -> None:
    prompt = json_object(a.get("ai.telemetry.metadata.langfusePrompt"))
    if name := to_text(prompt.get("name")):
        found["prompt_name"], found["prompt_version"] = name, to_text(prompt.get("version"))
    metadata = {
        key[len(_METADATA) :]: to_text(value)
        for key, value in a.items()
        if key.startswith(_METADATA) and key[len(_METADATA) :] not in _FIELDS
    }
    if metadata:
        found["metadata"] = metadata
    if function := first_text(a, "ai.telemetry.functionId"):
        found.setdefault("metadata", {}).setdefault("functionId", function)


def _plain(value: AttributeValue) -> AttributeValue:
    """The number inside a JSON string of a protobuf value such as `{"intValue":1}`."""
    if isinstance(value, str) and value.startswith('{"'):
        decoded = parse_json(value)
        if isinstance(decoded, dict) and len(decoded) == 1:
            ((name, inner),) = decoded.items()
            if name in ("intValue", "doubleValue", "stringValue"):
                return inner
    if isinstance(value, dict) and value.keys() == {"low", "high", "unsigned"}:
        return value["low"]
    return value


DIALECT = Dialect(
    name="vercel", read=read, heads=frozenset({"ai"}), keys=frozenset({"operation.name"}), scopes=frozenset({"ai"})
)
