"""Chat completions: `chat.completion` ⇄ its chunks. The chunk that only carries usage is `cache/replay.py`'s.

Whole → chunks: role and what has no delta of its own first, then reasoning, text, refusal and tool calls in pieces, the
finish reason last, with the log probabilities. Chunks → whole: text is joined, tool calls by index, other fields kept.
"""

from collections.abc import Iterator
from typing import cast

import orjson

from kaname.gateway.cache.forms.pieces import documents, fields_of, objects, pieces, text_of
from kaname.gateway.dialects.model import Document

DONE = b"data: [DONE]\n\n"
_JOINED = ("reasoning_content", "reasoning", "content", "refusal")
_EVERY_CHUNK = ("id", "created", "model", "system_fingerprint", "service_tier")
_NOT_COPIED = frozenset({"choices", "usage", "object", "obfuscation"})
_OWN_DELTAS = frozenset({*_JOINED, "tool_calls", "thinking_blocks", "role"})


def to_stream(answer: Document) -> bytes:
    """The chunks of a `chat.completion`, and `[DONE]`."""
    common: Document = {key: answer[key] for key in _EVERY_CHUNK if key in answer}
    first: Document = {key: value for key, value in answer.items() if key not in _NOT_COPIED}
    out: list[bytes] = []
    for position, choice in enumerate(objects(answer.get("choices"))):
        index = choice.get("index", position)
        for delta in _deltas(fields_of(choice.get("message"))):
            said: Document = {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}
            out.append(_chunk(first if not out else common, said))
        rest = {key: value for key, value in choice.items() if key not in ("index", "message")}
        out.append(_chunk(common, {"index": index, "delta": {}, **rest}))
    return b"".join([*out, DONE])


def to_answer(events: bytes) -> Document:
    """The `chat.completion` that chunks add up to; without usage."""
    answer: Document = {"object": "chat.completion"}
    choices: dict[object, Document] = {}
    for chunk in documents(events):
        for key, value in chunk.items():
            if key not in _NOT_COPIED and (value is not None or key not in answer):
                answer[key] = value
        for said in objects(chunk.get("choices")):
            choice = choices.setdefault(said.get("index", 0), {"index": said.get("index", 0), "message": {}})
            _add_delta(cast("Document", choice["message"]), fields_of(said.get("delta")))
            _add_choice(choice, said)
    answer["choices"] = [_finish(choice) for choice in choices.values()]
    return answer


def _chunk(common: Document, choice: Document) -> bytes:
    document = {"object": "chat.completion.chunk", **common, "choices": [choice]}
    return b"data: %b\n\n" % orjson.dumps(document)


def _deltas(message: Document) -> Iterator[Document]:
    whole = {key: value for key, value in message.items() if key not in _OWN_DELTAS or value is None}
    empty = {"content": None if message.get("content") is None else ""}
    yield {"role": message.get("role", "assistant"), **whole, **empty}
    for name in _JOINED[:2]:
        for piece in pieces(text_of(message.get(name))):
            yield {name: piece}
    for i, block in enumerate(objects(message.get("thinking_blocks"))):
        yield {"thinking_blocks": [{"index": i, **block}]}
    for name in _JOINED[2:]:
        value = message.get(name)
        if value is not None and not isinstance(value, str):
            yield {name: value}
        for piece in pieces(text_of(value)):
            yield {name: piece}
    for i, call in enumerate(objects(message.get("tool_calls"))):
        function = fields_of(call.get("function"))
        arguments = text_of(function.get("arguments"))
        yield {"tool_calls": [{"index": i, **call, "function": {**function, "arguments": ""}}]}
        for piece in pieces(arguments):
            yield {"tool_calls": [{"index": i, "function": {"arguments": piece}}]}


def _add_choice(choice: Document, said: Document) -> None:
    for key, value in said.items():
        if key in ("index", "delta") or value is None:
            continue
        if key == "logprobs" and isinstance(value, dict):
            choice[key] = _join_lists(fields_of(choice.get(key)), cast("Document", value))
        else:
            choice[key] = value


def _join_lists(known: Document, more: Document) -> Document:
    for key, value in more.items():
        if isinstance(value, list):
            known[key] = [*cast("list[object]", known.get(key) or []), *cast("list[object]", value)]
        else:
            known.setdefault(key, value)
    return known


def _add_delta(message: Document, delta: Document) -> None:
    for key, value in delta.items():
        if key == "tool_calls":
            calls = cast("list[Document]", message.setdefault(key, []))
            for call in objects(value):
                _add_call(calls, call)
        elif key == "thinking_blocks":
            blocks = cast("list[Document]", message.setdefault(key, []))
            blocks += [{k: v for k, v in block.items() if k != "index"} for block in objects(value)]
        elif key in _JOINED and isinstance(value, str):
            message[key] = text_of(message.get(key)) + value
        elif (key == "audio" and isinstance(value, dict)) or (key == "function_call" and isinstance(value, dict)):
            message[key] = _join_texts(fields_of(message.get(key)), cast("Document", value))
        elif isinstance(value, list) and isinstance(message.get(key), list):
            message[key] = [*cast("list[object]", message[key]), *cast("list[object]", value)]
        elif value is not None or key not in message:
            message[key] = value


def _join_texts(known: Document, more: Document) -> Document:
    for key, value in more.items():
        joined = key in ("data", "transcript", "arguments") and isinstance(value, str)
        known[key] = text_of(known.get(key)) + cast("str", value) if joined else value
    return known


def _add_call(calls: list[Document], said: Document) -> None:
    index = said.get("index", max(len(calls) - 1, 0))
    call = next((c for c in reversed(calls) if c["index"] == index), None)
    # Some servers give every call the index 0 and tell them apart by id.
    if call is None or (said.get("id") and call.get("id") and said["id"] != call["id"]):
        calls.append({**said, "index": index, "function": fields_of(said.get("function"))})
        return
    for key, value in said.items():
        if key not in ("index", "function") and value is not None:
            call[key] = value
    function, more = cast("Document", call["function"]), fields_of(said.get("function"))
    if more.get("name") and not function.get("name"):
        function["name"] = more["name"]
    if "arguments" in more:
        function["arguments"] = text_of(function.get("arguments")) + text_of(more["arguments"])


def _finish(choice: Document) -> Document:
    message = cast("Document", choice["message"])
    message.setdefault("role", "assistant")
    message.setdefault("content", None)
    if message.get("tool_calls"):
        calls = cast("list[Document]", message["tool_calls"])
        message["tool_calls"] = [{k: v for k, v in call.items() if k != "index"} for call in calls]
        if message["content"] == "":
            message["content"] = None
    choice.setdefault("logprobs", None)
    choice.setdefault("finish_reason", None)
    return choice
