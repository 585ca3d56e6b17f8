"""The guards of one call: over its request, its answer or its stream, and what they decided, for its record.

Order on each side: text guards first, since they may mask; then guards that judge the whole, which see masked text.
Guards that only observe never keep the caller waiting, except for text guards, which take microseconds.
Invariants: every guard that decides leaves a record; the record of the call holds placeholders, never what a guard hid.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol, cast

import orjson

from kaname.gateway.decode import DecodedRequest, encode_document
from kaname.gateway.guardrails.answers import ask_again, blocked_answer
from kaname.gateway.guardrails.channel import screen_json, screen_text
from kaname.gateway.guardrails.model import UNTRUSTED, AskModel, Document, Guard, Guards, Point, Side, Subject
from kaname.gateway.guardrails.relay import GuardedRelay
from kaname.gateway.guardrails.screen import Screen, guard_failed
from kaname.gateway.guardrails.stream_formats import stream_format
from kaname.gateway.guardrails.texts import Slot, answer_slots, has_texts, join_texts, request_slots
from kaname.gateway.model import GatewayRecord, GuardRecord
from kaname.gateway.opening import OpenStream
from kaname.gateway.stream import EventRelay
from kaname.kernel.border import survive
from kaname.kernel.errors import InvalidInputError, KanameError
from kaname.privacy.model import Finding
from kaname.privacy.placeholders import Edit, Placeholders, apply_edits

THREAD_CHARS = 100_000
"""Longer requests are looked at beside the event loop."""
_REFUSED = "content_filter"

logger = logging.getLogger(__name__)


class Calls(Protocol):
    """Other calls on the account of this one, without guards."""

    @property
    def ask(self) -> AskModel: ...

    async def resend(self, document: Document) -> bytes | None:
        """The same call with another body; its answer, or None when it failed."""
        ...


class CheckedAnswer(NamedTuple):
    """An answer after its guards."""

    body: bytes
    """The client's."""
    recorded: bytes
    """With placeholders where the client gets values back."""
    blocked: bool = False


class GuardRun:
    """See the module. Belongs to one call."""

    __slots__ = (
        "_calls", "_cost", "_guards", "_kept", "_later", "_masks", "_question", "_record", "_relay", "_request",
        "_screen", "_watchers", "recorded_body", "sent_body",
    )  # fmt: skip

    def __init__(
        self, guards: Guards, record: GatewayRecord, calls: Calls, cost_nano_usd: Callable[[], int | None]
    ) -> None:
        self._guards = guards
        self._record = record
        self._calls = calls
        self._cost = cost_nano_usd
        self._kept = Placeholders()
        self._masks = Placeholders()
        self._request: Document = {}
        self._question = ""
        self._screen: Screen | None = None
        self._relay: GuardedRelay | None = None
        self._watchers: list[asyncio.Task[str]] = []
        self._later: list[Callable[[], Awaitable[str]]] = []
        self.recorded_body: bytes | None = None
        """The request as it may be recorded, when that isn't what the client sent."""
        self.sent_body: bytes | None = None
        """What the client sent, when the request goes on as something else."""

    @property
    def blocked(self) -> bool:
        """Whether a guard stopped the stream."""
        return self._relay is not None and self._relay.blocked

    @property
    def hides(self) -> bool:
        """Whether placeholders stand for values of the request."""
        return bool(self._kept)

    def restore(self, body: bytes) -> bytes:
        """An answer to the same masked request, such as a cached one, with this call's values."""
        if not self._kept or not has_texts(self._record.surface):
            return body
        document = cast("Document", orjson.loads(body))
        screen = Screen((), self._kept, restores=True)
        for slot in answer_slots(document, self._record.surface):
            if not slot.fixed:
                slot.write(screen_json(screen, slot.text)[1] if slot.json else screen.restore(slot.text))
        return orjson.dumps(document)

    def restore_events(self, events: bytes) -> bytes:
        """The same for a whole stream."""
        if not self._kept:
            return events
        inner = EventRelay(strip_usage=False, max_event_bytes=len(events) + 1, record_limit=0)
        screen = Screen((), self._kept, restores=True)
        relay = GuardedRelay(
            inner, stream_format(self._record.surface), screen, hold_back=self._guards.hold_back, record_limit=0
        )
        return relay.feed(events) + relay.finish()

    # ---- request

    async def check_request(self, request: DecodedRequest) -> DecodedRequest:
        """The request as it goes on; raises InvalidInputError (`content_filter`) or UnavailableError."""
        surface = self._record.surface
        slots = request_slots(request.document, surface)
        edits, blocking = await self._screen_request(slots)
        document = request.document
        if any(edits):
            document = cast("Document", orjson.loads(encode_document(document)))
            slots = request_slots(document, surface)
            for slot, changes in zip(slots, edits, strict=True):
                if changes:
                    slot.write(apply_edits(slot.text, changes))
            slots = request_slots(document, surface)
            self.sent_body, self.recorded_body = request.body, orjson.dumps(document)
            request = request._replace(body=self.recorded_body, document=document, canonical=True)
        if blocking is not None:
            raise _refusal(*blocking)
        self._request = document
        self._question = join_texts([slot for slot in slots if slot.role == "user"])
        said = join_texts([slot for slot in slots if slot.role in UNTRUSTED])
        subject = self._subject("input", document, said)
        for guard in self._guards.input:
            if guard.call is None:
                continue
            if not guard.enforces:
                self._watchers.append(asyncio.ensure_future(self._judge(guard, subject, "input")))
            elif reason := await self._judge(guard, subject, "input"):
                raise _refusal(guard, reason)
        return request

    async def _screen_request(self, slots: Sequence[Slot]) -> tuple[list[list[Edit]], tuple[Guard, str] | None]:
        """For each slot what is to be exchanged, and the first guard that refuses the request with its reason."""
        guards = [guard for guard in self._guards.input if guard.text is not None]
        edits: list[list[Edit]] = [[] for _ in slots]
        if not guards:
            return edits, None
        for slot in slots:
            self._kept.reserve(slot.text)
        screen = Screen(guards, self._kept, self._masks)
        threaded = sum(len(slot.text) for slot in slots) > THREAD_CHARS
        try:
            for number, guard in enumerate(guards):
                for slot, changes in zip(slots, edits, strict=True):
                    if slot.role not in guard.roles:
                        continue
                    found = await self._find(screen, number, slot.text, threaded=threaded)
                    self._apply(screen, number, slot, found, changes)
        finally:
            self._record.guards = [*self._record.guards, *screen.records("input")]
        by = screen.blocked_by
        return edits, None if by is None else (by, screen.reason(by))

    async def _find(self, screen: Screen, number: int, text: str, *, threaded: bool) -> list[Finding]:
        if not threaded:
            return screen.find(number, text)
        return await asyncio.to_thread(screen.find, number, text)

    def _apply(self, screen: Screen, number: int, slot: Slot, found: list[Finding], changes: list[Edit]) -> None:
        guard = screen.guard(number)
        for finding in found:
            value = slot.text[finding.start : finding.end]
            edit = screen.accept_finding(number, finding, value)
            if edit is None and guard.sensitive and guard.action == "block":
                edit = Edit(finding.start, finding.end, self._masks.token(finding.kind, value))
            if edit is not None and not slot.fixed and all(_apart(edit, other) for other in changes):
                changes.append(edit)
        changes.sort()

    # ---- whole answer

    async def check_answer(self, body: bytes, *, stream: bool = False) -> CheckedAnswer:
        """An answer as it goes to the client; raises UnavailableError when a guard that must hold failed."""
        if not has_texts(self._record.surface) or not (self._guards.output or self._kept):
            return CheckedAnswer(body, body)
        checked, reason, guard = await self._check_once(body)
        if guard is not None and guard.retries and not stream:
            again = await self._ask_again(body, reason)
            if again is not None:
                checked, _, _ = await self._check_once(again)
        return checked

    async def _check_once(self, body: bytes) -> tuple[CheckedAnswer, str, Guard | None]:
        """With the guard that refuses it, and why."""
        surface, guards = self._record.surface, self._guards
        document = cast("Document", orjson.loads(body))
        slots = answer_slots(document, surface)
        if not slots:
            return CheckedAnswer(body, body), "", None
        screen = Screen([g for g in guards.output if g.text is not None], self._kept, self._masks, restores=True)
        recorded = body
        if screen.looks:
            try:
                recorded, body = self._screen_answer(screen, document, slots, body)
            finally:
                self._record.guards = [*self._record.guards, *screen.records("output")]
            if screen.blocked_by is not None:
                return self._blocked(document), screen.reason(screen.blocked_by), screen.blocked_by
        text = join_texts([slot for slot in slots if slot.visible])
        subject = self._subject("output", document, text)
        for guard in guards.output:
            if guard.call is None:
                continue
            if not guard.enforces:
                self._later.append(lambda guard=guard: self._judge(guard, subject, "output"))
            elif reason := await self._judge(guard, subject, "output"):
                return self._blocked(document), reason, guard
        return CheckedAnswer(body, recorded), "", None

    def _screen_answer(
        self, screen: Screen, document: Document, slots: Sequence[Slot], body: bytes
    ) -> tuple[bytes, bytes]:
        """For the record, and for the client; the document keeps what is for the record."""
        results: list[tuple[Slot, str, str]] = []
        for slot in slots:
            hold_back = self._guards.hold_back
            masked, client = screen_json(screen, slot.text) if slot.json else screen_text(screen, slot.text, hold_back)
            if (masked, client) != (slot.text, slot.text) and not slot.fixed:
                results.append((slot, masked, client))
        if not results:
            return body, body
        for slot, _, client in results:
            slot.write(client)
        _drop_logprobs(document)
        for_client = orjson.dumps(document)
        for slot, masked, _ in results:
            slot.write(masked)
        return orjson.dumps(document), for_client

    def _blocked(self, document: Document) -> CheckedAnswer:
        blocked = orjson.dumps(blocked_answer(document, self._record.surface, self._guards.message))
        return CheckedAnswer(blocked, blocked, blocked=True)

    async def _ask_again(self, body: bytes, reason: str) -> bytes | None:
        surface = self._record.surface
        said = join_texts([s for s in answer_slots(cast("Document", orjson.loads(body)), surface) if s.visible])
        document = ask_again(self._request, surface, said, reason)
        return await self._calls.resend(document) if document is not None else None

    # ---- stream

    def open_stream(self, opened: OpenStream, record_limit: int) -> OpenStream:
        """The stream as it goes to the client."""
        output = self._guards.output
        screen = Screen([g for g in output if g.text is not None], self._kept, self._masks, restores=True)
        judges = [guard for guard in output if guard.call is not None]
        if not screen.looks and not judges:
            return opened
        relay = self._relay = GuardedRelay(
            opened.relay,
            stream_format(self._record.surface),
            screen,
            hold_back=self._guards.hold_back,
            record_limit=record_limit,
            waits=any(guard.enforces for guard in judges),
            keeps_text=bool(judges),
        )
        self._screen = screen
        held = relay.take(opened.held) if opened.held else b""
        return OpenStream(relay=relay, held=held, usage_format=opened.usage_format, headers=opened.headers)

    async def conclude_stream(self) -> bytes:
        """What waited for the verdict on the whole; raises UnavailableError when a guard that must hold failed."""
        relay = self._relay
        if relay is None or relay.blocked:
            return b""
        subject = self._subject("output", {}, relay.text)
        for guard in self._guards.output:
            if guard.call is None:
                continue
            if not guard.enforces:
                self._later.append(lambda guard=guard: self._judge(guard, subject, "stream"))
            elif await self._judge(guard, subject, "stream"):
                return relay.conclude(block=True)
        return relay.conclude(block=False)

    def end_stream(self) -> None:
        """The stream is over, however it went."""
        if self._screen is not None:
            self._record.guards = [*self._record.guards, *self._screen.records("stream")]

    # ---- the end

    async def finish(self) -> None:
        """Waits for the guards that only observe; the client has its answer."""
        try:
            for watcher in self._watchers:
                await watcher
            for judge in self._later:
                await judge()
        finally:
            self.give_up()

    def give_up(self) -> None:
        """Nobody waits for the guards that only observe."""
        for watcher in self._watchers:
            watcher.cancel()

    # ---- guards that judge the whole

    def _subject(self, side: Side, document: Document, text: str) -> Subject:
        question = self._question if side == "output" else ""
        return Subject(side, document, text, question, self._cost, self._calls.ask)

    async def _judge(self, guard: Guard, subject: Subject, point: Point) -> str:
        """Why a guard refuses, "" when it doesn't; raises UnavailableError when it failed and must hold."""
        assert guard.call is not None
        start_ns, began = time.time_ns(), time.perf_counter_ns()
        reason, failure = "", ""
        try:
            async with asyncio.timeout(guard.timeout_s):
                with survive(logger, "guardrail %s", guard.name, passing=(KanameError, TimeoutError)) as border:
                    reason = await guard.call.check(subject)
            failure = "the guard failed" if border.fault is not None else ""
        except TimeoutError:
            failure = f"no verdict within {guard.timeout_s:g} s"
        except KanameError as e:
            failure = f"the guard failed: {e.code}"
        self._record.guards = [
            *self._record.guards,
            GuardRecord(
                guard=guard.name,
                point=point,
                action="error" if failure else guard.action if reason else "pass",
                reason=failure or reason,
                start_ns=start_ns,
                duration_ns=time.perf_counter_ns() - began,
            ),
        ]
        if failure and guard.on_error == "block" and guard.enforces:
            raise guard_failed(guard)
        return reason


def _refusal(guard: Guard, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"the request was stopped by guardrail {guard.name!r} ({reason})",
        hint="Change what it names and send it again.", code=_REFUSED,
    )  # fmt: skip


def _apart(edit: Edit, other: Edit) -> bool:
    return edit.end <= other.start or other.end <= edit.start


def _drop_logprobs(document: Document) -> None:
    """They hold the text once more."""
    choices = document.get("choices")
    for choice in cast("list[Document]", choices) if isinstance(choices, list) else ():
        if choice.get("logprobs"):
            choice["logprobs"] = None
