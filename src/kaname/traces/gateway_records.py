"""What the gateway recorded of a call → the span that an OpenTelemetry instrumentation would have sent.

Everything becomes attributes, so that gateway calls pass the same normaliser as all spans and can be normalised again.
Messages are attributes in their canonical form; the provider's usage object stays raw in `kaname.gateway.usage` and
is split by the `gateway` dialect. Total: a truncated or broken body becomes text, never an exception.
"""

from kaname.gateway.model import GatewayRecord, telemetry_provider
from kaname.traces.coerce import parse_json, structured
from kaname.traces.dialects.gateway import CACHE_FLAGS, MALFORMED_EVENTS
from kaname.traces.gateway_streams import read_surface_stream
from kaname.traces.messages import Message, parse_messages, text_message
from kaname.traces.model import Attributes, AttributeValue, RawSpan, Scope

SCOPE_NAME = "kaname.gateway"
SERVICE_NAME = "kaname-gateway"
_CLIENT_SPAN = 3
_OPERATIONS = {
    "chat_completions": "chat", "messages": "chat", "responses": "chat", "completions": "text_completion",
    "embeddings": "embeddings", "count_tokens": "count_tokens", "moderations": "moderation", "rerank": "rerank",
    "images": "generate_content", "audio_speech": "generate_content", "audio_transcriptions": "generate_content",
    "image_edits": "generate_content", "image_variations": "generate_content",
    "audio_translations": "generate_content",
    "pass": "pass",
}  # fmt: skip
"""Of `gen_ai.operation.name` where it has a word for it."""
_INPUT_ONLY = frozenset({"embeddings", "rerank", "moderations", "count_tokens"})
_PARAMETERS = {
    "max_tokens": "max_tokens", "max_completion_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p",
    "top_k": "top_k", "stop": "stop_sequences", "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty", "seed": "seed", "n": "choice.count", "stream": "stream",
    "service_tier": "service_tier",
}  # fmt: skip
_COPIED_PARAMETERS = ("response_format", "tool_choice", "reasoning_effort", "parallel_tool_calls", "logprobs")


def to_raw_span(record: GatewayRecord) -> RawSpan:
    """The span of a gateway call."""
    attributes = _base_attributes(record)
    _put_request(record, attributes)
    response, complete = _read_response(record)
    _put_response(record, response, attributes)
    if record.outcome in ("incomplete", "cancelled") or (record.response_format == "sse" and not complete):
        attributes["kaname.gateway.incomplete"] = True
    failed = record.outcome != "ok" or record.status >= 400
    if failed:
        attributes["error.type"] = record.error_type or record.error_code or str(record.status)
    operation = _OPERATIONS[record.surface]
    return RawSpan(
        trace_id=record.trace_id,
        span_id=record.span_id,
        parent_span_id=record.parent_span_id,
        name=f"{operation} {record.requested_model or record.target_model}".strip(),
        otel_kind=_CLIENT_SPAN,
        start_ns=record.start_ns,
        end_ns=record.start_ns + record.duration_ns,
        status="error" if failed else "unset",
        status_message=record.error_message,
        attributes=attributes,
        scope=Scope(name=SCOPE_NAME, resource={"service.name": SERVICE_NAME}),
        trace_state=record.trace_state,
        flags=record.trace_flags,
    )


def _base_attributes(record: GatewayRecord) -> Attributes:
    provider = telemetry_provider(record.provider_type, record.provider)
    attributes: Attributes = {
        "gen_ai.operation.name": _OPERATIONS[record.surface],
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": record.target_model or record.requested_model,
        "gen_ai.response.model": record.response_model,
        "gen_ai.response.id": record.response_id,
        "session.id": record.session_id,
        "user.id": record.user_id,
        "deployment.environment.name": record.environment,
        "http.response.status_code": record.status,
        "kaname.gateway.request_id": record.request_id,
        "kaname.gateway.requested_model": record.requested_model,
        "kaname.gateway.provider": record.provider,
        "kaname.gateway.key_id": record.key_id,
        "kaname.gateway.key_name": record.key_name,
        "kaname.gateway.config_version": record.config_version,
        "kaname.gateway.outcome": record.outcome,
        "kaname.gateway.error_code": record.error_code,
    }
    attributes = {key: value for key, value in attributes.items() if value != ""}
    for key, value in record.metadata.items():
        attributes[f"kaname.metadata.{key}"] = value
    _put_outcome(record, attributes)
    _put_decisions(record, attributes)
    return attributes


def _put_outcome(record: GatewayRecord, attributes: Attributes) -> None:
    """What became of the call."""
    if record.malformed_events:
        attributes[MALFORMED_EVENTS] = record.malformed_events
    if record.usage_estimated:
        attributes["kaname.gateway.usage_estimated"] = True
    if record.tags:
        attributes["tag.tags"] = list(record.tags)
    if record.ttft_ns is not None:
        attributes["kaname.gateway.ttft_ns"] = record.ttft_ns
    if record.client_retry_count:
        attributes["kaname.gateway.client_retry_count"] = record.client_retry_count
    if record.finish_reasons:
        attributes["gen_ai.response.finish_reasons"] = list(record.finish_reasons)
    if record.request_truncated:
        attributes["kaname.gateway.request_truncated"] = True
        attributes["kaname.gateway.request_bytes"] = record.request_bytes
    if record.response_truncated:
        attributes["kaname.gateway.response_truncated"] = True
        attributes["kaname.gateway.response_bytes"] = record.response_bytes


def _put_decisions(record: GatewayRecord, attributes: Attributes) -> None:
    """What the gateway decided. After the caller's metadata, which must not pass for a decision."""
    if record.cache:
        attributes["kaname.gateway.cache"] = record.cache
    if record.cached_span_id:
        attributes["kaname.gateway.cached_span_id"] = record.cached_span_id
        attributes["kaname.gateway.saved_nano_usd"] = record.saved_nano_usd
    if record.arm:
        attributes["kaname.metadata.experiment"] = record.experiment or record.requested_model
        attributes["kaname.metadata.arm"] = record.arm
        attributes["kaname.gateway.propensity"] = record.propensity
    if record.shadow_of:
        attributes["kaname.metadata.shadow_of"] = record.shadow_of
    if record.limited_by:
        attributes["kaname.gateway.limited_by"] = record.limited_by
    if record.warnings:
        attributes["kaname.gateway.warnings"] = list(record.warnings)
    if len(record.attempts) > 1 or any(a.error_code for a in record.attempts):
        attributes["kaname.gateway.attempts"] = [
            {
                "target": a.target, "key_name": a.key_name, "start_ns": a.start_ns, "duration_ns": a.duration_ns,
                "upstream_status": a.upstream_status, "error_code": a.error_code, "stale_retries": a.stale_retries,
            }
            for a in record.attempts
        ]  # fmt: skip


def _put_request(record: GatewayRecord, attributes: Attributes) -> None:
    text = record.request.decode("utf-8", "replace")
    body = parse_json(text)
    if not isinstance(body, dict):
        if text:
            attributes["kaname.gateway.input"] = text
        return
    for key, name in _PARAMETERS.items():
        if body.get(key) is not None:
            attributes[f"gen_ai.request.{name}"] = body[key]
    for key in _COPIED_PARAMETERS:
        if body.get(key) is not None:
            attributes[f"kaname.gateway.request.{key}"] = body[key]
    if isinstance(tools := body.get("tools"), list) and tools:
        attributes["gen_ai.tool.definitions"] = tools
    if body.get("dimensions") is not None:
        attributes["gen_ai.embeddings.dimension.count"] = body["dimensions"]
    if record.surface in _INPUT_ONLY:
        attributes["kaname.gateway.input"] = body.get("input") or body.get("query") or text
        return
    if record.surface == "completions":
        messages = _prompt_messages(body.get("prompt"))
    else:
        messages = parse_messages(body, role="user")
    if messages:
        attributes["gen_ai.input.messages"] = _as_value(messages)
    else:
        attributes["kaname.gateway.input"] = text


def _prompt_messages(prompt: AttributeValue) -> list[Message]:
    prompts = prompt if isinstance(prompt, list) else [prompt]
    return [text_message("user", p) for p in prompts if isinstance(p, str)]


def _read_response(record: GatewayRecord) -> tuple[dict[str, AttributeValue], bool]:
    if record.response_format == "sse":
        response, complete = read_surface_stream(record.surface, record.response)
        # The end of a body that outgrew the record is missing here, not on the wire.
        return response, complete or (record.response_truncated and record.outcome == "ok")
    decoded = structured(record.response.decode("utf-8", "replace"))
    return (decoded if isinstance(decoded, dict) else {}), True


def _put_response(record: GatewayRecord, response: dict[str, AttributeValue], attributes: Attributes) -> None:
    usage = structured(record.usage.decode("utf-8", "replace")) if record.usage else None
    if not isinstance(usage, dict):
        usage = response.get("usage")
    if isinstance(usage, dict):  # of an answer given again: nothing was used
        attributes["kaname.gateway.cached_usage" if record.cache in CACHE_FLAGS else "kaname.gateway.usage"] = usage
    for key, name in (("model", "gen_ai.response.model"), ("id", "gen_ai.response.id")):
        if isinstance(value := response.get(key), str) and value:
            attributes.setdefault(name, value)
    if record.surface == "embeddings" and "error" not in response:
        return
    answers = response.keys() & {"choices", "content", "output"}
    messages = parse_messages(response, role="assistant") if answers else []
    if messages:
        attributes["gen_ai.output.messages"] = _as_value(messages)
    elif response:
        attributes["kaname.gateway.output"] = response
    elif record.response:
        attributes["kaname.gateway.output"] = record.response.decode("utf-8", "replace")


def _as_value(messages: list[Message]) -> AttributeValue:
    return [{**message} for message in messages]  # pyright: ignore[reportReturnType]
