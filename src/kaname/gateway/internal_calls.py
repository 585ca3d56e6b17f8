"""Calls that the gateway makes to itself for another call: judges, and answers asked for again.

They run on the account of that call (its key, limits and budgets), in its trace as children, without guards of their
own, and leave records like any other.
"""

import random
import time
from collections.abc import Callable
from typing import Protocol

import orjson

from kaname.gateway.attempts import CallFailedError
from kaname.gateway.config import GatewayConfig
from kaname.gateway.exchange import Exchange, Message
from kaname.gateway.feedback import request_id_of
from kaname.gateway.guardrails.model import AskModel, Document
from kaname.gateway.limits.costs import Used
from kaname.gateway.model import GatewayRecord, Surface
from kaname.gateway.openai_errors import Headers, to_wire
from kaname.gateway.ports import RecordSink
from kaname.gateway.record import complete_record, record_error
from kaname.gateway.sweep import Sweeper
from kaname.kernel.errors import KanameError, UpstreamError


class Runs(Protocol):
    """What runs a call: the pipeline."""

    async def call(self, exchange: Exchange, config: GatewayConfig) -> None: ...

    def settle(self, exchange: Exchange) -> Used | None: ...


async def _hear_nothing() -> Message:
    raise NotImplementedError


async def _say_nothing(message: Message) -> None:
    """Nobody listens."""


class InternalExchange(Exchange):
    """A call whose client is the gateway: its answer is kept. Only its upstream is watched."""

    __slots__ = ("answer",)

    answer: bytes

    def reply_at_once(self, status: int, body: bytes, extra: Headers) -> bool:
        """Keeps the answer."""
        self.record.status, self.answer = status, body
        return True

    def sweep(self, now: float) -> None:
        """Only the upstream's deadlines."""
        if self.response is not None:
            self.response.sweep(now)


class InternalCalls:
    """Makes them. Belongs to one event loop."""

    def __init__(
        self,
        sink: RecordSink,
        sweeper: Sweeper,
        record_limit: int,
        count: Callable[[GatewayRecord, Used | None], None],
    ) -> None:
        self._sink = sink
        self._sweeper = sweeper
        self._record_limit = record_limit
        self._count = count

    async def make(
        self, runs: Runs, parent: Exchange, config: GatewayConfig, surface: Surface, document: Document
    ) -> bytes:
        """The body of the 200; raises KanameError for anything else."""
        exchange = self._exchange(parent, surface)
        exchange.body = orjson.dumps(document)
        record = exchange.record
        self._sweeper.add(exchange)
        try:
            await runs.call(exchange, config)
        except KanameError as e:
            _note(record, e)
            raise
        except CallFailedError as e:
            record.status, record.outcome = e.reply.status, "error"
            record_error(record, e.reply)
            raise UpstreamError("a call of the gateway to itself failed", code=e.reply.code or None) from e
        finally:
            self._sweeper.discard(exchange)
            complete_record(record, exchange.elapsed_ns(), exchange.body, self._record_limit)
            self._count(record, runs.settle(exchange))
            self._sink.put(record)
        return exchange.answer

    def _exchange(self, parent: Exchange, surface: Surface) -> InternalExchange:
        of = parent.record
        span_id = f"{random.getrandbits(64) or 1:016x}"
        record = GatewayRecord(
            project_id=of.project_id,
            request_id=request_id_of(of.trace_id, span_id),
            trace_id=of.trace_id,
            span_id=span_id,
            parent_span_id=of.span_id,
            key_id=of.key_id,
            key_name=of.key_name,
            surface=surface,
            environment=of.environment,
            session_id=of.session_id,
            user_id=of.user_id,
            start_ns=time.time_ns(),
            duration_ns=0,
            status=0,
        )
        exchange = InternalExchange(
            record, {}, receive=_hear_nothing, send=_say_nothing, sweeper=self._sweeper, write_timeout_s=3600.0
        )
        exchange.organization_id, exchange.is_internal, exchange.answer = parent.organization_id, True, b""
        return exchange


class CallsFor:
    """See `guardrails.run.Calls`."""

    __slots__ = ("_config", "_internal", "_parent", "_runs", "ask")

    def __init__(self, internal: InternalCalls, runs: Runs, parent: Exchange, config: GatewayConfig) -> None:
        self._internal = internal
        self._runs = runs
        self._parent = parent
        self._config = config
        self.ask: AskModel = self._ask

    async def _ask(self, document: Document, *, timeout_s: float) -> Document:
        answer: object = orjson.loads(
            await self._internal.make(self._runs, self._parent, self._config, "chat_completions", document)
        )
        return answer if isinstance(answer, dict) else {}  # pyright: ignore[reportUnknownVariableType]

    async def resend(self, document: Document) -> bytes | None:
        """See `guardrails.run.Calls`."""
        surface = self._parent.record.surface
        try:
            return await self._internal.make(self._runs, self._parent, self._config, surface, document)
        except KanameError:
            return None


def _note(record: GatewayRecord, error: KanameError) -> None:
    reply = to_wire(error)
    record.status, record.outcome = reply.status, "error"
    record_error(record, reply)
