"""Responses: a response object ⇄ its events. The last event repeats the whole object, so the way back is short.

Every event is numbered. Items without deltas of their own (calls of server tools) come whole.
Source: https://platform.openai.com/docs/api-reference/responses-streaming.
"""

from collections.abc import Iterator
from typing import cast

import orjson

from kaname.gateway.cache.forms.pieces import documents, fields_of, objects, pieces, text_of
from kaname.gateway.dialects.model import Document

_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})


def to_stream(answer: Document) -> bytes:
    """The events of a response that has ended."""
    begun: Document = {**answer, "status": "in_progress", "output": [], "usage": None, "completed_at": None}
    if "completed_at" not in answer:
        del begun["completed_at"]
    events: list[Document] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(objects(answer.get("output"))):
        events += _item_events(index, item)
    events.append({"type": f"response.{answer.get('status', 'completed')}", "response": answer})
    return b"".join(_event(number, event) for number, event in enumerate(events))


def to_answer(events: bytes) -> Document:
    """The response that a stream ended with; {} when it didn't end."""
    answer: Document = {}
    for event in documents(events):
        if event.get("type") in _ENDS:
            answer = fields_of(event.get("response"))
    return answer


def _item_events(index: int, item: Document) -> Iterator[Document]:
    where: Document = {"item_id": item.get("id", ""), "output_index": index}
    kind = item.get("type")
    begun: Document = {**item, "status": "in_progress"} if "status" in item else dict(item)
    if kind == "message":
        begun["content"] = []
    elif kind == "function_call":
        begun["arguments"] = ""
    elif kind == "reasoning":
        begun["summary"] = []
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    if kind == "message":
        for i, part in enumerate(objects(item.get("content"))):
            yield from _content_events({**where, "content_index": i}, part)
    elif kind == "function_call":
        arguments = text_of(item.get("arguments"))
        for piece in pieces(arguments):
            yield {"type": "response.function_call_arguments.delta", **where, "delta": piece}
        name = {"name": item.get("name", "")}
        yield {"type": "response.function_call_arguments.done", **where, **name, "arguments": arguments}
    elif kind == "reasoning":
        for i, part in enumerate(objects(item.get("summary"))):
            yield from _summary_events({**where, "summary_index": i}, part)
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _content_events(where: Document, part: Document) -> Iterator[Document]:
    kind = part.get("type")
    rest: Document = {}
    if kind == "output_text":
        name, field = "output_text", "text"
        rest = {"logprobs": part.get("logprobs") or list[object]()}
    elif kind == "refusal":
        name, field = "refusal", "refusal"
    else:
        yield {"type": "response.content_part.added", **where, "part": part}
        yield {"type": "response.content_part.done", **where, "part": part}
        return
    empty: Document = {**part, field: ""}
    if "annotations" in part:
        empty["annotations"] = []
    if "logprobs" in part:
        empty["logprobs"] = []
    text = text_of(part.get(field))
    yield {"type": "response.content_part.added", **where, "part": empty}
    for piece in pieces(text):
        # A token's log probabilities can't be told apart by piece: they come whole at the end.
        yield {"type": f"response.{name}.delta", **where, "delta": piece, **({"logprobs": []} if rest else {})}
    if name == "output_text":
        for i, annotation in enumerate(objects(part.get("annotations"))):
            added = {"annotation_index": i, "annotation": annotation}
            yield {"type": "response.output_text.annotation.added", **where, **added}
    yield {"type": f"response.{name}.done", **where, field: text, **rest}
    yield {"type": "response.content_part.done", **where, "part": part}


def _summary_events(where: Document, part: Document) -> Iterator[Document]:
    text = text_of(part.get("text"))
    yield {"type": "response.reasoning_summary_part.added", **where, "part": {**part, "text": ""}}
    for piece in pieces(text):
        yield {"type": "response.reasoning_summary_text.delta", **where, "delta": piece}
    yield {"type": "response.reasoning_summary_text.done", **where, "text": text}
    yield {"type": "response.reasoning_summary_part.done", **where, "part": part}


def _event(number: int, event: Document) -> bytes:
    kind = cast("str", event["type"])
    document = {"type": kind, "sequence_number": number, **event}
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps(document))
