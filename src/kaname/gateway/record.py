"""Turns a finished exchange into its `GatewayRecord`. Copies no body: slices only what is over the limit."""

from kaname.gateway.exchange import Exchange
from kaname.gateway.model import GatewayRecord

_CLIENT_CLOSED = 499
MAX_MESSAGE_CHARS = 2000


def build_record(exchange: Exchange, project_id: str, limit: int) -> GatewayRecord:
    """The record of a call by an authenticated caller."""
    context, caller, target, request = exchange.context, exchange.caller, exchange.target, exchange.request
    assert caller is not None
    sent = exchange.body
    return GatewayRecord(
        project_id=project_id,
        request_id=exchange.request_id,
        trace_id=context.trace_id,
        span_id=context.span_id,
        parent_span_id=context.parent_span_id,
        trace_flags=context.trace_flags,
        trace_state=context.trace_state,
        key_id=caller.id,
        key_name=caller.name,
        surface=exchange.surface,
        requested_model=request.model if request is not None else "",
        provider=target.target.provider if target is not None else "",
        provider_type=target.provider.type if target is not None else "",
        target_model=target.target.model if target is not None else "",
        config_version=exchange.config_version,
        start_ns=exchange.started_ns,
        duration_ns=exchange.elapsed_ns(),
        ttft_ns=exchange.ttft_ns,
        status=exchange.status or _CLIENT_CLOSED,
        outcome=exchange.outcome,
        error_type=exchange.error_type,
        error_code=exchange.error_code,
        error_message=exchange.error_message[:MAX_MESSAGE_CHARS],
        stream=request.stream if request is not None else False,
        finish_reasons=exchange.finish_reasons,
        usage=exchange.usage,
        response_model=exchange.response_model,
        response_id=exchange.response_id,
        request=sent if len(sent) <= limit else sent[:limit],
        request_bytes=len(sent),
        request_truncated=len(sent) > limit,
        response=exchange.response if len(exchange.response) <= limit else exchange.response[:limit],
        response_format=exchange.response_format,
        response_bytes=exchange.response_bytes,
        response_truncated=exchange.response_bytes > limit,
        environment=context.environment,
        session_id=context.session_id,
        user_id=context.user_id,
        tags=context.tags,
        metadata=context.metadata,
        client_retry_count=_retry_count(exchange.headers.get(b"x-stainless-retry-count")),
        attempts=exchange.attempts,
    )


def _retry_count(value: bytes | None) -> int:
    return int(value) if value is not None and value.isdigit() and len(value) < 4 else 0
