"""The order of things in one call: authenticate → decode → plan → attempt → answer or stream → record.

Limits are reserved after `decode`, input guardrails and the cache follow them; output guardrails see what `answer` or
`relay` is about to send; settlement comes before the record. They are functions called at those places, never a stack
of middleware, whose cost is what makes such gateways slow. Nothing here waits for a database or a file.
Invariants: every call of an authenticated caller is recorded exactly once, whatever happens; after the first byte of a
stream the target isn't changed; every response of the pool is released.
"""

import asyncio
import time

from kaname.gateway.answer import error_in_success, forwarded_headers, read_answer, read_error
from kaname.gateway.caller_context import read_body, read_headers
from kaname.gateway.config import LOCAL, GatewayConfig
from kaname.gateway.decode import DecodedRequest, decode_request, encode_for_upstream
from kaname.gateway.exchange import Exchange
from kaname.gateway.model import AttemptRecord
from kaname.gateway.openai_errors import ErrorReply, to_wire
from kaname.gateway.plan import Plan, PlannedTarget, Planner, local_head
from kaname.gateway.pool import Origin, Pool, Sent
from kaname.gateway.ports import Caller, CallerKeys, LocalModels
from kaname.gateway.record import record_error
from kaname.gateway.settings import GatewaySettings
from kaname.gateway.stream import EventRelay, event_data, first_error, looks_like_events, split_events
from kaname.gateway.upstream_response import UpstreamResponse
from kaname.kernel.errors import (
    InvalidInputError,
    KanameError,
    PermissionDeniedError,
    UpstreamError,
    UpstreamTimeoutError,
)

GATEWAY_CALL = "gateway:call"
MAX_HELD_BYTES = 256 * 1024
AFTER_DONE_S = 1.0


class Pipeline:
    """Runs calls. Belongs to one event loop."""

    def __init__(
        self,
        *,
        keys: CallerKeys,
        planner: Planner,
        local_models: LocalModels,
        pool: Pool,
        settings: GatewaySettings,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._loop = loop
        self._keys = keys
        self._planner = planner
        self._local_models = local_models
        self._pool = pool
        self._settings = settings

    def authenticate(self, headers: dict[bytes, bytes]) -> Caller:
        """The caller, who may call the gateway for a project; raises UnauthenticatedError or PermissionDeniedError."""
        caller = self._keys.authenticate(
            headers.get(b"authorization"), headers.get(b"x-api-key") or headers.get(b"api-key")
        )
        if GATEWAY_CALL not in caller.permissions or caller.project_id is None:
            raise PermissionDeniedError(
                f"this key doesn't have the permission {GATEWAY_CALL!r}", hint="Use a project API key that has it."
            )
        return caller

    async def call(self, exchange: Exchange, config: GatewayConfig) -> None:
        """From the body (already in `exchange.body`) to the last byte of the answer."""
        record = exchange.record
        read_headers(record, exchange.headers)
        request = exchange.request = decode_request(record.surface, exchange.body)
        record.requested_model, record.stream = request.model, request.stream
        read_body(record, request.document)
        record.config_version = config.version
        plan = self._planner.plan(config, request.model)
        _refuse_unsupported(request, plan)
        # One target today. Retries and fallback loop over `plan.targets` here, until the stream has begun.
        target = exchange.target = plan.targets[0]
        record.provider, record.provider_type = target.provider.name, target.provider.type
        record.target_model = target.target.model
        sent, attempt = await self._attempt(exchange, request, plan, target)
        response = sent.response
        try:
            if response.status != 200 or response.headers.get(b"content-encoding", b"identity") != b"identity":
                await self._refuse(exchange, target, response)
            elif request.stream:
                await self._relay(exchange, request, response, strip_usage=_strips_usage(request, target))
            else:
                await self._answer(exchange, response)
            attempt.error_code = record.error_code
        except KanameError as e:
            attempt.error_code = e.code
            raise
        finally:
            attempt.duration_ns = time.time_ns() - attempt.start_ns
            response.abort()

    async def _attempt(
        self, exchange: Exchange, request: DecodedRequest, plan: Plan, target: PlannedTarget
    ) -> tuple[Sent, AttemptRecord]:
        """Sends the request to a target; returns when the headers of the answer are in."""
        timeouts = plan.stream_timeouts if request.stream else plan.answer_timeouts
        deadline = self._loop.time() + timeouts.total_s
        key = target.key()
        attempt = AttemptRecord(
            target=target.name,
            key_name=key.name if key is not None else "",
            start_ns=time.time_ns(),
            duration_ns=0,
        )
        exchange.record.attempts.append(attempt)
        try:
            if target.provider.type == LOCAL:
                origin, head = await self._local_head(exchange, target, deadline)
            else:
                origin, head = target.head(exchange.record.surface, key)
            add_usage = request.stream and _strips_usage(request, target)
            body = encode_for_upstream(request, target.target.model, add_usage=add_usage)
            sent = await self._pool.send(
                origin, b"%b%d\r\n\r\n" % (head, len(body)), body, timeouts, deadline, exchange
            )
        except KanameError as e:
            attempt.duration_ns = time.time_ns() - attempt.start_ns
            attempt.error_code = e.code
            raise
        attempt.upstream_status = sent.response.status
        attempt.reused_connection = sent.reused
        attempt.stale_retries = sent.stale_retries
        return sent, attempt

    async def _local_head(self, exchange: Exchange, target: PlannedTarget, deadline: float) -> tuple[Origin, bytes]:
        try:
            async with asyncio.timeout_at(deadline):
                endpoint = await self._local_models.endpoint(target.target.model)
        except TimeoutError as e:
            raise UpstreamTimeoutError(f"local model {target.target.model!r} didn't start in time") from e
        return local_head(endpoint, exchange.record.surface)

    async def _refuse(self, exchange: Exchange, target: PlannedTarget, response: UpstreamResponse) -> None:
        """For an answer that isn't a plain 200."""
        if response.status == 200:
            raise UpstreamError("the upstream sent a compressed answer unasked", code="upstream_invalid_response")
        body = await response.read_all(self._settings.max_response_bytes)
        await send_error(
            exchange, read_error(response.status, response.headers, body, local=target.provider.type == LOCAL)
        )

    async def _answer(self, exchange: Exchange, response: UpstreamResponse) -> None:
        body = await response.read_all(self._settings.max_response_bytes)
        answer = read_answer(body)
        record = exchange.record
        record.usage, record.response_model, record.response_id = answer.usage, answer.model, answer.id
        record.finish_reasons = answer.finish_reasons
        record.response, record.response_bytes, record.response_format = body, len(body), "json"
        await exchange.reply(200, body, forwarded_headers(response.headers))

    # ---- streams

    async def _relay(
        self, exchange: Exchange, request: DecodedRequest, response: UpstreamResponse, *, strip_usage: bool
    ) -> None:
        relay = EventRelay(
            strip_usage=strip_usage,
            max_event_bytes=self._settings.max_event_bytes,
            record_limit=self._settings.record_body_bytes,
        )
        events = await self._first_events(response, relay)
        headers = [(b"cache-control", b"no-cache"), *forwarded_headers(response.headers)]
        await exchange.start(200, b"text/event-stream", headers)
        record = exchange.record
        record.response_format = "sse"
        try:
            failure = await _pump(exchange, response, relay, events)
        finally:
            end = relay.end()
            record.usage, record.finish_reasons = end.usage, end.finish_reasons
            record.response, record.response_bytes = relay.head(), relay.sent_bytes
        if end.error is not None:
            mark_incomplete(exchange, to_wire(error_in_success(end.error)))
            await exchange.write(b"", last=True)
        elif end.done or (failure is None and end.finish_reasons):
            await exchange.write(b"", last=True)
        else:
            wire = to_wire(failure or UpstreamError("the upstream's stream ended too early", code="upstream_cut"))
            mark_incomplete(exchange, wire)
            await exchange.write(b"data: " + wire.body() + b"\n\n", last=True)

    async def _first_events(self, response: UpstreamResponse, relay: EventRelay) -> bytes:
        """Waits for the first event with data, so that a failure before it is still a plain HTTP error."""
        chunk = await response.next_chunk()
        if not _is_event_stream(response) and not looks_like_events(chunk):
            raise await self._not_a_stream(response, chunk)
        held = b""
        while True:
            held += relay.feed(chunk) if chunk else relay.finish()
            if len(held) > MAX_HELD_BYTES or any(event_data(event) for event in split_events(held)):
                break
            if not chunk:
                raise UpstreamError("the upstream's stream was empty", code="upstream_invalid_response")
            chunk = await response.next_chunk()
        error = first_error(held)
        if error is not None:
            raise error_in_success(error)
        return held

    async def _not_a_stream(self, response: UpstreamResponse, beginning: bytes) -> UpstreamError:
        rest = await response.read_all(self._settings.max_response_bytes) if beginning else b""
        read_answer(beginning + rest)  # raises what an answer of that kind deserves
        return UpstreamError("the upstream didn't stream although it was asked to", code="upstream_invalid_response")


async def _pump(exchange: Exchange, response: UpstreamResponse, relay: EventRelay, events: bytes) -> KanameError | None:
    """Passes events on until the upstream ends; returns the failure that ended it, or None for a clean end."""
    while True:
        if exchange.record.ttft_ns is None and relay.content_seen:
            exchange.record.ttft_ns = exchange.elapsed_ns()
        if events:
            await exchange.write(events)
            if relay.done:
                response.expect_end(AFTER_DONE_S)
        try:
            chunk = await response.next_chunk()
            events = relay.feed(chunk) if chunk else relay.finish()
        except KanameError as e:
            return e
        if not chunk:
            if events:
                await exchange.write(events)
            return None


async def send_error(exchange: Exchange, error: ErrorReply) -> None:
    """Ends a call that hasn't begun to answer."""
    body, record = error.body(), exchange.record
    record.outcome = "error"
    record_error(record, error)
    record.response, record.response_bytes, record.response_format = body, len(body), "json"
    await exchange.reply(error.status, body, error.headers)


def mark_incomplete(exchange: Exchange, error: ErrorReply) -> None:
    """Records that the answer began and then failed."""
    exchange.record.outcome = "incomplete"
    record_error(exchange.record, error)


def _refuse_unsupported(request: DecodedRequest, plan: Plan) -> None:
    choice = request.document.get("tool_choice")
    if plan.route.tools is False and (choice == "required" or isinstance(choice, dict)):
        raise InvalidInputError(
            f"model {request.model!r} can't be made to call a tool", code="unsupported_parameter", param="tool_choice",
            hint="Use another model, or leave `tool_choice` out.",
        )  # fmt: skip


def _strips_usage(request: DecodedRequest, target: PlannedTarget) -> bool:
    return not request.wants_usage and target.provider.stream_usage


def _is_event_stream(response: UpstreamResponse) -> bool:
    return response.headers.get(b"content-type", b"").lower().startswith(b"text/event-stream")
