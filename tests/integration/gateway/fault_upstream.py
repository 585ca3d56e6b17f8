"""An upstream that misbehaves on demand: raw HTTP over asyncio, so that it can send what no server library would.

The first path segment chooses the behaviour (`POST /stall/v1/chat/completions`). Every request is kept; `closed` is set
per request when the gateway's connection ends.
"""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import orjson

COMPLETION = orjson.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1764000000,
        "model": "mock-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "こんにちは"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    }
)
EMBEDDING = orjson.dumps(
    {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.1, -0.2]}],
        "model": "mock-e",
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    }
)
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 10,
    "total_tokens": 19,
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def chunk_event(delta: dict[str, object], finish: str | None = None) -> bytes:
    """One chat completion chunk as an event."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1764000000,
        "model": "mock-1",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return b"data: " + orjson.dumps(body) + b"\n\n"


def usage_event() -> bytes:
    """The extra event of `include_usage`."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1764000000,
        "model": "mock-1",
        "choices": [],
        "usage": USAGE,
    }
    return b"data: " + orjson.dumps(body) + b"\n\n"


ROLE = chunk_event({"role": "assistant", "content": ""})
TOKENS = [chunk_event({"content": f"語{i} "}) for i in range(10)]
FINISH = chunk_event({}, "stop")
DONE = b"data: [DONE]\n\n"


@dataclass
class Seen:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    closed: threading.Event = field(default_factory=threading.Event)
    answered: threading.Event = field(default_factory=threading.Event)
    sent_bytes: int = 0

    def json(self) -> dict[str, object]:
        return orjson.loads(self.body)


class Wire:
    """The sending side of one connection."""

    def __init__(self, writer: asyncio.StreamWriter, seen: Seen) -> None:
        self.writer = writer
        self.seen = seen

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        self.seen.sent_bytes += len(data)
        await self.writer.drain()

    async def reply(self, status: str, body: bytes, content_type: str = "application/json", extra: str = "") -> None:
        head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\n{extra}content-length: {len(body)}\r\n\r\n"
        await self.raw(head.encode() + body)

    async def start_stream(self, content_type: str = "text/event-stream") -> None:
        await self.raw(
            f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
        )

    async def event(self, data: bytes) -> None:
        await self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    async def end_stream(self) -> None:
        await self.raw(b"0\r\n\r\n")

    def reset(self) -> None:
        self.writer.transport.abort()


Behaviour = Callable[[Wire, Seen], Awaitable[None]]


class FaultUpstream:
    """Runs in a thread of its own."""

    def __init__(self, behaviours: dict[str, Behaviour], tls: ssl.SSLContext | None = None) -> None:
        self.behaviours = behaviours
        self.seen: list[Seen] = []
        self.connections = 0
        self.port = 0
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "FaultUpstream":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def last(self, mode: str) -> Seen:
        """The newest request to a behaviour."""
        return next(s for s in reversed(self.seen) if s.path.startswith(f"/{mode}/"))

    def count(self, mode: str) -> int:
        return sum(s.path.startswith(f"/{mode}/") for s in self.seen)

    def _run(self) -> None:
        async def start() -> None:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()

        self._loop.run_until_complete(start())
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            while True:
                seen = await _read_request(reader, number)
                self.seen.append(seen)
                mode = seen.path.split("/")[1]
                behaviour = asyncio.ensure_future(self.behaviours[mode](Wire(writer, seen), seen))
                watch = asyncio.ensure_future(_until_closed(reader, writer))
                try:
                    await asyncio.wait({behaviour, watch}, return_when=asyncio.FIRST_COMPLETED)
                    if watch.done():
                        return
                    behaviour.result()
                    seen.answered.set()
                finally:
                    if writer.transport.is_closing() or reader.at_eof():
                        seen.closed.set()
                    behaviour.cancel()
                    watch.cancel()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def _until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while not reader.at_eof() and not writer.transport.is_closing():  # noqa: ASYNC110 - streams have no such event
        await asyncio.sleep(0.001)


async def _read_request(reader: asyncio.StreamReader, connection: int) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request_line, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(path=request_line.split(" ")[1], headers=headers, body=body, connection=connection)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    """A chunked body, as other gateways than ours send it."""
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        body += await reader.readexactly(size)
        await reader.readexactly(2)
        if not size:
            return body


# ---- behaviours


async def _stream_tokens(wire: Wire, n: int = 10) -> None:
    await wire.start_stream()
    await wire.event(ROLE)
    for token in TOKENS[:n]:
        await wire.event(token)


async def ok(wire: Wire, seen: Seen) -> None:
    document = seen.json()
    if seen.path.endswith("/embeddings"):
        await wire.reply("200 OK", EMBEDDING)
    elif document.get("stream"):
        await _stream_tokens(wire)
        await wire.event(FINISH)
        options = document.get("stream_options")
        if isinstance(options, dict) and options.get("include_usage"):
            await wire.event(usage_event())
        await wire.event(DONE)
        await wire.end_stream()
    else:
        await wire.reply("200 OK", COMPLETION, extra="x-ratelimit-remaining-requests: 41\r\nset-cookie: a=b\r\n")


def fixed(status: str, body: bytes, content_type: str = "application/json", extra: str = "") -> Behaviour:
    """Always the same reply."""

    async def behave(wire: Wire, seen: Seen) -> None:
        await wire.reply(status, body, content_type, extra)

    return behave


def stream_of(*events: bytes, end: bool = True, content_type: str = "text/event-stream") -> Behaviour:
    """A stream of these events."""

    async def behave(wire: Wire, seen: Seen) -> None:
        await wire.start_stream(content_type)
        for event in events:
            await wire.event(event)
        if end:
            await wire.end_stream()
        else:
            await asyncio.sleep(60)

    return behave


async def hang(wire: Wire, seen: Seen) -> None:
    await asyncio.sleep(60)


async def cut(wire: Wire, seen: Seen) -> None:
    await _stream_tokens(wire)
    await wire.event(TOKENS[0][:30])  # an event that never ends
    wire.writer.transport.abort()
    await asyncio.sleep(60)


async def stall(wire: Wire, seen: Seen) -> None:
    await _stream_tokens(wire, 3)
    await asyncio.sleep(60)


async def trickle(wire: Wire, seen: Seen) -> None:
    await wire.start_stream()
    while True:
        await wire.event(TOKENS[0])
        await asyncio.sleep(0.02)


async def flood(wire: Wire, seen: Seen) -> None:
    await wire.start_stream()
    event = chunk_event({"content": "x" * 16_000})
    while True:
        await wire.event(event)


async def close_after_reply(wire: Wire, seen: Seen) -> None:
    """Answers, then closes the kept-alive connection without saying so."""
    await wire.reply("200 OK", COMPLETION)
    wire.writer.close()


async def until_close(wire: Wire, seen: Seen) -> None:
    """A body that ends with the connection."""
    await wire.raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n" + COMPLETION)
    wire.writer.close()


async def dribble(wire: Wire, seen: Seen) -> None:
    """A whole stream, three bytes at a time: every split point, inside UTF-8 too."""
    await wire.start_stream()
    for data in (ROLE, *TOKENS[:3], FINISH, DONE):
        for i in range(0, len(data), 3):
            await wire.event(data[i : i + 3])
            await asyncio.sleep(0)
    await wire.end_stream()


async def garbage(wire: Wire, seen: Seen) -> None:
    await wire.raw(b"\x00\x01 this isn't HTTP\r\n\r\n")
    await asyncio.sleep(60)


async def reset_at_once(wire: Wire, seen: Seen) -> None:
    wire.reset()


async def two_answers(wire: Wire, seen: Seen) -> None:
    """A second answer that nobody asked for, in the same packet."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(COMPLETION)}\r\n\r\n".encode()
    await wire.raw((head + COMPLETION) * 2)


def error(message: str, kind: str, param: str | None, code: str | int | None) -> bytes:
    return orjson.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})


BEHAVIOURS: dict[str, Behaviour] = {
    "ok": ok,
    "429": fixed(
        "429 Too Many Requests", error("slow down", "requests", None, "rate_limit_exceeded"), extra="retry-after: 7\r\n"
    ),
    "429html": fixed("429 Too Many Requests", b"<html>slow", "text/html", "retry-after: 3\r\n"),
    "400": fixed("400 Bad Request", error("too hot", "invalid_request_error", "temperature", None)),
    "401": fixed(
        "401 Unauthorized", error("bad key sk-upstream-secret", "invalid_request_error", None, "invalid_api_key")
    ),
    "500": fixed("500 Internal Server Error", error("boom", "server_error", None, None)),
    "html": fixed("502 Bad Gateway", b"<html><h1>secret page</h1></html>", "text/html"),
    "redirect": fixed("307 Temporary Redirect", b"", extra="location: http://127.0.0.1:1/\r\n"),
    "badjson": fixed("200 OK", COMPLETION[:60]),
    "empty": fixed("200 OK", b""),
    "notobject": fixed("200 OK", b"[1, 2]"),
    "error200": fixed("200 OK", error("overloaded inside", "server_error", None, None)),
    "gzipped": fixed("200 OK", b"\x1f\x8b", extra="content-encoding: gzip\r\n"),
    "context": fixed(
        "400 Bad Request",
        orjson.dumps({"error": {"code": 400, "message": "too long", "type": "exceed_context_size_error", "n_ctx": 5}}),
    ),
    "hang": hang,
    "cut": cut,
    "stall": stall,
    "trickle": trickle,
    "flood": flood,
    "closes": close_after_reply,
    "untilclose": until_close,
    "dribble": dribble,
    "garbage": garbage,
    "reset": reset_at_once,
    "two": two_answers,
    "badevent": stream_of(ROLE, TOKENS[0], b"data: {oops\n\n", TOKENS[1], FINISH, DONE),
    "nodone": stream_of(ROLE, TOKENS[0], TOKENS[1]),
    "finishonly": stream_of(ROLE, TOKENS[0], FINISH),
    "doneopen": stream_of(ROLE, TOKENS[0], FINISH, DONE, end=False),
    "emptystream": stream_of(b": ping\n\n"),
    "errorfirst": stream_of(b'data: {"error": {"message": "model crashed"}}\n\n'),
    "errorlater": stream_of(ROLE, TOKENS[0], b'data: {"error": {"message": "model crashed"}}\n\n'),
    "errortogether": stream_of(ROLE + TOKENS[0] + b'data: {"error": {"message": "model crashed"}}\n\n'),
    "crlf": stream_of(
        b"\xef\xbb\xbf: hello\r\n\r\n",
        *(e.replace(b"\n", b"\r\n") for e in (ROLE, TOKENS[0], TOKENS[1], FINISH, DONE)),
    ),
    "wrongtype": stream_of(ROLE, TOKENS[0], FINISH, DONE, content_type="application/octet-stream"),
    "jsonstream": fixed("200 OK", COMPLETION),
    "hugeevent": stream_of(ROLE, b"data: " + b"x" * 300_000),
}
