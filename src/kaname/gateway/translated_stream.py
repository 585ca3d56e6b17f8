"""A stream whose two sides speak different formats: upstream events → hub chunks → the client's events.

A `Relay` like `EventRelay`, which passes bytes. Every event is parsed here. Usage and finish reasons are read from the
hub's chunks as they pass.
"""

import re
from collections.abc import Iterable
from typing import Protocol, cast

import orjson

from kaname.gateway.dialects.model import Document, StreamDecoder, StreamEncoder
from kaname.gateway.dialects.reading import objects_in
from kaname.gateway.openai_errors import WireError
from kaname.gateway.stream import StreamEnd, event_data, split_complete_events
from kaname.kernel.errors import UpstreamError

_NAME = re.compile(rb"(?:^|[\r\n])event:([^\r\n]*)")


class Framer(Protocol):
    """Cuts an upstream's bytes into events: (name or "", data)."""

    def feed(self, chunk: bytes) -> Iterable[tuple[str, bytes]]:
        """The events that the bytes complete; raises UpstreamError when one is too large or broken."""
        ...


class SseFramer:
    """Server-sent events."""

    __slots__ = ("_held", "_max_event_bytes")

    def __init__(self, max_event_bytes: int) -> None:
        self._held = bytearray()
        self._max_event_bytes = max_event_bytes

    def feed(self, chunk: bytes) -> Iterable[tuple[str, bytes]]:
        """See `Framer`."""
        held = self._held
        if held:
            start = max(len(held) - 3, 0)
            held += chunk
            if max(held.rfind(b"\n\n", start), held.rfind(b"\r\r", start), held.rfind(b"\n\r", start)) < 0:
                self._check_size()
                return ()
            chunk = bytes(held)
        if b"\r" in chunk:
            events, rest = split_complete_events(chunk)
            read = _read_any
        else:
            *events, rest = chunk.split(b"\n\n")
            read = _read_plain
        self._held = bytearray(rest)
        self._check_size()
        return [found for event in events if (found := read(event))[1]]

    def _check_size(self) -> None:
        if len(self._held) > self._max_event_bytes:
            raise UpstreamError(
                f"an event of the upstream's stream is larger than {self._max_event_bytes} bytes",
                hint="Setting gateway.max_event_bytes.", code="upstream_response_too_large",
            )  # fmt: skip


class TranslatedRelay:
    """See `stream.Relay`."""

    __slots__ = (
        "_decoder", "_encoder", "_failure", "_finish_reasons", "_framer", "_record", "_record_limit", "_recorded",
        "_usage", "content_seen", "done", "sent_bytes",
    )  # fmt: skip

    def __init__(self, framer: Framer, decoder: StreamDecoder, encoder: StreamEncoder, *, record_limit: int) -> None:
        self.content_seen = False
        self.done = False
        self.sent_bytes = 0
        self._framer = framer
        self._decoder = decoder
        self._encoder = encoder
        self._failure: UpstreamError | None = None
        self._usage: Document | None = None
        self._finish_reasons: list[str] = []
        self._record: list[bytes] = []
        self._record_limit = record_limit
        self._recorded = 0

    @property
    def malformed(self) -> int:
        """Upstream events that couldn't be read and were left out."""
        return self._decoder.malformed

    def feed(self, chunk: bytes) -> bytes:
        """See `stream.Relay`."""
        if self._failure is not None:
            raise self._failure
        committed, written = self.content_seen, list[bytes]()
        try:
            for name, data in self._framer.feed(chunk):
                if self.done:
                    break
                for document in self._decoder.feed(name, data):
                    written.append(self._write(document))
                if self._decoder.done:
                    self.done = True
                    written += [self._write(document) for document in self._decoder.finish()]
                    written.append(self._encoder.finish())
        except UpstreamError as e:
            if not committed or not written:
                raise
            self._failure = e  # what came before it belongs to the client
        return self._account(b"".join(written))

    def finish(self) -> bytes:
        """See `stream.Relay`; raises UpstreamError (`upstream_cut`) when the upstream ended too early."""
        if self._failure is not None:
            raise self._failure
        if self.done:
            return b""
        written = [self._write(document) for document in self._decoder.finish()]
        self.done = True
        return self._account(b"".join([*written, self._encoder.finish()]))

    def end(self) -> StreamEnd:
        """See `stream.Relay`."""
        usage = orjson.dumps(self._usage) if self._usage is not None else b""
        return StreamEnd(self.done, self._finish_reasons, usage, None)

    def head(self) -> bytes:
        """See `stream.Relay`."""
        return b"".join(self._record)[: self._record_limit]

    def error(self, error: WireError) -> bytes:
        """See `stream.Relay`."""
        return self._encoder.error(error)

    def _write(self, chunk: Document) -> bytes:
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            self._usage = cast("Document", usage)
        for choice in objects_in(chunk, "choices"):
            reason = choice.get("finish_reason")
            if isinstance(reason, str) and reason not in self._finish_reasons:
                self._finish_reasons.append(reason)
            if not self.content_seen and _has_content(choice.get("delta")):
                self.content_seen = True
        return self._encoder.feed(chunk)

    def _account(self, written: bytes) -> bytes:
        self.sent_bytes += len(written)
        if written and self._recorded < self._record_limit:
            self._record.append(written)
            self._recorded += len(written)
        return written


def _has_content(delta: object) -> bool:
    if not isinstance(delta, dict):
        return False
    fields = cast("Document", delta)
    return any(
        fields.get(key) for key in ("content", "tool_calls", "reasoning_content", "thinking_blocks", "refusal", "audio")
    )


def _read_plain(event: bytes) -> tuple[str, bytes]:
    """An event whose lines end with LF. Almost all are one `data` line, with or without a name before it."""
    name, rest = b"", event
    if event.startswith(b"event: "):
        line, _, rest = event.partition(b"\n")
        name = line[7:]
    if rest.startswith(b"data: ") and b"\n" not in rest:
        return name.strip().decode("latin-1"), rest[6:]
    return _read_any(event)


def _read_any(event: bytes) -> tuple[str, bytes]:
    return _event_name(event), event_data(event)


def _event_name(event: bytes) -> str:
    found = _NAME.search(event)
    return found[1].strip().decode("latin-1") if found is not None else ""
