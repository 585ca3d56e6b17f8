"""The order of things in one call: authenticate → decode → plan → reserve → attempts → answer or stream → settle.

They are functions called in this order, never a stack of middleware, whose cost is what makes such gateways slow.
Nothing here waits for a database or a file.
Invariants: every call of an authenticated caller is recorded exactly once, whatever happens; after the first byte of a
stream the target isn't changed; every response of the pool is released; what was reserved is settled exactly once.
"""

import asyncio
import time
from collections.abc import Mapping
from random import Random

from kaname.gateway.admission import Admission
from kaname.gateway.answer import error_in_success
from kaname.gateway.anthropic_errors import anthropic_headers
from kaname.gateway.attempts import Attempts, CallFailedError, Candidate, LiveAttempt, only_candidate
from kaname.gateway.cache.service import AnswerCache, Place
from kaname.gateway.call_request import read_request, refuse_unsupported, route_input
from kaname.gateway.caller_context import read_body, read_headers
from kaname.gateway.config import LOCAL, GatewayConfig
from kaname.gateway.decode import DecodedRequest, encode_document, encode_for_upstream
from kaname.gateway.delivery import answer_at_once, conclude, deliver_whole, pump
from kaname.gateway.dialects.messages_surface.count import count_response
from kaname.gateway.error_shapes import render_error
from kaname.gateway.exchange import Exchange
from kaname.gateway.failure import AttemptFailedError, failure_of
from kaname.gateway.guardrails.run import GuardRun
from kaname.gateway.internal_calls import CallsFor, InternalCalls
from kaname.gateway.limits.costs import Used
from kaname.gateway.limits.reservation import Reservation
from kaname.gateway.model import AttemptRecord
from kaname.gateway.opaque import OpaqueAnswer
from kaname.gateway.opaque_delivery import pass_on
from kaname.gateway.openai_errors import ErrorReply, WireError, to_wire
from kaname.gateway.opening import Opener, OpenStream, WholeAnswer
from kaname.gateway.pass_calls import admit_passed, head_passed, open_passed, record_passed
from kaname.gateway.passing import Passed
from kaname.gateway.plan import Choice, Plan, Planner
from kaname.gateway.planned_target import PlannedTarget
from kaname.gateway.pool import Origin, Pool
from kaname.gateway.ports import Caller, CallerKeys, LocalModels
from kaname.gateway.providers.model import OutgoingRequest
from kaname.gateway.providers.signing import Signers
from kaname.gateway.record import record_error
from kaname.gateway.settings import GatewaySettings
from kaname.gateway.surfaces import OPAQUE
from kaname.gateway.translation import translate
from kaname.gateway.upstream_response import Timeouts, UpstreamResponse
from kaname.gateway.wire import PASS_WIRE, Wire, form_head, id_lines, local_head, signed_head, version_headers
from kaname.kernel.errors import (
    KanameError,
    PermissionDeniedError,
    UpstreamError,
    UpstreamTimeoutError,
)

GATEWAY_CALL = "gateway:call"

Opened = WholeAnswer | OpenStream | OpaqueAnswer


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
        rng: Random,
        admission: Admission,
        cache: AnswerCache,
        internal: InternalCalls,
    ) -> None:
        self._loop = loop
        self._cache = cache
        self._internal = internal
        self._record_limit = settings.record_body_bytes
        self._settings = settings
        self._keys = keys
        self._planner = planner
        self._local_models = local_models
        self._pool = pool
        self._signers = Signers(pool, loop)
        self._opener = Opener(settings)
        self._forwards_trace = settings.forward_traceparent
        self._rng = rng
        self._admission = admission

    def authenticate(self, headers: Mapping[bytes, bytes], permission: str = GATEWAY_CALL) -> Caller:
        """The caller, who has a permission in a project; raises UnauthenticatedError or PermissionDeniedError."""
        caller = self._keys.authenticate(
            headers.get(b"authorization"),
            headers.get(b"x-api-key") or headers.get(b"api-key") or headers.get(b"x-goog-api-key"),
        )
        if permission not in caller.permissions or caller.project_id is None:
            raise PermissionDeniedError(
                f"this key doesn't have the permission {permission!r}", hint="Use a project API key that has it."
            )
        return caller

    async def call(self, exchange: Exchange, config: GatewayConfig) -> None:
        """From the body (already in `exchange.body`) to the last byte of the answer."""
        record = exchange.record
        read_headers(record, exchange.headers)
        if exchange.passed is not None:
            await self._call_passed(exchange, exchange.passed, config)
            return
        request = exchange.request = read_request(exchange)
        record.requested_model, record.stream = request.model, request.stream
        read_body(record, request.document)
        record.config_version = config.version
        plan = self._planner.plan(config, request.model)
        choice = self._choose(exchange, request, plan)
        self._admission.limits.use_defaults(config.key_defaults)
        reservation = exchange.reservation = self._admission.admit(
            record, exchange.organization_id, request.document, exchange.body, choice.primary[0],
            exchange.source, exchange.headers,
        )  # fmt: skip
        if reservation.downgrade_to:
            plan = self._planner.plan(config, reservation.downgrade_to)
            choice = self._choose(exchange, request, plan)
        if reservation.meters:
            exchange.limits = self._admission.limits.header_lines(reservation, anthropic=exchange.errors == "anthropic")
        exchange.drains = config.drain_on_disconnect
        if record.surface == "count_tokens" and not choice.primary[0].speaks("count_tokens"):
            await _count_tokens(exchange, request)
            return
        if plan.guards is not None and not exchange.is_internal:
            await exchange.into_task()
            await self._call_guarded(exchange, request, plan, choice, reservation, config)
            return
        if plan.route.cache is not None or b"idempotency-key" in exchange.headers:
            await self._serve(exchange, request, plan, choice, reservation)
        else:
            await self._attempt_all(exchange, request, plan, choice, reservation)

    async def _call_passed(self, exchange: Exchange, passed: Passed, config: GatewayConfig) -> None:
        """A native call to a provider."""
        exchange.record.config_version = config.version
        exchange.drains = config.drain_on_disconnect
        request, plan, choice, reservation = admit_passed(exchange, passed, config, self._planner, self._admission)
        exchange.request = request
        if reservation.meters:
            exchange.limits = self._admission.limits.header_lines(reservation, anthropic=exchange.errors == "anthropic")
        await self._attempt_all(exchange, request, plan, choice, reservation)

    async def _call_guarded(
        self, exchange: Exchange, request: DecodedRequest, plan: Plan, choice: Choice, reservation: Reservation,
        config: GatewayConfig,
    ) -> None:  # fmt: skip
        """The rest of a call whose route has guards."""
        assert plan.guards is not None
        record, target, body = exchange.record, choice.primary[0], exchange.body
        guards = exchange.guards = GuardRun(
            plan.guards, record, CallsFor(self._internal, self, exchange, config),
            lambda: self._admission.estimate_cost(record, request.document, body, target),
        )  # fmt: skip
        try:
            try:
                request = exchange.request = await guards.check_request(request)
            finally:
                if guards.recorded_body is not None:
                    exchange.body = guards.recorded_body
            await self._serve(exchange, request, plan, choice, reservation)
        except BaseException:
            guards.give_up()  # the client waits for its error
            raise
        exchange.unwatch()  # it has its answer and may leave
        await guards.finish()

    async def _serve(
        self, exchange: Exchange, request: DecodedRequest, plan: Plan, choice: Choice, reservation: Reservation
    ) -> None:
        """An answer from the cache or from upstream."""
        if (plan.route.cache is not None or b"idempotency-key" in exchange.headers) and request.form is None:
            await exchange.into_task()
            place = Place(plan.route, choice.step.index, choice.arm, plan.answer_timeouts.total_s)
            if await self._cache.serve(exchange, request, place):
                return
        await self._attempt_all(exchange, request, plan, choice, reservation)

    async def shadow(self, exchange: Exchange, request: DecodedRequest, plan: Plan) -> None:
        """A copy of a call, to a plan of one target; raises CallFailedError or KanameError."""
        assert plan.only is not None
        await self._attempt_all(exchange, request, plan, plan.only, None)

    def settle(self, exchange: Exchange) -> Used | None:
        """Counts the call and charges what it used, which it returns; its record is complete."""
        record, choice = exchange.record, exchange.choice
        if exchange.traffic is not None and choice is not None:
            worked = record.outcome in _NOT_FAILED
            exchange.traffic.count(self._loop.time(), record.duration_ns / 1e9, worked, choice.step.index, choice.arm)
        used = None
        if exchange.reservation is not None:
            used = self._admission.settle(record, exchange.reservation)
        if exchange.fill is not None:
            self._cache.finish(exchange)
        return used

    def _choose(self, exchange: Exchange, request: DecodedRequest, plan: Plan) -> Choice:
        refuse_unsupported(request, plan)
        exchange.traffic = plan.traffic
        if plan.only is not None:
            exchange.choice = plan.only
            return plan.only
        choice = exchange.choice = plan.choose(route_input(exchange, request), self._rng)
        if choice.arm:
            record = exchange.record
            record.arm, record.propensity, record.experiment = choice.arm, choice.propensity, choice.step.salt
        return choice

    # ---- attempts

    async def _attempt_all(
        self, exchange: Exchange, request: DecodedRequest, plan: Plan, choice: Choice, reservation: Reservation | None
    ) -> None:
        """Tries until an answer can begin, and delivers it; raises CallFailedError or KanameError."""
        timeouts = plan.stream_timeouts if request.stream else plan.answer_timeouts
        now = self._loop.time()
        deadline = now + timeouts.total_s
        admission, attempts = self._admission, None
        allowed = admission.filter_targets(reservation) if reservation is not None else None
        candidate = only_candidate(choice, now) if allowed is None else None
        if candidate is None:
            attempts = Attempts(plan, choice, self._rng, allowed=allowed, price_of=admission.price_of)
            candidate = attempts.first(now)
        while True:
            live = self._begin(exchange, candidate)
            if reservation is not None and reservation.limits.provider_budgets:
                admission.limits.begin_target(reservation, candidate.target.provider.name)
            try:
                opened, response = await self._open(exchange, request, candidate, live, timeouts, deadline)
            except AttemptFailedError as failure:
                if attempts is None:
                    attempts = Attempts(plan, choice, self._rng, price_of=admission.price_of)
                    attempts.resume(candidate)
                candidate = attempts.after(failure, self._loop.time(), deadline)
                if (wait_s := candidate.at - self._loop.time()) > 0:
                    exchange.response = None
                    await asyncio.sleep(wait_s)
                continue
            try:
                if type(opened) is not WholeAnswer or not answer_at_once(exchange, opened):
                    await self._deliver(exchange, opened, response, live)
            finally:
                live.close(self._loop.time())
                response.abort()
            return

    def _begin(self, exchange: Exchange, candidate: Candidate) -> LiveAttempt:
        record, target = exchange.record, candidate.target
        exchange.target = target
        record.provider, record.provider_type = target.provider.name, target.provider.type
        record.target_model = target.target.model
        attempt = AttemptRecord(
            target=target.name, key_name=candidate.key.key.name, start_ns=time.time_ns(), duration_ns=0
        )
        record.attempts.append(attempt)
        return LiveAttempt(candidate, attempt, self._loop.time())

    async def _open(
        self,
        exchange: Exchange,
        request: DecodedRequest,
        candidate: Candidate,
        live: LiveAttempt,
        timeouts: Timeouts,
        deadline: float,
    ) -> tuple[Opened, UpstreamResponse]:
        """One attempt up to the point where the answer can begin; raises AttemptFailedError for whatever goes wrong."""
        response: UpstreamResponse | None = None
        target, surface = candidate.target, exchange.record.surface
        try:
            wire = target.wire(surface, stream=request.stream) if exchange.passed is None else PASS_WIRE
            body = self._encode(exchange, request, target, wire)
            if target.has_fixed_head and exchange.passed is None and request.form is None:
                origin, head = target.head(surface, candidate.key.key, stream=request.stream)
            else:
                origin, head = await self._other_head(exchange, request, candidate, wire, body, deadline)
            if target.provider.type == "anthropic":
                head += version_headers(exchange.headers if wire.passes else {})
            traced = self._forwards_trace or target.provider.type == LOCAL
            head = b"%b%bcontent-length: %d\r\n\r\n" % (head, id_lines(exchange.record, traced=traced), len(body))
            sent = await self._pool.send(origin, head, body, timeouts, deadline, exchange, exchange.inline)
            response = sent.response
            attempt = live.record
            attempt.upstream_status = response.status
            attempt.reused_connection, attempt.stale_retries = sent.reused, sent.stale_retries
            if exchange.passed is not None:
                opened = await open_passed(response, self._settings, exchange)
            elif response.status != 200 or response.headers.get(b"content-encoding", b"identity") != b"identity":
                raise await self._opener.refuse(response, target, wire)
            elif surface in OPAQUE:
                opened = await self._opener.opaque(response, wire, request, surface)
            elif request.stream:
                strip = wire.passes and _strips_usage(request, target)
                opened = await self._opener.stream(response, wire, request, surface, strip_usage=strip)
            else:
                answer = response.take_whole(self._settings.max_response_bytes) or await self._opener.body(response)
                opened = self._opener.whole(answer, response.headers, wire, request, surface)
        except BaseException as e:
            if response is not None:
                response.abort()
            failure = e if isinstance(e, AttemptFailedError) else failure_of(e) if isinstance(e, KanameError) else None
            if failure is not None:
                live.record.error_code = failure.reply.code or failure.kind
                live.failed(self._loop.time(), failure)
            live.close(self._loop.time())
            if failure is None or failure is e:
                raise
            raise failure from e
        live.succeeded(self._loop.time())
        return opened, response

    def _encode(self, exchange: Exchange, request: DecodedRequest, target: PlannedTarget, wire: Wire) -> bytes:
        """The request's body for a target."""
        if exchange.passed is not None:
            return request.body
        if wire.passes:
            surface = exchange.record.surface
            add_usage = request.stream and surface in _HAS_USAGE_OPTION and _strips_usage(request, target)
            return encode_for_upstream(request, target.target.model, target.target.overrides, add_usage=add_usage)
        body, warnings = translate(request, target, wire)
        exchange.record.warnings = warnings
        return body

    async def _other_head(
        self,
        exchange: Exchange,
        request: DecodedRequest,
        candidate: Candidate,
        wire: Wire,
        body: bytes,
        deadline: float,
    ) -> tuple[Origin, bytes]:
        """Where the request goes and its head, where that isn't the same for every call."""
        target, key = candidate.target, candidate.key.key
        if target.provider.type == LOCAL:
            await exchange.into_task()
            return await self._local_head(target, wire, deadline)
        passed, path = exchange.passed, wire.path
        if passed is None:
            origin, head = target.head(exchange.record.surface, key, stream=request.stream)
        else:
            origin, head, path = head_passed(passed, target, key.secret, exchange.headers)
        if request.form is not None:
            head = form_head(head, request.form.content_type)
        if target.adapter.signer is not None:
            url = target.provider.base_url
            assert url is not None
            await exchange.into_task()
            outgoing = OutgoingRequest(url.host_header, url.path + path, body, "application/json")
            signer = self._signers.of(target.adapter)
            head = signed_head(head, await signer.headers(outgoing, key.secret, target.provider.options))
        return origin, head

    async def _local_head(self, target: PlannedTarget, wire: Wire, deadline: float) -> tuple[Origin, bytes]:
        try:
            async with asyncio.timeout_at(deadline):
                endpoint = await self._local_models.endpoint(target.target.model)
        except TimeoutError as e:
            raise UpstreamTimeoutError(f"local model {target.target.model!r} didn't start in time") from e
        return local_head(endpoint, wire.path)

    # ---- delivery

    async def _deliver(self, exchange: Exchange, opened: Opened, response: UpstreamResponse, live: LiveAttempt) -> None:
        if isinstance(opened, WholeAnswer):
            await deliver_whole(exchange, opened)
            return
        if isinstance(opened, OpaqueAnswer):
            await self._deliver_opaque(exchange, opened, response, live)
            return
        record, guards = exchange.record, exchange.guards
        record.usage_format = opened.usage_format
        if guards is not None:
            opened = guards.open_stream(opened, self._record_limit)
        await exchange.start(200, b"text/event-stream", [(b"cache-control", b"no-cache"), *opened.headers])
        record.response_format = "sse"
        failure = None
        relay = opened.relay
        try:
            failure = await pump(exchange, response, opened)
            if guards is not None and failure is None:
                failure = await conclude(exchange, guards)
        finally:
            if guards is not None:
                guards.end_stream()
            end = relay.end()
            record.usage, record.finish_reasons = end.usage, end.finish_reasons
            record.response, record.response_bytes = relay.head(), relay.sent_bytes
            record.malformed_events = relay.malformed
        if end.error is not None:
            live.failed_late(self._loop.time())
            mark_incomplete(exchange, to_wire(error_in_success(end.error)))
            await exchange.write(b"", last=True)
        elif end.done or (failure is None and end.finish_reasons):
            await exchange.write(b"", last=True)
        else:
            if failure is None or failure.code != "guardrail_failed":
                live.failed_late(self._loop.time())
            wire = to_wire(failure or UpstreamError("the upstream's stream ended too early", code="upstream_cut"))
            live.record.error_code = wire.code or ""
            mark_incomplete(exchange, wire)
            await exchange.write(relay.error(wire), last=True)

    async def _deliver_opaque(
        self, exchange: Exchange, opened: OpaqueAnswer, response: UpstreamResponse, live: LiveAttempt
    ) -> None:
        """After a failure the body is left without its end, so that the server closes the connection."""
        failure = await pass_on(exchange, response, opened)
        if exchange.passed is not None:
            record_passed(exchange, opened, self._record_limit)
        if failure is None:
            await exchange.write(b"", last=True)
            return
        live.failed_late(self._loop.time())
        live.record.error_code = failure.code or ""
        mark_incomplete(exchange, to_wire(failure))


async def send_error(exchange: Exchange, error: ErrorReply) -> None:
    """Ends a call that hasn't begun to answer."""
    record = exchange.record
    body = render_error(error, exchange.errors, record.request_id)
    record.outcome = "error"
    record_error(record, error)
    record.response, record.response_bytes, record.response_format = body, len(body), "json"
    headers = anthropic_headers(error.headers, time.time()) if exchange.errors == "anthropic" else error.headers
    await exchange.reply(error.status, body, headers)


def mark_incomplete(exchange: Exchange, error: WireError) -> None:
    """Records that the answer began and then failed."""
    exchange.record.outcome = "incomplete"
    record_error(exchange.record, error)


def failed_reply(error: CallFailedError | KanameError) -> ErrorReply:
    """What the client gets for a call that failed."""
    return error.reply if isinstance(error, CallFailedError) else to_wire(error)


_NOT_FAILED = frozenset({"ok", "cancelled"})
_HAS_USAGE_OPTION = frozenset({"chat_completions", "completions"})


async def _count_tokens(exchange: Exchange, request: DecodedRequest) -> None:
    """Answers for a target that can't count."""
    exchange.record.warnings = ["input_tokens: estimated from the size of the text"]
    body = encode_document(count_response(request.document))
    exchange.record.response, exchange.record.response_bytes, exchange.record.response_format = body, len(body), "json"
    await exchange.reply(200, body, [])


def _strips_usage(request: DecodedRequest, target: PlannedTarget) -> bool:
    return not request.wants_usage and target.provider.stream_usage
