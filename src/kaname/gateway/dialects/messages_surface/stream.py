"""Hub chunks → Anthropic event stream, in Anthropic's order.

`message_start`, then each block's start, deltas and stop, one block at a time, then `message_delta` with the stop
reason and the whole usage, then `message_stop`. `event:` equals `type`, because the SDK skips events without it.
"""

import orjson

from kaname.gateway.anthropic_errors import render_anthropic
from kaname.gateway.dialects.anthropic.response import thinking_block
from kaname.gateway.dialects.anthropic.usage import from_hub_usage
from kaname.gateway.dialects.messages_surface.response import message_id, stop_reason
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import object_in, objects_in, text_in, unusable
from kaname.gateway.openai_errors import WireError

_DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":%b}}\n\n'
)
_START = b'event: content_block_start\ndata: {"type":"content_block_start","index":%d,"content_block":%b}\n\n'
_STOP = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'


class MessagesEncoder:
    """See `StreamEncoder`."""

    __slots__ = (
        "_block", "_call_ids", "_called", "_index", "_model", "_pending", "_reason", "_refused", "_started", "_tool",
        "_usage",
    )  # fmt: skip

    def __init__(self, model: str) -> None:
        self._model = model
        self._started = False
        self._index = -1
        """Of the last block that was started."""
        self._block = ""
        """Type of the block that is open."""
        self._tool = -1
        """Chat's index of the tool call that is open or was last."""
        self._call_ids: dict[int, str] = {}
        self._pending = ""
        """Arguments that came before their call's name."""
        self._called = False
        self._refused = False
        self._reason = ""
        self._usage: Document = {}

    def feed(self, chunk: Document) -> bytes:
        """See `StreamEncoder`."""
        usage = object_in(chunk, "usage")
        if usage:
            self._usage = usage
        out = b"" if self._started else self._start(chunk)
        choices = objects_in(chunk, "choices")
        if not choices:
            return out
        delta = object_in(choices[0], "delta")
        if reasoning := text_in(delta, "reasoning_content") or text_in(delta, "reasoning"):
            out += self._text(b"thinking", reasoning)
        for block in objects_in(delta, "thinking_blocks") if "thinking_blocks" in delta else ():
            out += self._thinking(block)
        if text := text_in(delta, "content"):
            out += self._text(b"text", text)
        if refusal := text_in(delta, "refusal"):
            self._refused = True
            out += self._text(b"text", refusal)
        if "tool_calls" in delta:
            for call in objects_in(delta, "tool_calls"):
                out += self._call(call)
        if reason := text_in(choices[0], "finish_reason"):
            self._reason = reason
        return out

    def finish(self) -> bytes:
        """See `StreamEncoder`."""
        out = b"" if self._started else self._start({})
        out += self._close()
        reason = stop_reason(self._reason, calls=self._called, refuses=self._refused)
        delta = {"stop_reason": reason, "stop_sequence": None}
        usage = from_hub_usage(self._usage)
        return (
            out
            + _event(b"message_delta", {"type": "message_delta", "delta": delta, "usage": usage})
            + _event(b"message_stop", {"type": "message_stop"})
        )

    def error(self, error: WireError) -> bytes:
        """See `StreamEncoder`."""
        return b"event: error\ndata: " + render_anthropic(error, None) + b"\n\n"

    def _start(self, chunk: Document) -> bytes:
        self._started = True
        message: Document = {
            "id": message_id(text_in(chunk, "id")),
            "type": "message",
            "role": "assistant",
            "model": text_in(chunk, "model") or self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**from_hub_usage(self._usage), "output_tokens": 0},
        }
        return _event(b"message_start", {"type": "message_start", "message": message})

    def _text(self, kind: bytes, text: str) -> bytes:
        name = kind.decode()
        out = b"" if self._block == name else self._open(name, _EMPTY[name])
        return out + _DELTA % (self._index, kind + b"_delta", kind, orjson.dumps(text))

    def _thinking(self, block: Document) -> bytes:
        """A whole block. If its text has been given out, only its signature is missing."""
        if block.get("type") == "redacted_thinking":
            return self._open("redacted_thinking", thinking_block(block)) + self._close()
        out = b""
        if self._block != "thinking":
            text = text_in(block, "thinking")
            out = self._text(b"thinking", text) if text else self._open("thinking", _EMPTY["thinking"])
        signature = orjson.dumps(text_in(block, "signature"))
        return out + _DELTA % (self._index, b"signature_delta", b"signature", signature) + self._close()

    def _call(self, call: Document) -> bytes:
        index = call.get("index")
        position = index if isinstance(index, int) else max(self._tool, 0)
        function = object_in(call, "function")
        name, call_id, out = text_in(function, "name"), text_in(call, "id"), b""
        # Some servers give every call the index 0 and tell them apart by id.
        again = name and call_id and self._call_ids.get(position, call_id) != call_id
        if position != self._tool or self._block != "tool_use" or again:
            if position in self._call_ids and not again:
                raise unusable("its tool calls are interleaved")
            if not name:
                self._pending += text_in(function, "arguments")
                return b""
            self._tool, self._called = position, True
            call_id = call_id or f"toolu_{self._index + 1}"
            self._call_ids[position] = call_id
            out = self._open("tool_use", {"type": "tool_use", "id": call_id, "name": name, "input": {}})
        arguments, self._pending = self._pending + text_in(function, "arguments"), ""
        if not arguments:
            return out
        return out + _DELTA % (self._index, b"input_json_delta", b"partial_json", orjson.dumps(arguments))

    def _open(self, kind: str, block: Document) -> bytes:
        out = self._close()
        self._index += 1
        self._block = kind
        return out + _START % (self._index, orjson.dumps(block))

    def _close(self) -> bytes:
        if not self._block:
            return b""
        self._block = ""
        return _STOP % self._index


_EMPTY: dict[str, Document] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}


def _event(name: bytes, document: Document) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name, orjson.dumps(document))
