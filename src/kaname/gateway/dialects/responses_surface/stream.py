"""Hub chunks → Responses event stream.

`response.created`, `response.in_progress`; per item `response.output_item.added`, its parts and deltas,
`response.output_item.done`; at the end `response.completed` or `response.incomplete` with the whole object, or, for a
failed stream, `response.failed` and the `error` event. One item is open at a time; every event is numbered.
"""

from typing import Literal

import orjson

from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import object_in, objects_in, text_in, unusable
from kaname.gateway.dialects.responses_surface.response import (
    base_id,
    call_item,
    created_of,
    item_name,
    message_item,
    reasoning_item,
    refusal_content,
    response_object,
    text_content,
)
from kaname.gateway.openai_errors import WireError

_DELTA = b'event: %b\ndata: {"type":"%b","sequence_number":%d,"item_id":"%b","output_index":%d,"%b":0,"delta":%b%b}\n\n'
_ARGUMENTS = (
    b"event: response.function_call_arguments.delta\n"
    b'data: {"type":"response.function_call_arguments.delta","sequence_number":%d,"item_id":"%b","output_index":%d,'
    b'"delta":%b}\n\n'
)
_TEXT = b"response.output_text.delta"
_REFUSAL = b"response.refusal.delta"
_SUMMARY = b"response.reasoning_summary_text.delta"

Kind = Literal["", "reasoning", "text", "refusal", "call"]


class ResponsesEncoder:
    """See `StreamEncoder`."""

    __slots__ = (
        "_base", "_blocks", "_call_ids", "_calls", "_created", "_echo", "_id", "_item", "_kind", "_model", "_output",
        "_pieces", "_position", "_reason", "_sequence", "_usage",
    )  # fmt: skip

    def __init__(self, model: str, echo: Document) -> None:
        self._model = model
        self._echo = echo
        self._base = ""
        """Shared by all ids; "" before the first event."""
        self._created = 0
        self._sequence = 0
        self._output: list[Document] = []
        self._usage: Document = {}
        self._reason = ""
        self._kind: Kind = ""
        """What is open."""
        self._item: Document = {}
        self._id = b""
        self._pieces: list[str] = []
        self._blocks: list[Document] = []
        self._calls = 0
        self._position = -1
        self._call_ids: dict[int, str] = {}

    def feed(self, chunk: Document) -> bytes:
        """See `StreamEncoder`."""
        out = b"" if self._base else self._start(chunk)
        if "usage" in chunk and (usage := object_in(chunk, "usage")):
            self._usage = usage
        choices = objects_in(chunk, "choices")
        if not choices:
            return out
        delta = object_in(choices[0], "delta")
        if reasoning := text_in(delta, "reasoning_content") or text_in(delta, "reasoning"):
            out += self._piece("reasoning", reasoning)
        if "thinking_blocks" in delta:
            out += self._open("reasoning") if self._kind != "reasoning" else b""
            self._blocks += objects_in(delta, "thinking_blocks")
        if text := text_in(delta, "content"):
            out += self._piece("text", text)
        if refusal := text_in(delta, "refusal"):
            out += self._piece("refusal", refusal)
        if "tool_calls" in delta:
            for call in objects_in(delta, "tool_calls"):
                out += self._call(call)
        if reason := text_in(choices[0], "finish_reason"):
            self._reason = reason
        return out

    def finish(self) -> bytes:
        """See `StreamEncoder`."""
        out = b"" if self._base else self._start({})
        out += self._close()
        if not self._output:
            out += self._open("text") + self._close()
        response = self._response(self._reason or "stop")
        return out + self._event(f"response.{response['status']}", {"response": response})

    def error(self, error: WireError) -> bytes:
        """See `StreamEncoder`."""
        out = b""
        if self._base:
            code = "rate_limit_exceeded" if error.status == 429 else "server_error"
            failed = {"status": "failed", "error": {"code": code, "message": error.message}}
            out = self._event("response.failed", {"response": {**self._response(None), **failed}})
        fields: Document = {"code": error.code, "message": error.message, "param": error.param}
        return out + self._event("error", fields)

    # ---- lifecycle

    def _start(self, chunk: Document) -> bytes:
        self._base = base_id(text_in(chunk, "id"))
        self._created = created_of(chunk)
        self._model = text_in(chunk, "model") or self._model
        response = self._response(None)
        created = self._event("response.created", {"response": response})
        return created + self._event("response.in_progress", {"response": response})

    def _response(self, reason: str | None) -> Document:
        return response_object(
            self._base, self._created, self._model, self._echo, finish_reason=reason, output=self._output,
            usage=self._usage,
        )  # fmt: skip

    def _event(self, name: str, fields: Document) -> bytes:
        document = {"type": name, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(document))

    # ---- items

    def _piece(self, kind: Kind, text: str) -> bytes:
        out = b"" if self._kind == kind else self._open(kind)
        self._pieces.append(text)
        number, self._sequence = self._sequence, self._sequence + 1
        name, part, rest = _DELTAS[kind]
        where = len(self._output)
        return out + _DELTA % (name, name, number, self._id, where, part, orjson.dumps(text), rest)

    def _call(self, call: Document) -> bytes:
        index = call.get("index")
        position = index if isinstance(index, int) else max(self._position, 0)
        function = object_in(call, "function")
        name, call_id, out = text_in(function, "name"), text_in(call, "id"), b""
        # Some servers give every call the index 0 and tell them apart by id.
        again = name and call_id and self._call_ids.get(position, call_id) != call_id
        if position != self._position or self._kind != "call" or again:
            if position in self._call_ids and not again:
                raise unusable("its tool calls are interleaved")
            if not name:
                raise unusable("a tool call begins without its name")
            call_id = call_id or f"call_{self._base}_{self._calls}"
            self._position, self._call_ids[position] = position, call_id
            out = self._open("call", call_item(self._base, self._calls, call_id, name, "", "in_progress"))
            self._calls += 1
        if not (arguments := text_in(function, "arguments")):
            return out
        self._pieces.append(arguments)
        number, self._sequence = self._sequence, self._sequence + 1
        return out + _ARGUMENTS % (number, self._id, len(self._output), orjson.dumps(arguments))

    def _open(self, kind: Kind, item: Document | None = None) -> bytes:
        out = self._close()
        suffix = f"{self._base}_{len(self._output)}" if self._output else self._base
        if item is None and kind == "reasoning":
            item = reasoning_item(suffix, "", [])
        elif item is None:
            item = message_item(suffix, [], "in_progress")
        self._kind, self._item, self._id = kind, item, item_name(item).encode()
        out += self._event("response.output_item.added", {"output_index": len(self._output), "item": item})
        if kind == "reasoning":
            return out + self._part("response.reasoning_summary_part.added", "summary_index", _summary(""))
        if kind != "call":
            return out + self._part("response.content_part.added", "content_index", _CONTENT[kind](""))
        return out

    def _close(self) -> bytes:
        """Ends the open item and puts it into the output."""
        kind, self._kind = self._kind, ""
        if not kind:
            return b""
        text = "".join(self._pieces)
        self._pieces = []
        if kind == "reasoning":
            item = reasoning_item(item_name(self._item).removeprefix("rs_"), text, self._blocks)
            self._blocks = []
            out = self._done("response.reasoning_summary_text.done", {"summary_index": 0, "text": text})
            out += self._part("response.reasoning_summary_part.done", "summary_index", _summary(text))
        elif kind == "call":
            item = {**self._item, "arguments": text, "status": "completed"}
            fields: Document = {"name": item["name"], "arguments": text}
            out = self._done("response.function_call_arguments.done", fields)
        else:
            content = _CONTENT[kind](text)
            item = {**self._item, "content": [content], "status": "completed"}
            done: Document = {"content_index": 0, "refusal": text}
            if kind == "text":
                done = {"content_index": 0, "text": text, "logprobs": []}
            out = self._done(f"response.{'output_text' if kind == 'text' else 'refusal'}.done", done)
            out += self._part("response.content_part.done", "content_index", content)
        out += self._event("response.output_item.done", {"output_index": len(self._output), "item": item})
        self._output = [*self._output, item]
        return out

    def _done(self, name: str, fields: Document) -> bytes:
        where = {"item_id": item_name(self._item), "output_index": len(self._output)}
        return self._event(name, {**where, **fields})

    def _part(self, name: str, index: str, part: Document) -> bytes:
        return self._done(name, {index: 0, "part": part})


def _summary(text: str) -> Document:
    return {"type": "summary_text", "text": text}


_CONTENT = {"text": text_content, "refusal": refusal_content}
_DELTAS: dict[Kind, tuple[bytes, bytes, bytes]] = {
    "text": (_TEXT, b"content_index", b',"logprobs":[]'),
    "refusal": (_REFUSAL, b"content_index", b""),
    "reasoning": (_SUMMARY, b"summary_index", b""),
}
