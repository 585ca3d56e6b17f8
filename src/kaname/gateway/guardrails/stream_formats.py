"""How the events of a client's stream carry text, and how such a stream ends when a guard stops it.

One object a stream. `read` names the pieces of text in an event and which texts an event ends, before it is queued;
`emitted` is told what has gone to the client, so that `blocked` can close what is open.
"""

from typing import Protocol, cast

import orjson

from kaname.gateway.guardrails.model import Document
from kaname.gateway.guardrails.texts import Slot, answer_slots, response_item_slots
from kaname.gateway.model import Surface

Group = int
"""Texts of which only one grows at a time: a choice, a content block, an output item."""


class PieceSink(Protocol):
    """What a format tells of an event."""

    def piece(
        self, group: Group, name: str, holder: Document, key: str, *, json: bool = False, fixed: bool = False
    ) -> None:
        """`holder[key]` continues text `name` of a group; another name in the group ends the one before."""
        ...

    def close(self, group: Group) -> None:
        """The texts of a group are complete."""
        ...

    def close_all(self) -> None:
        """Everything is complete."""
        ...

    def repeat(self, slots: list[Slot]) -> None:
        """The event says again, whole, what came in pieces."""
        ...


class StreamFormat(Protocol):
    """One format's events."""

    def read(self, document: Document, sink: PieceSink) -> None: ...

    def passed(self, chars: int) -> None:
        """So many characters came in events like the last one with text, which weren't read."""
        ...

    def emitted(self, document: Document) -> None:
        """An event without text has gone to the client."""
        ...

    def blocked(self) -> bytes:
        """The events that end a stream which a guard stopped."""
        ...


class ChatFormat:
    """Chat completions and completions."""

    __slots__ = ("_closed", "_first", "_open", "_terminal")

    def __init__(self, *, text: bool = False) -> None:
        self._first: Document = {}
        self._open: set[int] = set()
        self._closed: set[int] = set()
        self._terminal: Document = {"text": ""} if text else {"delta": {}}

    def read(self, document: Document, sink: PieceSink) -> None:
        """See `StreamFormat`."""
        choices = document.get("choices")
        if not isinstance(choices, list):
            return
        if not self._first:
            self._first = {key: value for key, value in document.items() if key in _CHAT_IDENTITY}
        for choice in cast("list[Document]", choices):
            index = cast("int", choice.get("index") or 0)
            self._open.add(index)
            delta = cast("Document | None", choice.get("delta"))
            if delta:
                content = delta.get("content")
                if content:
                    sink.piece(index, "content", delta, "content")
                if len(delta) > 1 or content is None:
                    self._read_delta(index, delta, sink)
            elif choice.get("text"):
                sink.piece(index, "text", choice, "text")
            if choice.get("finish_reason"):
                self._closed.add(index)
                sink.close(index)

    def _read_delta(self, index: int, delta: Document, sink: PieceSink) -> None:
        """What isn't plain content."""
        for name in ("reasoning_content", "reasoning", "refusal"):
            if delta.get(name):
                sink.piece(index, name, delta, name)
        for call in cast("list[Document]", delta.get("tool_calls") or ()):
            function = call.get("function")
            if isinstance(function, dict) and cast("Document", function).get("arguments"):
                sink.piece(index, f"tool {call.get('index', 0)}", cast("Document", function), "arguments", json=True)

    def passed(self, chars: int) -> None:
        """See `StreamFormat`."""

    def emitted(self, document: Document) -> None:
        """See `StreamFormat`."""

    def blocked(self) -> bytes:
        """See `StreamFormat`."""
        indices = sorted(self._open - self._closed) or [0]
        out = b""
        for index in indices:
            choice = {"index": index, **self._terminal, "logprobs": None, "finish_reason": "content_filter"}
            out += b"data: %b\n\n" % orjson.dumps({**self._first, "choices": [choice]})
        return out + b"data: [DONE]\n\n"


class MessagesFormat:
    """Anthropic Messages."""

    __slots__ = ("_open", "_output_tokens", "_texts")

    def __init__(self) -> None:
        self._open: int | None = None
        self._output_tokens = 0
        self._texts = 0

    def read(self, document: Document, sink: PieceSink) -> None:
        """See `StreamFormat`."""
        kind = document.get("type")
        if kind == "content_block_delta":
            group, delta = cast("int", document.get("index") or 0), document.get("delta")
            if not isinstance(delta, dict):
                return
            fields = cast("Document", delta)
            if fields.get("text"):
                self._texts += len(cast("str", fields["text"]))
                sink.piece(group, "content", fields, "text")
            elif fields.get("partial_json"):
                sink.piece(group, "tool", fields, "partial_json", json=True)
            elif fields.get("thinking"):
                sink.piece(group, "thinking", fields, "thinking", fixed=True)
        elif kind == "content_block_stop":
            sink.close(cast("int", document.get("index") or 0))
        elif kind in ("message_delta", "message_stop"):
            sink.close_all()

    def passed(self, chars: int) -> None:
        """See `StreamFormat`."""
        self._texts += chars

    def emitted(self, document: Document) -> None:
        """See `StreamFormat`."""
        kind = document.get("type")
        if kind == "content_block_start":
            self._open = cast("int", document.get("index") or 0)
        elif kind == "content_block_stop":
            self._open = None

    def blocked(self) -> bytes:
        """See `StreamFormat`."""
        out = b""
        if self._open is not None:
            out = _event({"type": "content_block_stop", "index": self._open})
        delta = {"stop_reason": "refusal", "stop_sequence": None}
        usage = {"output_tokens": max(1, self._texts // 4)}
        return (
            out + _event({"type": "message_delta", "delta": delta, "usage": usage}) + _event({"type": "message_stop"})
        )


class ResponsesFormat:
    """OpenAI Responses."""

    __slots__ = ("_item", "_response", "_sequence")

    def __init__(self) -> None:
        self._response: Document = {}
        self._item: Document = {}
        self._sequence = -1

    def read(self, document: Document, sink: PieceSink) -> None:
        """See `StreamFormat`."""
        kind = cast("str", document.get("type") or "")
        self._sequence = max(self._sequence, cast("int", document.get("sequence_number") or 0))
        group = cast("int", document.get("output_index") or 0)
        if kind.endswith(".delta"):
            if isinstance(document.get("delta"), str) and document["delta"]:
                json = kind == "response.function_call_arguments.delta"
                sink.piece(group, kind, document, "delta", json=json)
        elif kind.endswith(".done"):
            sink.close(group)
            sink.repeat(_done_slots(document))
        elif kind in ("response.completed", "response.incomplete", "response.failed"):
            sink.close_all()
            response = document.get("response")
            if isinstance(response, dict):
                sink.repeat(answer_slots(cast("Document", response), "responses"))

    def passed(self, chars: int) -> None:
        """See `StreamFormat`."""

    def emitted(self, document: Document) -> None:
        """See `StreamFormat`."""
        kind = document.get("type")
        if kind == "response.created" and isinstance(document.get("response"), dict):
            self._response = cast("Document", document["response"])
        elif kind == "response.output_item.added" and isinstance(document.get("item"), dict):
            self._item = cast("Document", document["item"])
        elif kind == "response.output_item.done":
            self._item = {}

    def blocked(self) -> bytes:
        """See `StreamFormat`."""
        output = [{**self._item, "status": "incomplete"}] if self._item else []
        response = {
            **self._response,
            "status": "incomplete",
            "incomplete_details": {"reason": "content_filter"},
            "output": output,
        }
        self._sequence += 1
        return _event({"type": "response.incomplete", "sequence_number": self._sequence, "response": response})


def stream_format(surface: Surface) -> StreamFormat:
    """For one stream of a surface."""
    if surface == "messages":
        return MessagesFormat()
    return ResponsesFormat() if surface == "responses" else ChatFormat(text=surface == "completions")


_CHAT_IDENTITY = frozenset({"id", "object", "created", "model", "system_fingerprint", "service_tier"})


def _done_slots(document: Document) -> list[Slot]:
    """Whatever a `….done` event repeats: a text, the arguments of a call, a part, or a whole item."""
    slots = [
        Slot(document, key, cast("str", document[key]), json=key == "arguments")
        for key in ("text", "refusal", "arguments")
        if isinstance(document.get(key), str)
    ]
    part, item = document.get("part"), document.get("item")
    if isinstance(part, dict):
        fields = cast("Document", part)
        slots += [
            Slot(fields, key, cast("str", fields[key]))
            for key in ("text", "refusal")
            if isinstance(fields.get(key), str)
        ]
    if isinstance(item, dict):
        slots += response_item_slots(cast("Document", item))
    return slots


def _event(document: Document) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (cast("str", document["type"]).encode(), orjson.dumps(document))
