"""Completions: `text_completion` ⇄ its chunks, which have the same shape with less text."""

from typing import cast

import orjson

from kaname.gateway.cache.forms.chat import DONE
from kaname.gateway.cache.forms.pieces import documents, objects, pieces, text_of
from kaname.gateway.dialects.model import Document

_NOT_COPIED = frozenset({"choices", "usage", "obfuscation"})


def to_stream(answer: Document) -> bytes:
    """The chunks of a completion, and `[DONE]`. Log probabilities come with the finish reason."""
    common: Document = {key: value for key, value in answer.items() if key not in _NOT_COPIED}
    out: list[bytes] = []
    for position, choice in enumerate(objects(answer.get("choices"))):
        index = choice.get("index", position)
        out += [
            _chunk(common, {"index": index, "text": piece, "logprobs": None, "finish_reason": None})
            for piece in pieces(text_of(choice.get("text")))
        ]
        out.append(_chunk(common, {**choice, "index": index, "text": ""}))
    return b"".join([*out, DONE])


def to_answer(events: bytes) -> Document:
    """The completion that chunks add up to; without usage."""
    answer: Document = {}
    choices: dict[object, Document] = {}
    for chunk in documents(events):
        for key, value in chunk.items():
            if key not in _NOT_COPIED and (value is not None or key not in answer):
                answer[key] = value
        for said in objects(chunk.get("choices")):
            _add(choices.setdefault(said.get("index", 0), {"index": said.get("index", 0), "text": ""}), said)
    answer["choices"] = list(choices.values())
    return answer


def _add(choice: Document, said: Document) -> None:
    for key, value in said.items():
        if key == "text":
            choice[key] = text_of(choice[key]) + text_of(value)
        elif key == "logprobs" and isinstance(value, dict) and isinstance(choice.get(key), dict):
            known = cast("Document", choice[key])
            for name, more in cast("Document", value).items():
                if isinstance(more, list):
                    known[name] = [*cast("list[object]", known.get(name) or []), *cast("list[object]", more)]
        elif value is not None or key not in choice:
            choice[key] = value


def _chunk(common: Document, choice: Document) -> bytes:
    return b"data: %b\n\n" % orjson.dumps({**common, "choices": [choice]})
