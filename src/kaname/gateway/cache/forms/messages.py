"""Anthropic Messages: a message ⇄ its events, in Anthropic's order; `event:` equals `type`.

Blocks without deltas of their own (redacted thinking, results of server tools) come whole in `content_block_start`.
Source: https://platform.claude.com/docs/en/build-with-claude/streaming.
"""

from collections.abc import Iterator
from typing import cast

import orjson

from kaname.gateway.cache.forms.pieces import documents, fields_of, objects, pieces, text_of
from kaname.gateway.dialects.anthropic.usage import merge_usage
from kaname.gateway.dialects.model import Document

_AT_END = ("stop_reason", "stop_sequence", "container", "context_management")


def to_stream(answer: Document) -> bytes:
    """The events of a message."""
    usage = fields_of(answer.get("usage"))
    begun: Document = {
        **{key: value for key, value in answer.items() if key not in _AT_END},
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": 0},
    }
    out = [_event({"type": "message_start", "message": begun})]
    for index, block in enumerate(objects(answer.get("content"))):
        start, deltas = _split(block)
        out.append(_event({"type": "content_block_start", "index": index, "content_block": start}))
        out += [_event({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas]
        out.append(_event({"type": "content_block_stop", "index": index}))
    delta: Document = {key: answer[key] for key in _AT_END if key in answer}
    out.append(_event({"type": "message_delta", "delta": delta, "usage": usage}))
    out.append(_event({"type": "message_stop"}))
    return b"".join(out)


def to_answer(events: bytes) -> Document:
    """The message that events add up to."""
    answer: Document = {}
    blocks: dict[object, Document] = {}
    inputs: dict[object, str] = {}
    for event in documents(events):
        kind, index = event.get("type"), event.get("index")
        if kind == "message_start":
            answer = fields_of(event.get("message"))
        elif kind == "content_block_start":
            blocks[index] = fields_of(event.get("content_block"))
        elif kind == "content_block_delta" and index in blocks:
            _add(blocks[index], fields_of(event.get("delta")), inputs, index)
        elif kind == "message_delta":
            answer.update(fields_of(event.get("delta")))
            answer["usage"] = merge_usage(fields_of(answer.get("usage")), fields_of(event.get("usage")))
    for index, text in inputs.items():
        blocks[index]["input"] = _parse(text)
    answer["content"] = list(blocks.values())
    return answer


def _split(block: Document) -> tuple[Document, Iterator[Document]]:
    """What a block begins with, and its deltas."""
    kind = block.get("type")
    if kind == "text":
        start: Document = {**block, "text": ""}
        if isinstance(block.get("citations"), list):
            start["citations"] = []
        return start, _text_deltas(block)
    if kind == "thinking":
        return {**block, "thinking": "", "signature": ""}, _thinking_deltas(block)
    if isinstance(block.get("input"), dict):
        text = orjson.dumps(block["input"]).decode()
        return {**block, "input": {}}, ({"type": "input_json_delta", "partial_json": part} for part in pieces(text))
    return block, iter(())


def _text_deltas(block: Document) -> Iterator[Document]:
    for piece in pieces(text_of(block.get("text"))):
        yield {"type": "text_delta", "text": piece}
    for citation in objects(block.get("citations")):
        yield {"type": "citations_delta", "citation": citation}


def _thinking_deltas(block: Document) -> Iterator[Document]:
    for piece in pieces(text_of(block.get("thinking"))):
        yield {"type": "thinking_delta", "thinking": piece}
    if signature := text_of(block.get("signature")):
        yield {"type": "signature_delta", "signature": signature}


def _add(block: Document, delta: Document, inputs: dict[object, str], index: object) -> None:
    kind = delta.get("type")
    if kind == "text_delta":
        block["text"] = text_of(block.get("text")) + text_of(delta.get("text"))
    elif kind == "thinking_delta":
        block["thinking"] = text_of(block.get("thinking")) + text_of(delta.get("thinking"))
    elif kind == "signature_delta":
        block["signature"] = text_of(delta.get("signature"))
    elif kind == "citations_delta":
        block["citations"] = [*cast("list[object]", block.get("citations") or []), delta.get("citation")]
    elif kind == "input_json_delta" and (text := text_of(delta.get("partial_json"))):
        inputs[index] = inputs.get(index, "") + text


def _parse(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # cut by max_tokens: what the SDK's accumulator does with it too
        return {}


def _event(document: Document) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (cast("str", document["type"]).encode(), orjson.dumps(document))
