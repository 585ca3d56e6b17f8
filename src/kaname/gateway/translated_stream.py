"""A stream whose two sides speak different formats: upstream events → hub chunks → the client's events.

A `Relay` like `EventRelay`, which passes bytes. Every event is parsed here. Usage and finish reasons are read from the
hub's chunks as they pass.
"""

from collections.abc import Iterable
from typing import Protocol, cast

import orjson

from kaname.gateway.dialects.model import Document, StreamDecoder, StreamEncoder
from kaname.gateway.openai_errors import WireError
from kaname.gateway.stream import StreamEnd, event_data, split_complete_events
from kaname.kernel.errors import UpstreamError


class Framer(Protocol):
    """Cuts an upstream's bytes into events: (name or "", data)."""

    def feed(self, chunk: bytes) -> Iterable[tuple[str, bytes]]:
        """The events that the bytes complete; raises UpstreamError when one is too large or broken."""
        ...


class SseFramer:
    """Server-sent events."""

    __slots__ = ("_held", "_max_event_bytes")

    def __init__(self, max_event_bytes: int) -> None:
        self._held = b""
        self._max_event_bytes = max_event_bytes

    def feed(self, chunk: bytes) -> Iterable[tuple[str, bytes]]:
        """See `Framer`."""
        events, self._held = split_complete_events(self._held + chunk)
        if len(self._held) > self._max_event_bytes:
            raise UpstreamError(
                f"an event of the upstream's stream is larger than {self._max_event_bytes} bytes",
                hint="Setting gateway.max_event_bytes.", code="upstream_response_too_large",
            )  # fmt: skip
        return [(_event_name(event), data) for event in events if (data := event_data(event))]


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
        for choice in cast("list[Document]", chunk.get("choices") or []):
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


def _event_name(event: bytes) -> str:
    start = 0 if event.startswith(b"event:") else event.find(b"\nevent:") + 1
    if start == 0 and not event.startswith(b"event:"):
        return ""
    line = event[start + 6 :].split(b"\n", 1)[0]
    return line.strip().decode("latin-1")
