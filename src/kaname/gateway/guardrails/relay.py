"""A stream under guards: a `Relay` around another one that reads its events and lets go what is certain.

Events wait in order until the text that they carry is released (`channel.py`); then they leave as they came, byte for
byte, unless a guard changed their text or a placeholder is restored. When a guard blocks, what was certain before the
place has left, the rest is dropped, and the format's own ending for refused content follows.
Two versions leave: the client's, and one for the record in which placeholders stay placeholders.
"""

from collections import deque
from typing import cast

import orjson

from kaname.gateway.guardrails.channel import (
    Channel,
    HeldChannel,
    OpenChannel,
    WholeChannel,
    screen_json,
    screen_text,
)
from kaname.gateway.guardrails.event_runs import Run, Shape, learn_shape
from kaname.gateway.guardrails.model import Document
from kaname.gateway.guardrails.screen import Screen
from kaname.gateway.guardrails.stream_formats import StreamFormat
from kaname.gateway.guardrails.texts import Slot
from kaname.gateway.openai_errors import WireError
from kaname.gateway.stream import Relay, StreamEnd, event_data, split_events

_LESSONS = 8
"""So many events in a row without the shape of the one before, and shapes aren't looked for any more."""
_VISIBLE = frozenset({"content", "text", "response.output_text.delta"})


class _Piece:
    """A stretch of a channel that one event carries."""

    __slots__ = ("channel", "end", "holder", "key", "start", "text")

    def __init__(self, channel: Channel, start: int, text: str, holder: Document, key: str) -> None:
        self.channel = channel
        self.start = start
        self.end = start + len(text)
        self.text = text
        self.holder = holder
        self.key = key


class _Event:
    """One event that waits."""

    __slots__ = ("document", "pieces", "raw", "rewritten")

    def __init__(self, raw: bytes, document: Document | None) -> None:
        self.raw = raw
        self.document = document
        self.pieces: list[_Piece] = []
        self.rewritten: list[tuple[Slot, str, str]] | None = None
        """Texts that are said again: where, for the record, for the client."""


class GuardedRelay:
    """See `stream.Relay`. `waits`: nothing leaves before `conclude`, because a guard wants the whole answer first."""

    __slots__ = (
        "_channels", "_current", "_event", "_format", "_hold_back", "_inner", "_latest", "_latest_group",
        "_latest_name", "_lessons", "_only_restores", "_pending", "_queue", "_reached", "_record", "_record_limit",
        "_recorded", "_run", "_said", "_screen", "_shape", "_waits", "blocked", "content_seen", "done", "sent_bytes",
    )  # fmt: skip

    def __init__(
        self,
        inner: Relay,
        form: StreamFormat,
        screen: Screen,
        *,
        hold_back: int,
        record_limit: int,
        waits: bool = False,
        keeps_text: bool = False,
    ) -> None:
        self.content_seen = False
        self.done = False
        self.sent_bytes = 0
        self.blocked = False
        self._inner = inner
        self._format = form
        self._screen = screen
        self._hold_back = hold_back
        self._waits = waits
        self._only_restores = not (screen.watches or waits or keeps_text)
        """Events without a placeholder needn't be read."""
        self._said: list[str] | None = [] if keeps_text or waits else None
        self._channels: dict[tuple[int, str], Channel] = {}
        self._current: dict[int, str] = {}
        self._latest: Channel | None = None
        """The channel of the piece before, which is nearly always the one of the next."""
        self._latest_group = 0
        self._latest_name = ""
        self._shape: Shape | None = None
        """Of the event before; only while its channel is the latest."""
        self._lessons = _LESSONS
        self._reached = 0
        """How long the channel of the shape is with all that arrived."""
        self._run: Run | None = None
        """The last of the queue, if it still grows."""
        self._pending: list[str] = []
        """Texts that the channel of the shape doesn't have yet, because they wouldn't make it scan."""
        self._queue: deque[_Event | Run] = deque()
        self._event = _Event(b"", None)
        self._record: list[bytes] = []
        self._record_limit = record_limit
        self._recorded = 0

    @property
    def text(self) -> str:
        """What the model said so far; only where it was asked to keep it."""
        return "".join(self._said or ())

    @property
    def malformed(self) -> int:
        """See `stream.Relay`."""
        return self._inner.malformed

    # ---- Relay

    def feed(self, chunk: bytes) -> bytes:
        """See `stream.Relay`."""
        if self.blocked:
            return b""
        events = self._inner.feed(chunk)
        shape = self._shape
        text = shape.text_of(events) if shape is not None else ""
        if shape is None or not text:
            return self.take(events) if events else b""
        self._lessons = _LESSONS
        self._pending.append(text)
        reached = self._reached = self._reached + len(text)
        if self._said is not None and shape.is_visible:
            self._said.append(text)
        channel = shape.channel
        if reached >= channel.next_scan:
            self._settle()
        elif type(channel) is OpenChannel:
            if not (self._queue or self._waits):
                self.content_seen = True
                return self._account(events)
            self._settle()
        run = self._run
        if run is None:
            run = self._run = Run(shape, reached - len(text))
            self._queue.append(run)
        run.events.append(events)
        run.ends.append(reached)
        if self._waits or (channel.released < run.ends[0] and self._screen.blocked_by is None):
            return b""
        return self._release()

    def take(self, events: bytes) -> bytes:
        """The same for whole events in the client's format."""
        if self._only_restores and not self._queue and b"<" not in events and b"u003" not in events:
            self.content_seen, self.done = self._inner.content_seen, self._inner.done
            return self._account(events)
        self._settle()
        self._run = self._shape = None
        if events.count(b"\n\n") == 1 and events.endswith(b"\n\n"):  # the usual event, alone
            self._read(events)
            if self._lessons:
                self._learn()
        else:
            for event in split_events(events):
                self._read(event)
                if self._screen.blocked_by is not None:
                    break
        return b"" if self._waits else self._release()

    def finish(self) -> bytes:
        """See `stream.Relay`."""
        if self.blocked:
            return b""
        self._settle()
        rest = self._inner.finish()
        if rest:
            for event in split_events(rest):
                self._read(event)
        self.close_all()
        return b"" if self._waits else self._release()

    def conclude(self, *, block: bool) -> bytes:
        """What waited for the verdict on the whole answer: all of it, or the ending of a refused one."""
        self._waits = False
        if not block:
            return self._release()
        out = b""
        while self._queue:
            event = self._queue[0]
            if isinstance(event, Run) or event.pieces or event.rewritten:
                break
            self._queue.popleft()
            out += self._give_out(event)
        return out + self._stop()

    def end(self) -> StreamEnd:
        """See `stream.Relay`."""
        end = self._inner.end()
        return StreamEnd(True, ["content_filter"], end.usage, None) if self.blocked else end

    def head(self) -> bytes:
        """See `stream.Relay`."""
        return b"".join(self._record)[: self._record_limit]

    def error(self, error: WireError) -> bytes:
        """See `stream.Relay`. What was certain by the end of the broken stream comes first."""
        if self.blocked:
            return b""
        out = b""
        if not self._waits:
            self.close_all()
            out = self._release()
        return out if self.blocked else out + self._inner.error(error)

    # ---- PieceSink

    def piece(
        self, group: int, name: str, holder: Document, key: str, *, json: bool = False, fixed: bool = False
    ) -> None:
        """See `PieceSink`."""
        text = cast("str", holder[key])
        if self._said is not None and name in _VISIBLE:
            self._said.append(text)
        channel = self._latest
        if channel is None or name != self._latest_name or group != self._latest_group:
            channel = self._channels.get((group, name))
            if channel is None:
                channel = self._open(group, name, json=json, fixed=fixed)
            self._latest, self._latest_name, self._latest_group = channel, name, group
            self._shape = None
        start = channel.size
        channel.add(text)
        self._event.pieces.append(_Piece(channel, start, text, holder, key))

    def close(self, group: int) -> None:
        """See `PieceSink`."""
        self._latest = self._shape = None
        self._current.pop(group, None)
        for key in [key for key in self._channels if key[0] == group]:
            self._channels.pop(key).finish()

    def close_all(self) -> None:
        """See `PieceSink`."""
        self._settle()
        self._latest = self._shape = None
        for channel in self._channels.values():
            channel.finish()
        self._channels.clear()
        self._current.clear()

    def repeat(self, slots: list[Slot]) -> None:
        """See `PieceSink`."""
        screen = self._screen
        for slot in slots:
            masked, client = (
                screen_json(screen, slot.text, counts=False)
                if slot.json
                else screen_text(screen, slot.text, self._hold_back, counts=False)
            )
            if client != slot.text:
                event = self._event
                event.rewritten = [*(event.rewritten or ()), (slot, masked, client)]

    # ---- events

    def _open(self, group: int, name: str, *, json: bool, fixed: bool) -> Channel:
        before = self._current.get(group)
        if before is not None and not json:
            self._channels.pop((group, before)).finish()
        screen = self._screen
        channel: Channel
        if json:
            channel = WholeChannel(screen)
        elif screen.enforces:
            channel = HeldChannel(screen, self._hold_back, fixed=fixed)
        else:
            watched = HeldChannel(screen, self._hold_back) if screen.watches else None
            channel = OpenChannel(screen, watched, fixed=fixed)
        self._channels[group, name] = channel
        if not json:
            self._current[group] = name
        return channel

    def _read(self, raw: bytes) -> None:
        data = event_data(raw)
        document: Document | None = None
        if data[:1] == b"{":
            try:
                document = orjson.loads(data)
            except orjson.JSONDecodeError:
                document = None  # passed on as it came; the record counts it
        event = self._event = _Event(raw, document)
        if document is not None:
            self._format.read(document, self)
        elif b"[DONE]" in raw:
            self.close_all()
        self._queue.append(event)

    def _learn(self) -> None:
        """How the event that was just read looks, if it carries one text and nothing else."""
        pieces, event = self._event.pieces, self._event
        self._shape = None
        if len(pieces) != 1 or event.rewritten or pieces[0].channel is not self._latest:
            return
        piece = pieces[0]
        channel = piece.channel
        if isinstance(channel, HeldChannel) or (isinstance(channel, OpenChannel) and not channel.restores):
            visible = self._latest_name in _VISIBLE
            self._shape = learn_shape(event.raw, piece.key, piece.text, channel, is_visible=visible)
            self._reached = channel.size
        self._lessons -= 1

    def _settle(self) -> None:
        """Gives a channel the texts that it doesn't have yet."""
        if self._pending and self._shape is not None:
            text = "".join(self._pending)
            self._pending.clear()
            self._format.passed(len(text))
            self._shape.channel.add(text)

    def _release_run(self, run: Run) -> bytes:
        """Those of its events that are certain."""
        if not run.shape.channel.edits:
            events = run.take_bytes()
            self.content_seen = self.content_seen or bool(events)
            return self._account(events) if events else b""
        return b"".join([self._render_one(run.shape, event, start) for event, start in run.take()])

    def _render_one(self, shape: Shape, event: bytes, start: int) -> bytes:
        self.content_seen = True
        text = shape.text_of(event)
        masked, client = _edited(_Piece(shape.channel, start, text, {}, ""))
        if masked == client == text:
            return self._account(event)
        sent = shape.with_text(client)
        return self._account(sent, sent if masked == client else shape.with_text(masked))

    def _release(self) -> bytes:
        """The events whose texts are certain, in order."""
        queue, out = self._queue, list[bytes]()
        while queue:
            event = queue[0]
            if isinstance(event, Run):
                out.append(self._release_run(event))
                if event.events:
                    break
                queue.popleft()
                if event is self._run:
                    self._run = None
                continue
            for piece in event.pieces:
                if piece.end > piece.channel.released:
                    break
            else:
                queue.popleft()
                out.append(self._give_out(event))
                continue
            break
        if self._screen.blocked_by is not None and not self.blocked:
            out.append(self._stop())
        elif self._inner.done and not queue:
            self.done = True
        return out[0] if len(out) == 1 else b"".join(out)

    def _stop(self) -> bytes:
        """Nothing more leaves after this."""
        self.blocked = self.done = True
        self._queue.clear()
        return self._account(self._format.blocked())

    def _give_out(self, event: _Event) -> bytes:
        pieces = event.pieces
        if pieces:
            self.content_seen = True
            for piece in pieces:
                if piece.channel.edits or type(piece.channel) is WholeChannel:
                    return self._render(event)
        elif event.rewritten:
            return self._render(event)
        elif event.document is not None:
            self._format.emitted(event.document)
        return self._account(event.raw)

    def _render(self, event: _Event) -> bytes:
        """An event with the texts that guards left of it."""
        changed: list[tuple[Document | list[object], str | int, str, str]] = [
            (slot.holder, slot.key, masked, client) for slot, masked, client in event.rewritten or ()
        ]
        for piece in event.pieces:
            masked, client = _edited(piece)
            if client != piece.text or masked != piece.text:
                changed.append((piece.holder, piece.key, masked, client))
        if not changed:
            return self._account(event.raw)
        document = cast("Document", event.document)
        _drop_logprobs(document)
        client_bytes = _encode(event.raw, document, [(holder, key, client) for holder, key, _, client in changed])
        if all(masked == client for _, _, masked, client in changed):
            return self._account(client_bytes)
        recorded = _encode(event.raw, document, [(holder, key, masked) for holder, key, masked, _ in changed])
        return self._account(client_bytes, recorded)

    def _account(self, sent: bytes, recorded: bytes | None = None) -> bytes:
        self.sent_bytes += len(sent)
        if self._recorded < self._record_limit:
            kept = sent if recorded is None else recorded
            self._record.append(kept)
            self._recorded += len(kept)
        return sent


def _edited(piece: _Piece) -> tuple[str, str]:
    """What is left of a piece, for the record and for the client. Takes out edits that end in it."""
    channel = piece.channel
    if isinstance(channel, WholeChannel):
        if not channel.is_changed:
            return piece.text, piece.text
        return (channel.masked, channel.client) if piece.start == 0 else ("", "")
    start, end, text, edits = piece.start, piece.end, piece.text, channel.edits
    masked: list[str] = []
    client: list[str] = []
    place = start
    while edits and edits[0].start < end:
        edit = edits[0]
        kept = text[place - start : max(edit.start - start, 0)]
        masked.append(kept)
        client.append(kept)
        if edit.restores:  # the record keeps the placeholder
            masked.append(text[max(edit.start - start, 0) : edit.end - start])
        if edit.start >= start:
            client.append(edit.text)
            masked.append("" if edit.restores else edit.text)
        place = max(place, min(edit.end, end))
        if edit.end > end:
            break
        edits.popleft()
    rest = text[place - start :]
    return "".join([*masked, rest]), "".join([*client, rest])


def _encode(raw: bytes, document: Document, texts: list[tuple[Document | list[object], str | int, str]]) -> bytes:
    for holder, key, text in texts:
        holder[key] = text  # type: ignore[index]  # pyright: ignore[reportArgumentType, reportCallIssue]
    name = raw[: raw.find(b"\n") + 1] if raw.startswith(b"event:") else b""
    return b"%bdata: %b\n\n" % (name, orjson.dumps(document))


def _drop_logprobs(document: Document) -> None:
    """They hold the text once more."""
    choices = document.get("choices")
    for choice in cast("list[Document]", choices) if isinstance(choices, list) else ():
        if choice.get("logprobs"):
            choice["logprobs"] = None
    if document.get("logprobs"):
        document["logprobs"] = []
