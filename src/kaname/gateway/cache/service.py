"""`AnswerCache`: gives kept answers again before anything goes upstream, and keeps new ones when a call is over.

Order for a call: its idempotency key, the same request, the same request under way, a similar question. A call that
finds nothing leads: identical ones wait for it. When it fails those that waited go upstream on their own, and when its
client left the next of them leads. Errors are never kept and never shared.
Belongs to one event loop. Invariant: what `serve` began `finish` ends, whatever happened in between.
"""

import asyncio
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

import msgspec

from kaname.gateway.cache.control import Control, read_control
from kaname.gateway.cache.fill import Fill
from kaname.gateway.cache.flight import Ending, Flights
from kaname.gateway.cache.idempotency import HEADER, KEEP_S, body_digest, idempotency_key, reused
from kaname.gateway.cache.key import frame_of, question_of, request_key, versions_of
from kaname.gateway.cache.model import CachedAnswer, CachePolicy, Key, is_complete, is_storable
from kaname.gateway.cache.ports import Embedder
from kaname.gateway.cache.replay import converts, give, keep, other_form
from kaname.gateway.cache.semantic import pack, unit_vector
from kaname.gateway.cache.statistics import CacheStatistics, RouteCount
from kaname.gateway.cache.store import AnswerStore
from kaname.gateway.cache.wording import ask_the_same
from kaname.gateway.config import ModelRoute
from kaname.gateway.decode import DecodedRequest
from kaname.gateway.exchange import Exchange
from kaname.gateway.model import CacheOutcome, GatewayRecord
from kaname.gateway.openai_errors import Headers
from kaname.gateway.surfaces import SURFACES

MAX_ROUTES = 4096


class Place(NamedTuple):
    """Where in the configuration a call is: what its answer depends on besides the body."""

    route: ModelRoute
    step: int
    arm: str
    wait_s: float
    """How long an identical call is waited for."""


class AnswerCache:
    """See the module."""

    def __init__(self, store: AnswerStore, embedder: Embedder, loop: asyncio.AbstractEventLoop) -> None:
        self._store = store
        self._embedder = embedder
        self._flights = Flights(loop)
        self._counts: dict[str, RouteCount] = {}

    async def serve(self, exchange: Exchange, request: DecodedRequest, place: Place) -> bool:
        """Answers with a kept answer and returns True, or leaves the call to go upstream.

        Raises InvalidInputError for unusable headers and UnprocessableError for a reused idempotency key.
        """
        fill = exchange.fill = Fill(self._count(place.route.name))
        sent = exchange.headers.get(HEADER)
        if sent is not None and await self._replay(exchange, request, fill, sent):
            return True
        policy = place.route.cache
        if policy is None or not SURFACES[exchange.record.surface].cacheable:
            return False
        control = read_control(exchange.headers, exchange.record.metadata)
        frame = _frame(exchange.record, place, "key" if control.own_scope else policy.scope, policy)
        key = request_key(frame, exchange.record.surface, request.document, exchange.headers)
        if key is None or not control.read:
            exchange.record.cache = "bypass"
            fill.count.bypasses += 1
            if key is not None and control.store:
                _keep_at(fill, key, policy, control)
            return False
        return await self._serve_same(exchange, request, fill, place, control, key)

    def finish(self, exchange: Exchange) -> None:
        """Keeps the answer of a call whose record is complete, and ends the wait of others. Does nothing twice."""
        fill = exchange.fill
        if fill is None:
            return
        exchange.fill = None
        record, answer = exchange.record, fill.served
        replay: CachedAnswer | None = None
        try:
            if answer is None and (fill.key or fill.leads) and is_storable(record):
                answer = self._keep(record, fill)
            if fill.idempotency_key is not None:
                replay = answer or (_answer_of(record) if is_complete(record) else None)
                self._remember(fill.idempotency_key, replay, record, fill)
        finally:
            ending: Ending = "abandoned" if record.outcome == "cancelled" else "failed"
            for key in fill.leads:
                shared = replay if key == fill.idempotency_key else answer
                self._flights.end(key, shared, "answered" if shared is not None else ending)

    def stats(self) -> CacheStatistics:
        """Counts since the start."""
        store = self._store
        return CacheStatistics(
            routes={name: _copy(count) for name, count in dict(self._counts).items()},
            entries=store.entries, bytes=store.bytes, evicted=store.evicted, unwritten=store.unwritten,
            problem=store.problem,
        )  # fmt: skip

    # ---- finding

    async def _replay(self, exchange: Exchange, request: DecodedRequest, fill: Fill, sent: bytes) -> bool:
        """The first answer of an idempotency key; registers the call under it when there is none."""
        key, digest = idempotency_key(exchange.record, sent), body_digest(_sent_body(exchange))
        joined = False
        while True:
            answer = self._store.get(key)
            flight = self._flights.find(key) if answer is None else None
            if answer is None and flight is None:
                self._flights.begin(key, digest)
                fill.leads.append(key)
                fill.idempotency_key, fill.digest = key, digest
                return False
            if (answer.digest if answer is not None else flight.digest if flight is not None else b"") != digest:
                raise reused()
            if answer is None and flight is not None:
                joined = True
                await flight.wait()
                answer = flight.answer
            if answer is not None:
                fill.count.replays += 1
                fill.count.joined += joined
                await self._give(exchange, request, fill, key, answer, "hit", [(b"idempotent-replayed", b"true")])
                return True

    async def _serve_same(
        self, exchange: Exchange, request: DecodedRequest, fill: Fill, place: Place, control: Control, key: Key
    ) -> bool:
        policy, count = place.route.cache, fill.count
        assert policy is not None
        answer = self._fresh(key, min(policy.exact_s, control.max_age_s or policy.exact_s))
        if answer is None and (answer := await self._join(key, place.wait_s)) is not None:
            count.joined += 1
        if answer is not None:
            count.hits += 1
            await self._give(exchange, request, fill, key, answer, "hit", [])
            return True
        if control.store:
            _keep_at(fill, key, policy, control)
            if self._flights.find(key) is None:
                self._flights.begin(key)
                fill.leads.append(key)
        if policy.semantic is not None and control.semantic:
            return await self._serve_similar(exchange, request, fill, place, control)
        count.misses += 1
        exchange.record.cache = "miss"
        return False

    async def _serve_similar(
        self, exchange: Exchange, request: DecodedRequest, fill: Fill, place: Place, control: Control
    ) -> bool:
        record, count, policy = exchange.record, fill.count, place.route.cache
        assert policy is not None
        semantic = policy.semantic
        assert semantic is not None
        record.cache = "miss"
        question = question_of(record.surface, request.document)
        identity = self._embedder.identity(semantic.embedder) if question is not None else ""
        values = None
        if question is not None and identity:
            values = await self._embedder.embed(semantic.embedder, question.text)
        vector = unit_vector(values) if values is not None else None
        if question is None or vector is None:
            count.not_embedded += question is not None
            count.misses += 1
            return False
        scope = "key" if control.own_scope else semantic.scope
        frame = _frame(record, place, scope, policy)
        frame += frame_of(record.surface, identity) + versions_of(record.surface, exchange.headers)
        namespace = sha256(frame + question.rest).digest()
        near = self._store.nearest(namespace, vector)
        if near is not None and near.similarity >= semantic.threshold:
            answer = self._fresh(near.key, min(semantic.ttl_s, control.max_age_s or semantic.ttl_s))
            if answer is not None and not ask_the_same(question.text, answer.question):
                count.doubted += 1
            elif answer is not None:
                count.semantic_hits += 1
                similar = [(b"x-kaname-cache-similarity", b"%.4f" % min(near.similarity, 1.0))]
                await self._give(exchange, request, fill, near.key, answer, "semantic_hit", similar)
                return True
        fill.namespace, fill.question, fill.vector = namespace, question.text, vector
        count.misses += 1
        return False

    async def _join(self, key: Key, wait_s: float) -> CachedAnswer | None:
        """The answer of an identical call under way; None when there is none to wait for, or it failed."""
        deadline = time.monotonic() + wait_s
        while (flight := self._flights.find(key)) is not None:
            try:
                async with asyncio.timeout(max(deadline - time.monotonic(), 0.0)):
                    await flight.wait()
            except TimeoutError:
                return None
            if flight.ending != "abandoned":
                return flight.answer
        return None

    def _fresh(self, key: Key, max_age_s: float) -> CachedAnswer | None:
        answer = self._store.get(key)
        return answer if answer is not None and time.time() - answer.created_s < max_age_s else None

    # ---- giving and keeping

    async def _give(
        self,
        exchange: Exchange,
        request: DecodedRequest,
        fill: Fill,
        key: Key,
        answer: CachedAnswer,
        kind: CacheOutcome,
        headers: Headers,
    ) -> None:
        record = exchange.record
        if converts(answer, stream=request.stream):
            rich = msgspec.structs.replace(answer, other=other_form(answer))
            self._store.enrich(key, answer, rich)
            answer = rich
        body = give(answer, request.document, stream=request.stream, wants_usage=request.wants_usage)
        record.cache, record.cached_span_id, record.saved_nano_usd = kind, answer.span_id, answer.cost_nano_usd
        record.provider, record.provider_type = answer.provider, answer.provider_type
        record.target_model, record.response_model = answer.target_model, answer.model
        record.response_id, record.finish_reasons = answer.response_id, answer.finish_reasons
        record.response, record.response_bytes = body, len(body)
        fill.served = answer
        fill.count.saved_nano_usd += answer.cost_nano_usd
        headers.append((b"age", b"%d" % max(0, int(time.time() - answer.created_s))))
        if (
            guards := exchange.guards
        ) is not None and guards.hides:  # the same placeholders stand for this call's values
            body = guards.restore_events(body) if request.stream else guards.restore(body)
        if not request.stream:
            record.response_format = "json"
            await exchange.reply(200, body, headers)
            return
        record.response_format = "sse"
        record.ttft_ns = exchange.elapsed_ns()
        await exchange.start(200, b"text/event-stream", [(b"cache-control", b"no-cache"), *headers])
        await exchange.write(body, last=True)

    def _keep(self, record: GatewayRecord, fill: Fill) -> CachedAnswer | None:
        answer = _answer_of(record)
        if answer is None or fill.key is None:
            return answer
        answer.expires_s = answer.created_s + fill.keep_s
        vector = fill.vector
        if vector is not None:
            answer.namespace, answer.question, answer.vector = fill.namespace, fill.question, pack(vector)
        if self._store.put(fill.key, answer, vector):
            fill.count.stored += 1
            fill.count.stored_bytes += answer.size
        return answer

    def _remember(self, key: Key, answer: CachedAnswer | None, record: GatewayRecord, fill: Fill) -> None:
        """Keeps the answer of an idempotency key, for its caller alone."""
        if answer is not None:
            own = msgspec.structs.replace(
                answer, digest=fill.digest, expires_s=time.time() + KEEP_S, namespace=b"", vector=b"",
                question="", user_id=record.user_id,
            )  # fmt: skip
            self._store.put(key, own)

    def _count(self, route: str) -> RouteCount:
        count = self._counts.get(route)
        if count is None:
            if len(self._counts) >= MAX_ROUTES:
                self._counts.clear()
            count = self._counts[route] = RouteCount()
        return count


def _sent_body(exchange: Exchange) -> bytes:
    """What the client sent: two requests that differ only in what a guard hides are two requests."""
    guards = exchange.guards
    return exchange.body if guards is None or guards.sent_body is None else guards.sent_body


def _answer_of(record: GatewayRecord) -> CachedAnswer | None:
    """What a complete call was answered; None when it can't be given again. It expires at once until told otherwise."""
    kept = keep(record.surface, record.response_format, record.response)
    if kept is None:
        return None
    now = time.time()
    return CachedAnswer(
        project_id=record.project_id,
        user_id=record.user_id,
        surface=record.surface,
        format=kept.format,
        body=kept.body,
        usage=record.usage,
        usage_format=record.usage_format,
        provider=record.provider,
        provider_type=record.provider_type,
        target_model=record.target_model,
        model=record.response_model or kept.model,
        response_id=record.response_id or kept.response_id,
        finish_reasons=record.finish_reasons,
        span_id=record.span_id,
        cost_nano_usd=record.cost_nano_usd or 0,
        created_s=now,
        expires_s=now,
    )


def _frame(record: GatewayRecord, place: Place, scope: str, policy: CachePolicy) -> bytes:
    owner = record.key_id if scope == "key" else ""
    where = f"{place.step}/{place.arm}"
    return frame_of(record.project_id, scope, owner, place.route.name, where, policy.version)


def _keep_at(fill: Fill, key: Key, policy: CachePolicy, control: Control) -> None:
    fill.policy, fill.key = policy, key
    fill.keep_s = policy.keep_s if control.ttl_s is None else min(control.ttl_s, policy.keep_s)


def _copy(count: RouteCount) -> RouteCount:
    fields: Mapping[str, int] = {name: getattr(count, name) for name in RouteCount.__slots__}
    return RouteCount(**fields)
