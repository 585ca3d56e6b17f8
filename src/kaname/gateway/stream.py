"""Server-sent events passed through as bytes, aligned to whole events.

`EventRelay` gives out only complete events, so that an error event can follow at any point and an event that never
ended isn't shown. It doesn't parse them: it keeps the beginning for the record and the end (`TAIL_BYTES`) to read usage
and the finish reason from afterwards. The one thing it may take out is the usage event that the gateway itself asked
for. Event boundaries as in https://html.spec.whatwg.org/multipage/server-sent-events.html: LF, CR or CRLF, twice.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, cast

import orjson

from kaname.gateway.openai_errors import WireError
from kaname.kernel.errors import UpstreamError

TAIL_BYTES = 4096
HEAD_BYTES = 2048
_BOUNDARY = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
_CONTENT = re.compile(rb'"(?:content|reasoning_content|reasoning|refusal|arguments|text|name)"\s*:\s*"[^"]')
_DONE = re.compile(rb"(?:^|[\r\n])data:[ \t]*\[DONE\][ \t]*(?=[\r\n]|$)")
_FINISH = re.compile(rb'"finish_reason"\s*:\s*"([a-z_]{1,40})"')
_EMPTY_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')
_DATA = re.compile(rb"(?:^|[\r\n])data:[ ]?([^\r\n]*)")


class StreamEnd(NamedTuple):
    """What the end of a stream says."""

    done: bool
    """`[DONE]` was seen."""
    finish_reasons: list[str]
    usage: bytes
    """The last `usage` object as JSON, or b""."""
    error: dict[str, object] | None
    """The upstream's own error object, when the last event is one."""


class Relay(Protocol):
    """One stream on its way from the upstream to the client, whatever lies between their formats."""

    content_seen: bool
    """Whether something with text, a tool call or reasoning has been given out."""
    done: bool
    """Whether what was given out ended with the format's last event."""
    sent_bytes: int

    @property
    def malformed(self) -> int:
        """Events so far that couldn't be read: passed on as they came, or left out of a translation."""
        ...

    def feed(self, chunk: bytes) -> bytes:
        """The client's events that the upstream's bytes complete, b"" for none; raises UpstreamError."""
        ...

    def finish(self) -> bytes:
        """At a clean end of the upstream: what is still owed to the client."""
        ...

    def end(self) -> "StreamEnd":
        """What the stream said about itself. Called once, after everything else."""
        ...

    def head(self) -> bytes:
        """The first bytes given out, at most the record limit."""
        ...

    def error(self, error: WireError) -> bytes:
        """The event that ends a failed stream."""
        ...


class StreamDialect(NamedTuple):
    """How a stream that is passed through is understood without parsing its events."""

    content: re.Pattern[bytes]
    """Found in an event that carries text, a tool call or reasoning."""
    is_done: Callable[[bytes], bool]
    """Whether some events end with the format's last one."""
    read_end: Callable[[bytes, bytes, bytes], StreamEnd]
    """From the first bytes, the last bytes and what was taken out."""
    error_event: Callable[[WireError], bytes]


class EventRelay:
    """Bytes in, whole events out. `strip_usage`: drop the event with empty `choices` and a `usage` object."""

    __slots__ = (
        "_dialect", "_head", "_held", "_max_event_bytes", "_record", "_record_limit", "_recorded", "_strip_usage",
        "_stripped", "_tail", "_tail_size", "content_seen", "done", "malformed", "sent_bytes",
    )  # fmt: skip

    def __init__(
        self, *, strip_usage: bool, max_event_bytes: int, record_limit: int, dialect: StreamDialect | None = None
    ) -> None:
        self.content_seen = False
        self.done = False
        self.sent_bytes = 0
        self.malformed = 0
        self._dialect = dialect or CHAT_STREAM
        self._head = b""
        self._held = bytearray()
        self._strip_usage = strip_usage
        self._stripped = b""
        self._max_event_bytes = max_event_bytes
        self._record: list[bytes] = []
        self._record_limit = record_limit
        self._recorded = 0
        self._tail: deque[bytes] = deque()
        self._tail_size = 0

    @property
    def content(self) -> re.Pattern[bytes]:
        """Found in an event that carries text, a tool call or reasoning."""
        return self._dialect.content

    def feed(self, chunk: bytes) -> bytes:
        """The events that `chunk` completes, b"" for none; raises UpstreamError when one is too large."""
        if self._held or not chunk.endswith(b"\n\n"):
            chunk = self._hold_back(chunk)
            if not chunk:
                return b""
        if self._strip_usage and b"usage" in chunk and _EMPTY_CHOICES.search(chunk):
            chunk = self._without_usage(chunk)
        if chunk:
            self._account(chunk)
        return chunk

    def finish(self) -> bytes:
        """At a clean end of the upstream: the last event when it lacks only its blank line, else b""."""
        held, self._held = bytes(self._held), bytearray()
        if not held.strip() or not all(_is_whole(data) for data in _DATA.findall(held)):
            return b""
        closed = held.rstrip(b"\r\n") + b"\n\n"
        self._account(closed)
        return closed

    def end(self) -> StreamEnd:
        """Reads the tail."""
        tail = b"".join(self._tail)
        if self.sent_bytes > len(tail):
            tail = tail[max(tail.find(b"data:"), 0) :]
        return self._dialect.read_end(self._head, tail, self._stripped)

    def head(self) -> bytes:
        """The first bytes given out, at most the record limit."""
        return b"".join(self._record)[: self._record_limit]

    def error(self, error: WireError) -> bytes:
        """The event that ends a failed stream."""
        return self._dialect.error_event(error)

    def _hold_back(self, chunk: bytes) -> bytes:
        """Adds to what is held; returns it up to the last event boundary, b"" when there is none."""
        held = self._held
        searched = max(len(held) - 2, 0)
        held += chunk
        end = _last_boundary(held, searched)
        whole = bytes(held[:end])
        del held[:end]
        if len(held) > self._max_event_bytes:
            raise UpstreamError(
                f"an event of the upstream's stream is larger than {self._max_event_bytes} bytes",
                hint="Setting gateway.max_event_bytes.",
                code="upstream_response_too_large",
            )
        return whole

    def _without_usage(self, chunk: bytes) -> bytes:
        bounds = _event_around(chunk, chunk.rfind(b'"usage"'))
        if bounds is not None:
            start, end = bounds
            event, rest = chunk[start:end], chunk[:start] + chunk[end:]
            if not _EMPTY_CHOICES.search(rest):  # nearly always: it is the one before `[DONE]`
                if _EMPTY_CHOICES.search(event) and _is_usage_only(event):
                    self._stripped = event
                    return rest
                return chunk
        kept: list[bytes] = []
        for event in split_events(chunk):
            if _EMPTY_CHOICES.search(event) and _is_usage_only(event):
                self._stripped = event
            else:
                kept.append(event)
        return b"".join(kept)

    def _account(self, chunk: bytes) -> None:
        size = len(chunk)
        if self.sent_bytes < HEAD_BYTES:
            self._head += chunk
        self.sent_bytes += size
        if self._recorded < self._record_limit:
            self._record.append(chunk)
            self._recorded += size
        tail = self._tail
        tail.append(chunk)
        self._tail_size += size
        while self._tail_size - len(tail[0]) >= TAIL_BYTES:
            self._tail_size -= len(tail.popleft())
        if not self.content_seen and self._dialect.content.search(chunk):
            self.content_seen = True
        if self._dialect.is_done(chunk):
            self.done = True
        # Cheaper than parsing: an event that doesn't end like a JSON object is looked at closely.
        if chunk.count(b"}\n\n") + chunk.endswith(b"[DONE]\n\n") != chunk.count(b"\n\n"):
            self.malformed += count_malformed(chunk)


def _last_boundary(buffer: bytearray, start: int) -> int:
    """Where the last boundary that begins at or after `start` ends; 0 when there is none.

    Two line ends in a row always contain LF LF, CR CR or LF CR; three `rfind`s are faster than one expression. A buffer
    that ends with LF CR is cut inside CR LF: its last event waits for the LF, which else would begin the next one.
    """
    stop = len(buffer) - 1 if buffer.endswith(b"\n\r") else len(buffer)
    found = max(
        buffer.rfind(b"\n\n", start, stop), buffer.rfind(b"\r\r", start, stop), buffer.rfind(b"\n\r", start, stop)
    )
    if found < 0:
        return 0
    end = found + 2
    return end + 1 if buffer.startswith(b"\r\n", end - 1) else end


def split_events(chunk: bytes) -> Iterator[bytes]:
    """The events of a chunk, each with its boundary; what follows the last boundary comes last."""
    start = 0
    for match in _BOUNDARY.finditer(chunk):
        yield chunk[start : match.end()]
        start = match.end()
    if start < len(chunk):
        yield chunk[start:]


def _event_around(events: bytes, at: int) -> tuple[int, int] | None:
    """Where the event that holds an index begins and ends; None without an index, and where lines don't end with LF."""
    if at < 0 or b"\r" in events:
        return None
    end = events.find(b"\n\n", at)
    start = events.rfind(b"\n\n", 0, at)
    return start + 2 if start >= 0 else 0, end + 2 if end >= 0 else len(events)


def split_complete_events(buffer: bytes) -> tuple[list[bytes], bytes]:
    """The whole events at the beginning of a buffer, and what is left of it."""
    start, events = 0, list[bytes]()
    for match in _BOUNDARY.finditer(buffer):
        if match.end() == len(buffer) and buffer.endswith(b"\r"):
            break  # the CR may be the first half of CRLF
        events.append(buffer[start : match.end()])
        start = match.end()
    return events, buffer[start:]


def event_data(event: bytes) -> bytes:
    """The `data` of one event, its lines joined by LF; b"" when it has none (a comment, a ping)."""
    return b"\n".join(_DATA.findall(event.removeprefix(b"\xef\xbb\xbf")))


def looks_like_events(beginning: bytes) -> bool:
    """Whether bytes begin like an event stream, whatever their content type says."""
    start = beginning.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    return start.startswith((b"data:", b"event:", b"id:", b"retry:", b":"))


def early_error(events: bytes, content: re.Pattern[bytes]) -> dict[str, object] | None:
    """The error object when an event is one before any that matches `content`, in the words of any surface.

    An error behind content isn't early, also when both came in one packet: how bytes were cut must decide nothing.
    """
    if b'"error"' not in events and b'"response.failed"' not in events:
        return None
    for event in split_events(events):
        if (b'"error"' in event or b'"response.failed"' in event) and (error := _error_in(event_data(event))):
            return error
        if content.search(event):
            return None
    return None


def count_malformed(events: bytes) -> int:
    """Events whose data is neither a JSON object nor `[DONE]`."""
    return sum(1 for event in split_events(events) if (data := event_data(event)) and not _is_whole(data))


def _last_error(events: bytes) -> dict[str, object] | None:
    if b'"error"' not in events:
        return None
    data = [found for event in split_events(events) if (found := event_data(event))]
    return _error_in(data[-1]) if data else None


def _error_in(data: bytes) -> dict[str, object] | None:
    document = _object(data)
    if document is None or document.get("choices"):
        return None
    error = document.get("error")
    if document.get("type") == "response.failed" and isinstance(response := document.get("response"), dict):
        error = cast("dict[str, object]", response).get("error") or "no reason given"
    elif document.get("type") == "error" and error is None:
        error = {name: document.get(name) for name in ("message", "code", "param")}
    if isinstance(error, dict):
        return cast("dict[str, object]", error)
    return {"message": error} if isinstance(error, str) and error else None


def _usage_in(events: bytes) -> bytes:
    """The last `usage` object in some events; b"" when there is none."""
    bounds = _event_around(events, events.rfind(b'"usage"'))
    if bounds is not None:
        document = _object(event_data(events[bounds[0] : bounds[1]]))
        if document is not None and isinstance(document.get("usage"), dict):
            return orjson.dumps(document["usage"])
    if b'"usage"' not in events:
        return b""
    for event in reversed(list(split_events(events))):
        if b'"usage"' not in event:
            continue
        document = _object(event_data(event))
        if document is not None and isinstance(document.get("usage"), dict):
            return orjson.dumps(document["usage"])
    return b""


def _is_usage_only(event: bytes) -> bool:
    document = _object(event_data(event))
    return document is not None and document.get("choices") == [] and isinstance(document.get("usage"), dict)


def _is_whole(data: bytes) -> bool:
    return data.strip() == b"[DONE]" or _object(data) is not None


def _object(data: bytes) -> dict[str, object] | None:
    try:
        document: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, object]", document) if isinstance(document, dict) else None


def _chat_end(head: bytes, tail: bytes, stripped: bytes) -> StreamEnd:
    usage = _usage_in(stripped) or _usage_in(tail)
    reasons = list(dict.fromkeys(reason.decode() for reason in _FINISH.findall(tail)))
    return StreamEnd(_has_done(tail), reasons, usage, _last_error(tail))


def _has_done(tail: bytes) -> bool:
    return tail.endswith(b"\n\ndata: [DONE]\n\n") or (b"[DONE]" in tail and _DONE.search(tail) is not None)


def _chat_done(events: bytes) -> bool:
    return events.endswith(b"[DONE]\n\n")


def _chat_error(error: WireError) -> bytes:
    return b"data: " + error.body() + b"\n\n"


CHAT_STREAM = StreamDialect(_CONTENT, _chat_done, _chat_end, _chat_error)
"""Chat completions and completions."""
