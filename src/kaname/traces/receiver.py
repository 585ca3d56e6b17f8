"""OTLP over HTTP, as a raw ASGI app: authenticate, check, journal, answer. Nothing here touches a database.

The acknowledgement means: the body is on disk, and every span in it that wasn't reported as rejected will be stored. It
checks ids and times only; attributes are decoded by the worker. Answers follow the OTLP specification: errors are a
`google.rpc.Status` in the request's format, a partly bad request is 200 with `partial_success`.

Not here: gRPC, metrics storage (metrics are answered as rejected, never dropped silently).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

from kaname.kernel.clock import Clock, SystemClock
from kaname.kernel.errors import InvalidInputError, KanameError, RateLimitedError, TooLargeError
from kaname.storage.journal import EntryKind, Journal
from kaname.traces.ingest_settings import IngestSettings
from kaname.traces.otlp import json as otlp_json
from kaname.traces.otlp import protobuf as otlp_protobuf
from kaname.traces.otlp.answers import CONTENT_TYPE, encode_error, encode_success
from kaname.traces.otlp.http_body import (
    BodyFormat,
    ClientGoneError,
    body_format,
    check_encoding,
    inflate,
    receive_body,
    too_large,
)
from kaname.traces.otlp.outcome import NOT_STORED, MalformedError, Outcome, Signal, TooManyError
from kaname.traces.ports import KeyAuthenticator

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_SIGNALS: dict[str, Signal] = {
    f"{prefix}/v1/{signal}": signal for prefix in ("", "/api/public/otel") for signal in ("traces", "logs", "metrics")
}
_KINDS: dict[tuple[Signal, BodyFormat], EntryKind] = {
    ("traces", "protobuf"): "otlp_traces_protobuf",
    ("traces", "json"): "otlp_traces_json",
    ("logs", "protobuf"): "otlp_logs_protobuf",
    ("logs", "json"): "otlp_logs_json",
}
_PLAIN_ERRORS: BodyFormat = "json"
_INLINE_BYTES = 1 << 20
"""Larger bodies are inflated and parsed in a thread, so that they don't hold up the event loop's other requests."""


@dataclass(frozen=True, slots=True)
class _Head:
    """What the headers say."""

    signal: Signal
    body_format: BodyFormat
    encoding: Literal["", "gzip", "deflate"]
    project_id: str


class OtlpReceiver:
    """The ASGI app for `/v1/{traces,logs,metrics}` and their aliases under `/api/public/otel`."""

    def __init__(
        self, keys: KeyAuthenticator, journal: Journal, settings: IngestSettings, clock: Clock | None = None
    ) -> None:
        self._keys = keys
        self._journal = journal
        self._settings = settings
        self._limits = settings.limits()
        self._clock = clock or SystemClock()
        self._in_progress = 0
        self._bytes = 0
        self._large = asyncio.Semaphore(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        signal = _SIGNALS.get(scope["path"].rstrip("/"))
        if signal is None:
            return await _answer(send, 404, _PLAIN_ERRORS, encode_error("json", 404, f"no route {scope['path']!r}"))
        if scope["method"] != "POST":
            body = encode_error("json", 405, f"{scope['method']} isn't allowed here; POST an OTLP request")
            return await _answer(send, 405, _PLAIN_ERRORS, body, [(b"allow", b"POST")])
        headers: dict[bytes, bytes] = dict(scope["headers"])
        answer_format = _answer_format(headers.get(b"content-type"))
        try:
            return await self._handle(signal, headers, receive, send)
        except ClientGoneError:
            return None
        except KanameError as e:
            await _send_error(send, answer_format, e)
        except Exception:  # border: HTTP
            logger.exception("OTLP request failed")
            broken = KanameError("the server failed on this request", hint="See its log; this is a defect.")
            await _send_error(send, answer_format, broken)

    async def _handle(self, signal: Signal, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        principal = self._keys.authenticate(headers.get(b"authorization"), headers.get(b"x-api-key"))
        self._keys.require(principal, "traces:write")
        assert principal.project_id is not None, "an API key belongs to a project"
        head = _Head(
            signal=signal,
            body_format=body_format(headers.get(b"content-type")),
            encoding=check_encoding(headers.get(b"content-encoding")),
            project_id=principal.project_id,
        )
        self._check_length(headers.get(b"content-length"))
        if self._in_progress >= self._settings.max_concurrent:
            raise _busy(f"{self._in_progress} OTLP requests are in progress")
        held = 0

        def hold(size: int) -> None:
            nonlocal held
            if self._bytes + size > self._settings.max_in_flight_bytes:
                raise _busy(f"requests in progress hold {self._bytes} bytes")
            held += size
            self._bytes += size

        self._in_progress += 1
        try:
            limit, timeout = self._settings.max_body_bytes, self._settings.body_timeout_s
            raw = await receive_body(receive, limit, timeout, hold)
            outcome, body = await self._check(head, raw)
            hold(len(body) if head.encoding else 0)
            await self._store(head, body, outcome)
        finally:
            self._in_progress -= 1
            self._bytes -= held
        message = self._message(signal, outcome)
        answer = encode_success(head.body_format, signal, outcome.rejected, message)
        await _answer(send, 200, head.body_format, answer)

    def _check_length(self, value: bytes | None) -> None:
        if value is not None and value.isdigit() and int(value[:19]) > self._settings.max_body_bytes:
            raise too_large(int(value[:19]), self._settings.max_body_bytes)

    async def _check(self, head: _Head, raw: bytes) -> tuple[Outcome, bytes]:
        """Inflates the body and counts good and bad items; raises InvalidInputError when nothing in it can be kept."""
        received_ns = self._clock.now_ns()
        try:
            body = _inflate_small(head, raw)
            if body is not None:
                return self._judge(head, self._inspect(head, body, received_ns)), body
            # One at a time: a hostile body may take many times its size in memory while it is parsed.
            async with self._large:
                outcome, body = await asyncio.to_thread(self._inspect_large, head, raw, received_ns)
            return self._judge(head, outcome), body
        except TooManyError as e:
            raise TooLargeError(str(e)) from e
        except MalformedError as e:
            hint = "" if "use /v1/" in str(e) else "See the OTLP specification for the shape of a request."
            raise InvalidInputError(str(e), hint=hint) from e

    @staticmethod
    def _judge(head: _Head, outcome: Outcome) -> Outcome:
        if outcome.is_refused:
            raise InvalidInputError(outcome.message(head.signal), hint="Nothing was stored.")
        return outcome

    def _inspect_large(self, head: _Head, raw: bytes, received_ns: int) -> tuple[Outcome, bytes]:
        body = inflate(raw, head.encoding, self._settings.max_body_bytes)
        return self._inspect(head, body, received_ns), body

    def _inspect(self, head: _Head, body: bytes, received_ns: int) -> Outcome:
        limits = self._limits
        if head.signal == "metrics":
            is_json = head.body_format == "json"
            points = otlp_json.count_data_points(body, limits) if is_json else otlp_protobuf.count_data_points(body)
            outcome = Outcome(total=points)
            if points:
                outcome.reject(NOT_STORED, "", points)
            return outcome
        source = otlp_json if head.body_format == "json" else otlp_protobuf
        inspect = source.inspect_traces if head.signal == "traces" else source.inspect_logs
        return inspect(body, limits, received_ns)

    async def _store(self, head: _Head, body: bytes, outcome: Outcome) -> None:
        if head.signal == "metrics" or not outcome.total:
            return
        # Requests whose every item is out of the window are kept too: the worker turns them into a notice.
        await self._journal.append(_KINDS[head.signal, head.body_format], head.project_id, body)

    @staticmethod
    def _message(signal: Signal, outcome: Outcome) -> str:
        if not outcome.rejected:
            return ""
        if signal == "metrics":
            return f"{NOT_STORED}: {outcome.rejected} data points were not kept"
        return outcome.message(signal)


def _inflate_small(head: _Head, raw: bytes) -> bytes | None:
    """The inflated body if it is small, else None."""
    if len(raw) > _INLINE_BYTES:
        return None
    try:
        return inflate(raw, head.encoding, _INLINE_BYTES)
    except TooLargeError:
        return None


def _answer_format(content_type: bytes | None) -> BodyFormat:
    return "protobuf" if b"protobuf" in (content_type or b"").lower() else "json"


def _busy(state: str) -> RateLimitedError:
    return RateLimitedError(f"{state}, which is the limit", hint="Send again later.", retry_after_s=1)


async def _send_error(send: Send, answer_format: BodyFormat, error: KanameError) -> None:
    extra: list[tuple[bytes, bytes]] = []
    if error.retry_after_s is not None:
        extra.append((b"retry-after", str(max(1, round(error.retry_after_s))).encode()))
    if error.status == 401:
        extra.append((b"www-authenticate", b'Bearer realm="kaname", Basic realm="kaname"'))
    if error.status in (408, 413, 429):  # the rest of the body isn't read
        extra.append((b"connection", b"close"))
    text = f"{error.message}. {error.hint}" if error.hint else error.message
    await _answer(send, error.status, answer_format, encode_error(answer_format, error.status, text), extra)


async def _answer(
    send: Send,
    status: int,
    answer_format: BodyFormat,
    body: bytes,
    extra: list[tuple[bytes, bytes]] | None = None,
) -> None:
    headers = [
        (b"content-type", CONTENT_TYPE[answer_format]),
        (b"content-length", str(len(body)).encode()),
        *(extra or []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
