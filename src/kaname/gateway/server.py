"""The gateway as a raw ASGI application: `/v1/*` on the OpenAI wire, no framework.

It dispatches, reads bounded bodies, and makes sure that every call ends in exactly one answer and one record. What a
call does is in `pipeline.py`. Bodies, prompts and credentials are never logged.
Must run in one event loop: `start` before the first request, `close` after the last.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, cast

import orjson
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from kaname.gateway.admission import Admission
from kaname.gateway.attempts import CallFailedError
from kaname.gateway.bandits import BanditBook, RewardSource
from kaname.gateway.batches.calls import BatchCalls
from kaname.gateway.batches.ports import BatchService, is_batch_path
from kaname.gateway.cache.embedder import LocalEmbedder
from kaname.gateway.cache.service import AnswerCache
from kaname.gateway.cache.store import AnswerStore
from kaname.gateway.call_metrics import CallMetrics
from kaname.gateway.caller_context import open_record
from kaname.gateway.canaries.book import CanaryBook
from kaname.gateway.config_file import ConfigFile
from kaname.gateway.decode import decompress, too_large
from kaname.gateway.error_shapes import as_wire
from kaname.gateway.exchange import Exchange, Message, Receive, Send
from kaname.gateway.feedback import (
    CORS_HEADERS,
    FEEDBACK_PATH,
    FEEDBACK_WRITE,
    MAX_FEEDBACK_BYTES,
    read_feedback,
)
from kaname.gateway.health import HealthBook
from kaname.gateway.inline_call import InlineCall
from kaname.gateway.internal_calls import InternalCalls
from kaname.gateway.load_gate import LoadGate, draining, refuse
from kaname.gateway.metrics_report import report_cache, report_calls, report_upstreams
from kaname.gateway.mirror import Mirrors
from kaname.gateway.models_list import ModelsList
from kaname.gateway.openai_errors import ErrorReply, WireError, internal_error, to_wire
from kaname.gateway.passing import METHODS, PREFIX, read_target
from kaname.gateway.pipeline import Pipeline, failed_reply, mark_incomplete, send_error
from kaname.gateway.plan import Planner
from kaname.gateway.pool import Pool
from kaname.gateway.ports import Caller, CallerKeys, FeedbackWriter, LocalModels, RecordSink
from kaname.gateway.record import complete_record
from kaname.gateway.settings import GatewaySettings
from kaname.gateway.stream import CHAT_STREAM
from kaname.gateway.stream_dialects import STREAM_DIALECTS
from kaname.gateway.surfaces import BY_PATH, error_style
from kaname.gateway.sweep import Sweeper
from kaname.kernel.errors import InvalidInputError, KanameError, NotFoundError
from kaname.kernel.exposition import Exposition

Scope = Mapping[str, Any]  # the type that the ASGI specification gives

_MODELS = "/v1/models"
_BY_DIRECT_PATH = {path.encode(): surface for path, surface in BY_PATH.items()}
_DIRECT_PATHS = frozenset(_BY_DIRECT_PATH)

logger = logging.getLogger(__name__)


class GatewayApp:
    """ASGI application. `config` is watched for changes while started."""

    def __init__(
        self,
        *,
        keys: CallerKeys,
        config: ConfigFile,
        record_sink: RecordSink,
        local_models: LocalModels,
        settings: GatewaySettings,
        admission: Admission,
        feedback: FeedbackWriter,
        rewards: RewardSource,
        answers: AnswerStore | None = None,
        batches: BatchService | None = None,
        canaries: CanaryBook | None = None,
    ) -> None:
        self.config = config
        self._admission = admission
        self._feedback = feedback
        self._batches = batches
        self._answers = answers or AnswerStore(None, max_bytes=settings.cache_bytes, max_entries=settings.cache_entries)
        self.cache: AnswerCache | None = None
        """Kept answers; None before `start`."""
        self._keys = keys
        self._sink = record_sink
        self._settings = settings
        self._rng = Random()  # noqa: S311 - routing and jitter, not secrets
        self.health = HealthBook(self._rng)
        self.bandits = BanditBook(rewards, settings.bandit_interval_s)
        self._planner = Planner(local_models, self.health, self.bandits, canaries)
        self._models = ModelsList(self._planner, local_models, admission.limits, admission.prices)
        self._local_models = local_models
        self._pipeline: Pipeline | None = None
        self._pool: Pool | None = None
        self._sweeper: Sweeper | None = None
        self._mirrors: Mirrors | None = None
        self._gate: LoadGate | None = None
        self._watchers: list[asyncio.Task[None]] = []
        self._idle = asyncio.Event()
        self.metrics = CallMetrics()

    async def start(self) -> None:
        """Binds to the running event loop. Idempotent."""
        if self._pipeline is None:
            self._bind(asyncio.get_running_loop())

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeper = Sweeper(loop)
        self._gate = LoadGate(self._sweeper, self._settings.max_in_flight, self._settings.max_loop_lag_s)
        self._pool = Pool(loop, idle_connection_s=self._settings.idle_connection_s)
        embedder = LocalEmbedder(self._local_models, self._pool, loop)
        self.cache = AnswerCache(self._answers, embedder, loop)
        self._answers.start()
        self._pipeline = Pipeline(
            keys=self._keys,
            planner=self._planner,
            local_models=self._local_models,
            pool=self._pool,
            settings=self._settings,
            loop=loop,
            rng=self._rng,
            admission=self._admission,
            cache=self.cache,
            internal=InternalCalls(self._sink, self._sweeper, self._settings.record_body_bytes, self.metrics.count),
        )
        self._mirrors = Mirrors(
            self._pipeline.shadow, self._sink, self._sweeper, self._rng, self._settings.record_body_bytes
        )
        if self._batches is not None:
            self._batches.start(
                BatchCalls(
                    self._pipeline, lambda: self.config.current, self._gate, self._sink, self._sweeper,
                    self._settings.record_body_bytes, self.metrics.count, self._idle.set,
                )
            )  # fmt: skip
        self._watchers = [
            loop.create_task(self.config.watch(self._settings.reload_interval_s)),
            loop.create_task(self.bandits.follow()),
        ]

    @property
    def running(self) -> int:
        """Calls under way."""
        return self._gate.running if self._gate is not None else 0

    @property
    def is_draining(self) -> bool:
        """Whether new calls are refused because the process ends."""
        return self._gate is not None and self._gate.is_draining

    def begin_drain(self) -> None:
        """Refuses new calls from now on."""
        if self._gate is not None:
            self._gate.is_draining = True

    def report(self, out: Exposition) -> None:
        """Writes everything it counts; from the event loop."""
        report_calls(out, self.metrics)
        pool, sweeper = self._pool, self._sweeper
        if pool is None or sweeper is None:
            return
        out.add("kaname_gateway_in_flight", "gauge", "Calls under way.", self.running)
        out.add("kaname_gateway_loop_lag_seconds", "gauge", "How late the event loop is.", sweeper.lag_s)
        report_upstreams(out, self.health, pool, sweeper.loop.time())
        if self.cache is not None:
            report_cache(out, self.cache.stats())
        dropped = self._mirrors.dropped if self._mirrors is not None else 0
        out.add("kaname_gateway_mirrors_dropped_total", "counter", "Copies of calls that weren't made.", dropped)

    async def close(self, grace_s: float = 10.0) -> None:
        """Refuses new calls, lets the present ones end for `grace_s`, then closes the upstream connections."""
        self.begin_drain()
        for watcher in self._watchers:
            watcher.cancel()
        if self.running:
            self._idle.clear()
            try:
                async with asyncio.timeout(grace_s):
                    await self._idle.wait()
            except TimeoutError:
                logger.warning("%d calls were still running when the gateway closed", self.running)
        if self._batches is not None:
            await self._batches.close()
        if self._mirrors is not None:
            self._mirrors.close()
        if self._pool is not None:
            self._pool.close()
        self._answers.close()
        self._sink.flush()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        surface = BY_PATH.get(scope["path"])
        pipeline, sweeper, gate = self._pipeline, self._sweeper, self._gate
        if pipeline is None or sweeper is None or gate is None:
            await self.start()
            await self(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        passes = surface is None and scope["path"].startswith(PREFIX)
        exchange = Exchange(
            open_record(surface.name if surface is not None else "pass" if passes else "chat_completions", headers),
            headers,
            receive=receive,
            send=send,
            sweeper=sweeper,
            write_timeout_s=self._settings.write_timeout_s,
            errors=surface.errors if surface is not None else error_style(scope["path"]),
        )
        exchange.source = scope
        if passes:
            if not await _begin_pass(exchange, scope):
                return
        elif surface is None or scope["method"] != "POST":
            await self._serve_other(exchange, pipeline, scope, receive)
            return
        if (reason := gate.refusal()) is not None:
            self.metrics.refused[reason] += 1
            await refuse(exchange, send, reason)
            return
        gate.running += 1
        try:
            await self._serve_call(exchange, pipeline, receive)
        finally:
            gate.running -= 1
            if not gate.running:
                self._idle.set()

    # ---- calls

    @property
    def direct_paths(self) -> frozenset[bytes]:
        """Request targets of calls, for a server that hands them over without ASGI."""
        return _DIRECT_PATHS

    def direct(
        self,
        path: bytes,
        headers: dict[bytes, bytes],
        body: bytes,
        cycle: RequestResponseCycle,
        on_end: Callable[[object], object],
    ) -> Exchange | None:
        """Serves a call whose body is here; its answer goes through the cycle. See `app/direct_calls.py`."""
        if self._pipeline is None:
            self._bind(asyncio.get_running_loop())
        sweeper = self._sweeper
        assert sweeper is not None
        surface, inline = _BY_DIRECT_PATH[path], InlineCall(sweeper.loop, on_end)
        exchange = Exchange(
            open_record(surface.name, headers), headers, receive=cast("Receive", cycle.receive),
            send=cast("Send", cycle.send), sweeper=sweeper, write_timeout_s=self._settings.write_timeout_s,
            errors=surface.errors, inline=inline,
        )  # fmt: skip
        exchange.body, exchange.source = body, cycle
        inline.owner = exchange
        inline.start(self._serve_direct(exchange, cycle))
        return exchange if inline.is_running else None

    async def _serve_direct(self, exchange: Exchange, cycle: RequestResponseCycle) -> None:
        pipeline, gate = self._pipeline, self._gate
        assert pipeline is not None
        assert gate is not None
        try:
            if (reason := gate.refusal()) is not None:
                self.metrics.refused[reason] += 1
                await refuse(exchange, cast("Send", cycle.send), reason)
                return
            gate.running += 1
            try:
                await self._serve_call(exchange, pipeline, None)
            finally:
                gate.running -= 1
                if not gate.running:
                    self._idle.set()
        finally:
            if not cycle.response_complete and not cycle.disconnected:
                cycle.transport.close()
            cycle.on_response = _nothing  # it holds the connection, which holds the cycle

    async def _serve_call(self, exchange: Exchange, pipeline: Pipeline, receive: Receive | None) -> None:
        record = exchange.record
        try:
            try:
                caller = pipeline.authenticate(exchange.headers)
                record.project_id, record.key_id, record.key_name = caller.project_id or "", caller.id, caller.name
                exchange.organization_id = caller.organization_id or ""
                if receive is not None:
                    await self._receive_body(exchange, receive)
                elif len(exchange.body) > self._settings.max_body_bytes:
                    raise too_large(self._settings.max_body_bytes)
                exchange.watch()
                await pipeline.call(exchange, self.config.current)
            except (KanameError, CallFailedError) as e:
                await self._fail(exchange, failed_reply(e))
            except Exception:  # border: HTTP
                logger.exception("gateway call %s failed", exchange.record.request_id)
                await self._fail(exchange, internal_error())
        except asyncio.CancelledError:
            if not exchange.gone:  # the server ends and can't wait any longer
                await self._fail(exchange, to_wire(draining()))
            exchange.uncancel()
        finally:
            if exchange.gone and record.outcome == "ok":
                record.outcome = "cancelled"
                record.error_code = "client_disconnected" if exchange.gone == "left" else "client_stalled"
            exchange.unwatch()
            if record.project_id:
                complete_record(record, exchange.elapsed_ns(), exchange.body, self._settings.record_body_bytes)
                self.metrics.count(record, pipeline.settle(exchange))
                self._sink.put(record)
                choice = exchange.choice
                if choice is not None and choice.step.mirror is not None and self._mirrors is not None:
                    self._mirrors.offer(exchange)

    async def _fail(self, exchange: Exchange, error: ErrorReply) -> None:
        """Answers with an error, in the way that is still possible."""
        if not exchange.record.status:
            await send_error(exchange, error)
            return
        wire = as_wire(error)
        mark_incomplete(exchange, wire)
        if exchange.record.response_format == "sse":
            dialect = STREAM_DIALECTS.get(exchange.record.surface, CHAT_STREAM)
            await exchange.write(dialect.error_event(wire), last=True)

    async def _receive_body(self, exchange: Exchange, receive: Receive) -> None:
        message = await receive()
        exchange.body = message.get("body", b"")
        if message.get("more_body") or b"content-encoding" in exchange.headers:
            exchange.body = await self._read_body(exchange.body, message, exchange.headers, receive)
        elif len(exchange.body) > self._settings.max_body_bytes:
            raise too_large(self._settings.max_body_bytes)

    async def _read_body(
        self, body: bytes, message: Message, headers: Mapping[bytes, bytes], receive: Receive
    ) -> bytes:
        """Everything but the usual case of a short plain body."""
        limit = self._settings.max_body_bytes
        length = headers.get(b"content-length")
        if length is not None and length.isdigit() and int(length[:20]) > limit:
            raise too_large(limit)
        if message.get("more_body"):
            try:
                async with asyncio.timeout(self._settings.body_timeout_s):
                    body = await _read_rest(body, receive, limit)
            except TimeoutError as e:
                raise InvalidInputError(
                    f"the request body didn't arrive within {self._settings.body_timeout_s:g} s",
                    hint="Send it faster.", code="request_timeout", param="body",
                ) from e  # fmt: skip
        if len(body) > limit:
            raise too_large(limit)
        encoding = headers.get(b"content-encoding", b"").strip().lower()
        return body if encoding in (b"", b"identity") else decompress(body, encoding, limit)

    # ---- everything else

    async def _serve_other(self, exchange: Exchange, pipeline: Pipeline, scope: Scope, receive: Receive) -> None:
        path, method = cast("str", scope["path"]), cast("str", scope["method"])
        try:
            if path in BY_PATH:
                await _refuse_method(exchange, path, method, b"POST")
                return
            if path == FEEDBACK_PATH:
                await self._serve_feedback(exchange, pipeline, method, receive)
                return
            if self._batches is not None and is_batch_path(path):
                caller = pipeline.authenticate(exchange.headers)
                self._check_address(caller, exchange)
                await self._batches.serve(exchange, caller, method, path, scope["query_string"], receive)
                return
            if path != _MODELS and not path.startswith(_MODELS + "/"):
                raise NotFoundError(
                    f"unknown path {path[:200]!r}", hint=f"Known: {', '.join([*BY_PATH, _MODELS, FEEDBACK_PATH])}."
                )
            if method not in ("GET", "HEAD"):
                await _refuse_method(exchange, path, method, b"GET, HEAD")
                return
            caller = pipeline.authenticate(exchange.headers)
            self._check_address(caller, exchange)
            config = self.config.current
            content = (
                {"object": "list", "data": self._models.list(config, caller)} if path == _MODELS
                else self._models.get(config, caller, path.removeprefix(_MODELS + "/"))
            )  # fmt: skip
            await exchange.reply(200, orjson.dumps(content), [])
        except KanameError as e:
            await send_error(exchange, to_wire(e))
        except Exception:  # border: HTTP
            logger.exception("gateway request %s failed", exchange.record.request_id)
            await send_error(exchange, internal_error())

    def _check_address(self, caller: Caller, exchange: Exchange) -> None:
        self._admission.limits.use_defaults(self.config.current.key_defaults)
        self._admission.check_address(caller, exchange.source, exchange.headers)

    async def _serve_feedback(self, exchange: Exchange, pipeline: Pipeline, method: str, receive: Receive) -> None:
        """Browsers may call it: keys aren't cookies, and a key that may only score gives nothing away."""
        if method == "OPTIONS":
            await exchange.reply(200, b"{}", CORS_HEADERS)
            return
        if method != "POST":
            await _refuse_method(exchange, FEEDBACK_PATH, method, b"POST, OPTIONS")
            return
        caller = pipeline.authenticate(exchange.headers, FEEDBACK_WRITE)
        self._check_address(caller, exchange)
        async with asyncio.timeout(self._settings.body_timeout_s):
            body = await _read_rest(b"", receive, MAX_FEEDBACK_BYTES)
        feedback = read_feedback(body, caller.project_id or "")
        score_id = await self._feedback.write(caller, feedback)
        await exchange.reply(200, orjson.dumps({"object": "feedback", "id": score_id}), CORS_HEADERS)


def _nothing() -> None:
    """An answer that is over has nobody to tell."""


async def _begin_pass(exchange: Exchange, scope: Scope) -> bool:
    """Reads where a native call goes; False when it has been refused."""
    method = cast("str", scope["method"])
    if method not in METHODS:
        await _refuse_method(exchange, cast("str", scope["path"])[:200], method, ", ".join(sorted(METHODS)).encode())
        return False
    try:
        exchange.passed = read_target(method, scope["raw_path"], scope["query_string"])
    except KanameError as e:
        await send_error(exchange, to_wire(e))
        return False
    return True


async def _read_rest(beginning: bytes, receive: Receive, limit: int) -> bytes:
    parts, size = [beginning], len(beginning)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise InvalidInputError("the client left before its body was complete", code="client_disconnected")
        parts.append(cast("bytes", message.get("body", b"")))
        size += len(parts[-1])
        if size > limit:
            raise too_large(limit)
        if not message.get("more_body"):
            return b"".join(parts)


async def _refuse_method(exchange: Exchange, path: str, method: str, allowed: bytes) -> None:
    message = f"{method[:20]!r} isn't allowed on {path!r}. Use {allowed.decode()}."
    error = WireError(405, "invalid_request_error", "method_not_allowed", message, None, [(b"allow", allowed)])
    await send_error(exchange, error)
