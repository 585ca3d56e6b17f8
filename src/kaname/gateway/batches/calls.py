"""One request of a batch as a call of the gateway: same key, limits, budgets, guards, routes and records as any other.

It waits while the process is overloaded or the key's own limits are used up, as a client would that obeys
`Retry-After`; waiting leaves no record. Failures of upstreams are tried again a few times besides the route's own.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from kaname.gateway.attempts import CallFailedError
from kaname.gateway.batches.model import Batch, BatchLine
from kaname.gateway.caller_context import open_record
from kaname.gateway.config import GatewayConfig
from kaname.gateway.exchange import Message
from kaname.gateway.internal_calls import InternalExchange, Runs
from kaname.gateway.limits.costs import Used
from kaname.gateway.load_gate import LoadGate
from kaname.gateway.model import GatewayRecord
from kaname.gateway.openai_errors import ErrorReply
from kaname.gateway.pipeline import failed_reply
from kaname.gateway.ports import RecordSink
from kaname.gateway.record import complete_record, record_error
from kaname.gateway.surfaces import BY_PATH
from kaname.gateway.sweep import Sweeper
from kaname.kernel.errors import KanameError, RateLimitedError

TRIES = 4
_TRANSIENT = frozenset({429, 502, 503, 504})
_NEVER_FITS = "request_over_limit"
_LONGEST_UPSTREAM_WAIT_S = 60.0
_CROWDED_S = 0.25


class Answer(NamedTuple):
    """What a call came to. `retry_after_s`: that it may be made again then; `own_limit`: because of our own limits."""

    status: int
    request_id: str
    body: bytes
    retry_after_s: float | None = None
    own_limit: bool = False


async def _hear_nothing() -> Message:
    raise NotImplementedError


async def _say_nothing(message: Message) -> None:
    """Nobody listens."""


class Pause:
    """Until when no request of a batch may begin; times of the event loop."""

    def __init__(self) -> None:
        self._until = 0.0

    def extend(self, until: float) -> None:
        """Not before this."""
        self._until = max(self._until, until)

    async def wait(self) -> None:
        """Until it is over. A pause that grows meanwhile is met again at the next limit."""
        if (left := self._until - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(left)


class BatchCalls:
    """Makes them. Belongs to one event loop."""

    def __init__(
        self,
        runs: Runs,
        config: Callable[[], GatewayConfig],
        gate: LoadGate,
        sink: RecordSink,
        sweeper: Sweeper,
        record_limit: int,
        count: Callable[[GatewayRecord, Used | None], None],
        idle: Callable[[], None],
    ) -> None:
        self._runs = runs
        self._config = config
        self._gate = gate
        self._sink = sink
        self._sweeper = sweeper
        self._record_limit = record_limit
        self._count = count
        self._idle = idle

    @property
    def is_draining(self) -> bool:
        """Whether no call may begin any more."""
        return self._gate.is_draining

    async def make(self, batch: Batch, line: BatchLine, pause: Pause) -> Answer | None:
        """The final answer; None when the process ends before the call could be made."""
        tries = 0
        while True:
            await pause.wait()
            while (reason := self._gate.refusal()) is not None:
                if reason == "draining":
                    return None
                await asyncio.sleep(_CROWDED_S)
            answer = await self._make_once(batch, line)
            if answer.retry_after_s is None:
                return answer
            if answer.own_limit:
                pause.extend(self._sweeper.loop.time() + answer.retry_after_s)
                continue
            tries += 1
            if tries >= TRIES:
                return answer
            await asyncio.sleep(answer.retry_after_s * tries)

    async def _make_once(self, batch: Batch, line: BatchLine) -> Answer:
        self._gate.running += 1
        exchange = self._exchange(batch, line)
        record, waits = exchange.record, False
        self._sweeper.add(exchange)
        try:
            await self._runs.call(exchange, self._config())
            return Answer(record.status, record.request_id, exchange.answer)
        except (KanameError, CallFailedError) as e:
            waits = isinstance(e, RateLimitedError) and e.code != _NEVER_FITS
            reply = failed_reply(e)
            record.status, record.outcome = reply.status, "error"
            record_error(record, reply)
            wait_s = (e.retry_after_s or 1.0) if waits and isinstance(e, KanameError) else _upstream_wait(reply)
            return Answer(reply.status, record.request_id, reply.body(), wait_s, waits)
        except asyncio.CancelledError:
            record.outcome, record.error_code = "cancelled", "batch_stopped"
            raise
        finally:
            self._sweeper.discard(exchange)
            complete_record(record, exchange.elapsed_ns(), exchange.body, self._record_limit)
            used = self._runs.settle(exchange)
            if not waits:
                self._count(record, used)
                self._sink.put(record)
            self._gate.running -= 1
            if not self._gate.running:
                self._idle()

    def _exchange(self, batch: Batch, line: BatchLine) -> InternalExchange:
        record, owner = open_record(BY_PATH[batch.endpoint].name, {}), batch.owner
        record.project_id, record.key_id, record.key_name = owner.project_id, owner.key_id, owner.key_name
        record.tags = ["batch"]
        record.metadata = {"batch_id": batch.id, "custom_id": line.custom_id}
        exchange = InternalExchange(
            record, {}, receive=_hear_nothing, send=_say_nothing, sweeper=self._sweeper, write_timeout_s=3600.0
        )
        exchange.organization_id, exchange.answer, exchange.body = owner.organization_id, b"", line.body
        return exchange


def _upstream_wait(reply: ErrorReply) -> float | None:
    """How long to wait before a failure is tried again; None if it isn't."""
    headers = dict(reply.headers)
    if reply.status not in _TRANSIENT or headers.get(b"x-should-retry") == b"false":
        return None
    asked = headers.get(b"retry-after", b"1")
    return min(float(asked) if asked.isdigit() else 1.0, _LONGEST_UPSTREAM_WAIT_S)
