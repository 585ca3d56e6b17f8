"""Behaviours of the fault-injecting upstream on both wires: OpenAI chat completions and Anthropic Messages.

The server is the tests' (`integration.gateway.fault_upstream`): raw sockets, so that it can send what no library would.
The first path segment chooses the behaviour, the second names who asked (`/cut/chat-cut/v1/chat/completions`), the end
of the path the wire. A behaviour that changes with its calls counts them by the second segment.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from integration.gateway.fault_upstream import (
    COMPLETION,
    DONE,
    FINISH,
    ROLE,
    TOKENS,
    Behaviour,
    Seen,
    Wire,
    error,
    usage_event,
)

N_TOKENS = 10
EXPECTED_TEXT = "".join(f"語{i} " for i in range(N_TOKENS))
ANSWER = "こんにちは"
SECRET_PAGE = b"<html><h1>secret page</h1></html>"
HUGE_EVENT_BYTES = 5 << 20
HUGE_REPLY_BYTES = 65 << 20


def _anthropic_event(name: str, **fields: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps({"type": name, **fields}))


def _anthropic_error(kind: str, message: str) -> bytes:
    return orjson.dumps({"type": "error", "error": {"type": kind, "message": message}})


def _without_usage(document: bytes) -> bytes:
    return orjson.dumps({k: v for k, v in orjson.loads(document).items() if k != "usage"})


@dataclass(frozen=True, kw_only=True)
class Format:
    """One wire: what is said on it before, as, and after the content."""

    opening: Sequence[bytes]
    tokens: Sequence[bytes]
    closing: Sequence[bytes]
    end: bytes
    whole: bytes
    failure_event: bytes
    no_usage_stream: Sequence[bytes]
    no_usage_whole: bytes

    def flood(self, size: int) -> bytes:
        """A token of `size` characters."""
        first = self.tokens[0]
        return first.replace("語0".encode(), b"x" * size)


CHAT = Format(
    opening=(ROLE,),
    tokens=TOKENS,
    closing=(FINISH,),
    end=DONE,
    whole=COMPLETION,
    failure_event=b"data: " + error("model crashed", "server_error", None, None) + b"\n\n",
    no_usage_stream=(ROLE, *TOKENS, FINISH, DONE),
    no_usage_whole=_without_usage(COMPLETION),
)
_MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "mock-1", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": ANSWER}],
    "usage": {"input_tokens": 9, "output_tokens": 3},
}  # fmt: skip


def _message_start(usage: dict[str, int]) -> bytes:
    message = {**_MESSAGE, "content": [], "stop_reason": None, "usage": usage}
    return _anthropic_event("message_start", message=message)


_BLOCK = _anthropic_event("content_block_start", index=0, content_block={"type": "text", "text": ""})
_TOKENS = [
    _anthropic_event("content_block_delta", index=0, delta={"type": "text_delta", "text": f"語{i} "})
    for i in range(N_TOKENS)
]
_BLOCK_END = _anthropic_event("content_block_stop", index=0)
_STOP = {"stop_reason": "end_turn", "stop_sequence": None}
_END = _anthropic_event("message_stop")
MESSAGES = Format(
    opening=(_message_start({"input_tokens": 9, "output_tokens": 1}), _anthropic_event("ping"), _BLOCK),
    tokens=_TOKENS,
    closing=(_BLOCK_END, _anthropic_event("message_delta", delta=_STOP, usage={"output_tokens": 10})),
    end=_END,
    whole=orjson.dumps(_MESSAGE),
    failure_event=_anthropic_event("error", error={"type": "overloaded_error", "message": "model crashed"}),
    no_usage_stream=(
        _message_start({}), _BLOCK, *_TOKENS, _BLOCK_END, _anthropic_event("message_delta", delta=_STOP), _END,
    ),
    no_usage_whole=_without_usage(orjson.dumps(_MESSAGE)),
)  # fmt: skip


def _response_event(number: int, kind: str, **fields: object) -> bytes:
    return _anthropic_event(f"response.{kind}" if kind != "error" else kind, sequence_number=number, **fields)


def _response(text: str, *, usage: bool = True, status: str = "completed") -> dict[str, object]:
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    counted = {"input_tokens": 9, "output_tokens": 10, "total_tokens": 19} if usage else None
    return {
        "id": "resp_1", "object": "response", "created_at": 1764000000, "model": "mock-1", "status": status,
        "output": [item] if text else [], "usage": counted, "error": None, "incomplete_details": None,
    }  # fmt: skip


def _completed(*, usage: bool = True) -> bytes:
    return _response_event(20, "completed", response=_response(EXPECTED_TEXT, usage=usage))


_BEGUN = _response("", usage=False, status="in_progress")
_OPENING = (
    _response_event(0, "created", response=_BEGUN),
    _response_event(1, "in_progress", response=_BEGUN),
    _response_event(2, "output_item.added", output_index=0, item={"type": "message", "id": "msg_1", "content": []}),
    _response_event(3, "content_part.added", output_index=0, content_index=0, part={"type": "output_text", "text": ""}),
)
_PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
_PIECES = [_response_event(4 + i, "output_text.delta", **_PLACE, delta=f"語{i} ") for i in range(N_TOKENS)]
_TEXT_DONE = _response_event(14, "output_text.done", **_PLACE, text=EXPECTED_TEXT)
RESPONSES = Format(
    opening=_OPENING,
    tokens=_PIECES,
    closing=(_TEXT_DONE,),
    end=_completed(),
    whole=orjson.dumps(_response(ANSWER)),
    failure_event=_response_event(15, "error", code="server_error", message="model crashed", param=None),
    no_usage_stream=(*_OPENING, *_PIECES, _TEXT_DONE, _completed(usage=False)),
    no_usage_whole=orjson.dumps(_response(ANSWER, usage=False)),
)


def format_of(seen: Seen) -> Format:
    """The wire that a request speaks."""
    path = seen.path.partition("?")[0]
    if path.endswith("/responses"):
        return RESPONSES
    return MESSAGES if path.endswith("/messages") else CHAT


def streams(seen: Seen) -> bool:
    """Whether a request asks for a stream."""
    return bool(seen.body and seen.json().get("stream"))


# ---- behaviours


async def ok(wire: Wire, seen: Seen) -> None:
    """A healthy upstream."""
    form = format_of(seen)
    if not streams(seen):
        await wire.reply("200 OK", form.whole)
        return
    await wire.start_stream()
    for event in (*form.opening, *form.tokens, *form.closing):
        await wire.event(event)
    options = seen.json().get("stream_options")
    if form is CHAT and isinstance(options, dict) and options.get("include_usage"):
        await wire.event(usage_event())
    await wire.event(form.end)
    await wire.end_stream()


def says(status: str, chat: bytes, messages: bytes, extra: str = "") -> Behaviour:
    """An error in each wire's own words."""

    async def behave(wire: Wire, seen: Seen) -> None:
        await wire.reply(status, messages if format_of(seen) is MESSAGES else chat, extra=extra)

    return behave


def always(status: str, body: bytes, content_type: str = "application/json", extra: str = "") -> Behaviour:
    """The same reply on every wire."""

    async def behave(wire: Wire, seen: Seen) -> None:
        await wire.reply(status, body, content_type, extra)

    return behave


def truncated(keep: int) -> Behaviour:
    """A 200 whose JSON is cut although its length is right."""

    async def behave(wire: Wire, seen: Seen) -> None:
        await wire.reply("200 OK", format_of(seen).whole[:keep])

    return behave


def streamed(
    events: Callable[[Format], Sequence[bytes]], *, then: str = "end", content_type: str = "text/event-stream"
) -> Behaviour:
    """A stream of these events; then it ends, stalls, or is reset."""

    async def behave(wire: Wire, seen: Seen) -> None:
        await wire.start_stream(content_type)
        for event in events(format_of(seen)):
            await wire.event(event)
        if then == "end":
            await wire.end_stream()
        elif then == "reset":
            await asyncio.sleep(0.02)  # what was sent must be on its way: a reset discards what the kernel holds
            wire.writer.transport.abort()
            await asyncio.sleep(60)
        else:
            await asyncio.sleep(60)

    return behave


async def hang(wire: Wire, seen: Seen) -> None:
    """Reads and never answers."""
    await asyncio.sleep(60)


async def reset(wire: Wire, seen: Seen) -> None:
    """Closes without a byte."""
    wire.reset()


async def trickle(wire: Wire, seen: Seen) -> None:
    """Tokens without end, 50 a second."""
    form = format_of(seen)
    await wire.start_stream()
    for event in form.opening:
        await wire.event(event)
    while True:
        await wire.event(form.tokens[0])
        await asyncio.sleep(0.02)


async def flood(wire: Wire, seen: Seen) -> None:
    """Big tokens without end, as fast as they are taken."""
    form = format_of(seen)
    await wire.start_stream()
    for event in form.opening:
        await wire.event(event)
    event = form.flood(16_000)
    while True:
        await wire.event(event)


async def dribble(wire: Wire, seen: Seen) -> None:
    """A whole stream, three bytes at a time: every split point, inside UTF-8 too."""
    form = format_of(seen)
    await wire.start_stream()
    data = b"".join((*form.opening, *form.tokens, *form.closing, form.end))
    for start in range(0, len(data), 3):
        await wire.event(data[start : start + 3])
    await wire.end_stream()


async def huge_reply(wire: Wire, seen: Seen) -> None:
    """65 MB of JSON."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {HUGE_REPLY_BYTES}\r\n\r\n"
    await wire.raw(head.encode() + b'{"x": "')
    for _ in range(HUGE_REPLY_BYTES >> 16):
        await wire.raw(b"x" * (1 << 16))


def dressed(form: Format) -> list[bytes]:
    """CRLF, comments, a byte order mark, data over several lines."""
    first = b"\xef\xbb\xbf: hello\r\n\r\n"
    events = [*form.opening, *form.tokens, *form.closing, form.end]
    split = events[2].replace(b',"', b',\ndata: "', 1)  # JSON may have a line end between its tokens
    events[2] = split
    return [first, *(e.replace(b"\n", b"\r\n") for e in events)]


class Changing:
    """Behaviours that depend on how often, or with which key, they were called."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()

    def then(self, *behaviours: Behaviour) -> Behaviour:
        """The first call gets the first behaviour, and so on; the last one stays."""

        async def behave(wire: Wire, seen: Seen) -> None:
            who = "/".join(seen.path.split("/")[1:3])
            n, self._calls[who] = self._calls[who], self._calls[who] + 1
            await behaviours[min(n, len(behaviours) - 1)](wire, seen)

        return behave

    def for_first_key(self, behaviour: Behaviour) -> Behaviour:
        """Only the key that ends with 1 gets this behaviour; any other is served."""

        async def behave(wire: Wire, seen: Seen) -> None:
            secret = seen.headers.get("authorization") or seen.headers.get("x-api-key") or ""
            await (behaviour if secret.endswith("1") else ok)(wire, seen)

        return behave


def build_behaviours() -> dict[str, Behaviour]:
    """All of them by name."""
    changing = Changing()
    limited = says(
        "429 Too Many Requests",
        error("slow down", "requests", None, "rate_limit_exceeded"),
        _anthropic_error("rate_limit_error", "slow down"),
        "retry-after: 1\r\n",
    )
    unauthorized = says(
        "401 Unauthorized",
        error("bad key sk-upstream-1", "invalid_request_error", None, "invalid_api_key"),
        _anthropic_error("authentication_error", "bad key sk-upstream-1"),
    )
    unpaid = says(
        "402 Payment Required",
        error("pay sk-upstream-1", "insufficient_quota", None, "insufficient_quota"),
        _anthropic_error("billing_error", "pay sk-upstream-1"),
    )
    forbidden = says(
        "403 Forbidden",
        error("no sk-upstream-1", "invalid_request_error", None, "forbidden"),
        _anthropic_error("permission_error", "no sk-upstream-1"),
    )
    broken = says(
        "500 Internal Server Error", error("boom", "server_error", None, None), _anthropic_error("api_error", "boom")
    )
    overloaded = says(
        "529 Overloaded",
        error("too busy", "server_error", None, None),
        _anthropic_error("overloaded_error", "too busy"),
    )
    error_inside = says(
        "200 OK", error("overloaded inside", "server_error", None, None),
        _anthropic_error("overloaded_error", "overloaded inside"),
    )  # fmt: skip
    return {
        "ok": ok,
        "429": limited,
        "429-then-ok": changing.then(limited, ok),
        "400": says(
            "400 Bad Request",
            error("too hot", "invalid_request_error", "temperature", None),
            _anthropic_error("invalid_request_error", "temperature: too hot"),
        ),
        "401": unauthorized,
        "402": unpaid,
        "403": forbidden,
        "401-key1": changing.for_first_key(unauthorized),
        "402-key1": changing.for_first_key(unpaid),
        "403-key1": changing.for_first_key(forbidden),
        "429-key1": changing.for_first_key(limited),
        "500": broken,
        "500-then-ok": changing.then(broken, ok),
        "529": overloaded,
        "529-then-ok": changing.then(overloaded, ok),
        "html": always("502 Bad Gateway", SECRET_PAGE, "text/html"),
        "redirect": always("307 Temporary Redirect", b"", extra="location: http://127.0.0.1:1/\r\n"),
        "badjson": truncated(60),
        "badjson-then-ok": changing.then(truncated(60), ok),
        "empty": always("200 OK", b""),
        "error-200": error_inside,
        "error-200-then-ok": changing.then(error_inside, ok),
        "context": says(
            "400 Bad Request",
            error("maximum context length", "invalid_request_error", "messages", "context_length_exceeded"),
            _anthropic_error("invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
        ),
        "filtered": says(
            "400 Bad Request",
            error("the filter refused it", "invalid_request_error", None, "content_filter"),
            _anthropic_error("invalid_request_error", "Output blocked by content filtering policy"),
        ),
        "hang": hang,
        "reset": reset,
        "reset-then-ok": changing.then(reset, ok),
        "trickle": trickle,
        "flood": flood,
        "dribble": dribble,
        "huge-reply": huge_reply,
        "huge-event": streamed(lambda f: (*f.opening, f.tokens[0], b"data: " + b"x" * HUGE_EVENT_BYTES)),
        "cut": streamed(lambda f: (*f.opening, *f.tokens, f.tokens[0][:40]), then="reset"),
        "cut-before-content": streamed(lambda f: f.opening, then="reset"),
        "stall": streamed(lambda f: (*f.opening, *f.tokens[:3]), then="stall"),
        "stall-before-content": streamed(lambda f: f.opening, then="stall"),
        "bad-event": streamed(
            lambda f: (*f.opening, f.tokens[0], b"data: {oops\n\n", *f.tokens[1:], *f.closing, f.end)
        ),
        "no-end": streamed(lambda f: (*f.opening, *f.tokens)),
        "empty-stream": streamed(lambda f: (b": ping\n\n",)),
        "error-first": streamed(lambda f: (f.failure_event,)),
        "error-after-role": streamed(lambda f: (*f.opening, f.failure_event)),
        "error-later": _error_later,
        "dressed": streamed(dressed),
        "wrong-type": streamed(
            lambda f: (*f.opening, *f.tokens, *f.closing, f.end), content_type="application/octet-stream"
        ),
        "no-usage": _no_usage,
        "nodone-finish": streamed(lambda f: (*f.opening, *f.tokens, *f.closing)),
        "slow-stream": _slow_stream,
    }


async def _no_usage(wire: Wire, seen: Seen) -> None:
    form = format_of(seen)
    if not streams(seen):
        await wire.reply("200 OK", form.no_usage_whole)
        return
    await wire.start_stream()
    for event in form.no_usage_stream:
        await wire.event(event)
    await wire.end_stream()


async def _error_later(wire: Wire, seen: Seen) -> None:
    """An error once the content has surely reached the client: before that a gateway may still start anew."""
    form = format_of(seen)
    await wire.start_stream()
    for event in (*form.opening, *form.tokens[:3]):
        await wire.event(event)
    await asyncio.sleep(0.1)
    await wire.event(form.failure_event)
    await wire.end_stream()


async def _slow_stream(wire: Wire, seen: Seen) -> None:
    """A healthy stream that takes a second."""
    form = format_of(seen)
    await wire.start_stream()
    for event in (*form.opening, *form.tokens, *form.closing, form.end):
        await wire.event(event)
        await asyncio.sleep(0.08)
    await wire.end_stream()
