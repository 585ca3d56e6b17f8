"""Sampled copies of calls to a shadow target: what it would have answered, recorded beside what was answered.

A copy begins when the caller has its answer. It is charged to nobody, fills no cache, and is dropped when too many are
under way. Its record is a trace of its own, so that it distorts neither the caller's trace nor its session, and names
the call that it copies (`shadow_of`, metadata `shadow_of` and `shadow_of_trace`).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from random import Random

from kaname.gateway.attempts import CallFailedError
from kaname.gateway.decode import DecodedRequest
from kaname.gateway.error_shapes import as_wire
from kaname.gateway.exchange import Exchange, Message
from kaname.gateway.feedback import request_id_of
from kaname.gateway.model import GatewayRecord
from kaname.gateway.openai_errors import Headers
from kaname.gateway.pipeline import failed_reply, mark_incomplete
from kaname.gateway.plan import Plan
from kaname.gateway.ports import RecordSink
from kaname.gateway.record import complete_record, record_error
from kaname.gateway.sweep import Sweeper
from kaname.kernel.border import survive
from kaname.kernel.errors import KanameError

RunShadow = Callable[[Exchange, DecodedRequest, Plan], Awaitable[None]]

logger = logging.getLogger(__name__)


async def _hear_nothing() -> Message:
    raise NotImplementedError


async def _say_nothing(message: Message) -> None:
    """Nobody listens."""


class ShadowExchange(Exchange):
    """A call without a client: only its upstream is watched."""

    __slots__ = ()

    async def start(self, status: int, content_type: bytes, extra: Headers) -> None:
        """Notes the status."""
        self.record.status = status

    async def write(self, chunk: bytes, *, last: bool = False) -> None:
        """Nothing: the relay keeps what is recorded."""

    def reply_at_once(self, status: int, body: bytes, extra: Headers) -> bool:
        """Notes the status."""
        self.record.status = status
        return True

    def sweep(self, now: float) -> None:
        """Only the upstream's deadlines."""
        if self.response is not None:
            self.response.sweep(now)


class Mirrors:
    """Runs the copies. Belongs to one event loop."""

    def __init__(self, run: RunShadow, sink: RecordSink, sweeper: Sweeper, rng: Random, record_limit: int) -> None:
        self.dropped = 0
        self._run = run
        self._sink = sink
        self._sweeper = sweeper
        self._rng = rng
        self._record_limit = record_limit
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight: dict[str, int] = {}

    def offer(self, primary: Exchange) -> None:
        """Copies a call that is over, if its route mirrors and the draw says so."""
        choice, request = primary.choice, primary.request
        if choice is None or request is None or (mirror := choice.step.step.mirror) is None:
            return
        plan = choice.step.mirror
        if plan is None or self._rng.random() >= mirror.sample:
            return
        name = plan.route.name
        if self._in_flight.get(name, 0) >= mirror.max_in_flight:
            self.dropped += 1
            return
        self._in_flight[name] = self._in_flight.get(name, 0) + 1
        task = self._sweeper.loop.create_task(self._copy(primary.record, request, primary, plan))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Gives up what is under way."""
        for task in list(self._tasks):
            task.cancel()

    async def _copy(self, record: GatewayRecord, request: DecodedRequest, primary: Exchange, plan: Plan) -> None:
        shadow = self._exchange(record, primary)
        self._sweeper.add(shadow)
        try:
            with survive(logger, "mirroring a call"):
                await self._attempt(shadow, request, plan)
        finally:
            self._sweeper.discard(shadow)
            self._in_flight[plan.route.name] -= 1
            complete_record(shadow.record, shadow.elapsed_ns(), primary.body, self._record_limit)
            self._sink.put(shadow.record)

    async def _attempt(self, shadow: ShadowExchange, request: DecodedRequest, plan: Plan) -> None:
        try:
            await self._run(shadow, request, plan)
        except (KanameError, CallFailedError) as e:
            reply = failed_reply(e)
            if shadow.record.status:
                mark_incomplete(shadow, as_wire(reply))
            else:
                shadow.record.status, shadow.record.outcome = reply.status, "error"
                record_error(shadow.record, reply)

    def _exchange(self, primary: GatewayRecord, exchange: Exchange) -> ShadowExchange:
        ids = self._rng.getrandbits(192)
        span_id, trace_id = f"{(ids & ((1 << 64) - 1)) or 1:016x}", f"{(ids >> 64) or 1:032x}"
        record = GatewayRecord(
            project_id=primary.project_id,
            request_id=request_id_of(trace_id, span_id),
            trace_id=trace_id,
            span_id=span_id,
            key_id=primary.key_id,
            key_name=primary.key_name,
            surface=primary.surface,
            requested_model=primary.requested_model,
            stream=primary.stream,
            config_version=primary.config_version,
            environment=primary.environment,
            tags=[*primary.tags, "shadow"],
            metadata={**primary.metadata, "shadow_of_trace": primary.trace_id},
            shadow_of=primary.span_id,
            start_ns=time.time_ns(),
            duration_ns=0,
            status=0,
        )
        shadow = ShadowExchange(
            record, exchange.headers, receive=_hear_nothing, send=_say_nothing, sweeper=self._sweeper,
            write_timeout_s=60.0, errors=exchange.errors,
        )  # fmt: skip
        shadow.body, shadow.request = exchange.body, exchange.request
        return shadow
