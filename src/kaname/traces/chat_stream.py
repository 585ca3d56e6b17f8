"""A recorded OpenAI event stream (chat or text completion) → the response object that a plain call would have given.

Total: a stream that was cut, truncated or holds rubbish gives what arrived. The order of choices and tool calls is that
of their indices.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from kaname.traces.coerce import parse_json, to_text
from kaname.traces.model import AttributeValue

_Object = dict[str, AttributeValue]
_COPIED = ("id", "model", "created", "system_fingerprint", "service_tier", "object")
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
MAX_INDEX = 1024
"""Choices and tool calls beyond are left out: an index comes from outside."""


@dataclass(slots=True)
class _Choice:
    role: str = "assistant"
    texts: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    tool_calls: dict[int, _Object] = field(default_factory=dict[int, _Object])
    arguments: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    finish_reason: AttributeValue = None


def read_stream(body: bytes) -> tuple[_Object, bool]:
    """The assembled response and whether the stream ended as it should (`[DONE]`, no error event)."""
    response: _Object = {}
    choices: dict[int, _Choice] = {}
    done = False
    for data in _events(body):
        if data == "[DONE]":
            done = True
            continue
        chunk = parse_json(data)
        if not isinstance(chunk, dict):
            continue
        for key in _COPIED:
            if chunk.get(key) and key not in response:
                response[key] = chunk[key]
        if isinstance(chunk.get("usage"), dict):
            response["usage"] = chunk["usage"]
        if chunk.get("error"):
            response["error"] = chunk["error"]
        deltas = chunk.get("choices")
        for delta in deltas if isinstance(deltas, list) else []:
            if isinstance(delta, dict):
                _add(choices, delta)
    if choices:
        response["choices"] = [_finished(index, choices[index]) for index in sorted(choices)]
    return response, done and "error" not in response


def _events(body: bytes) -> Iterator[str]:
    """The data of each event. Lines end with CR, LF or both; data lines of one event are joined (HTML, SSE)."""
    data: list[str] = []
    for line in body.decode("utf-8", "replace").splitlines():
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []
    if data:
        yield "\n".join(data)


def _add(choices: dict[int, _Choice], delta: _Object) -> None:
    index = delta.get("index", 0)
    if not isinstance(index, int) or not 0 <= index < MAX_INDEX:
        return
    choice = choices.setdefault(index, _Choice())
    if delta.get("finish_reason"):
        choice.finish_reason = delta["finish_reason"]
    if isinstance(text := delta.get("text"), str):
        choice.texts.setdefault("text", []).append(text)
    inner = delta.get("delta")
    if not isinstance(inner, dict):
        return
    if isinstance(role := inner.get("role"), str) and role:
        choice.role = role
    for key in _TEXTS:
        if isinstance(text := inner.get(key), str):
            choice.texts.setdefault(key, []).append(text)
    calls = inner.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        if isinstance(call, dict):
            _add_call(choice, call)


def _add_call(choice: _Choice, delta: _Object) -> None:
    index = delta.get("index", 0)
    if not isinstance(index, int) or not 0 <= index < MAX_INDEX:
        return
    call = choice.tool_calls.setdefault(index, {"type": "function"})
    function = delta.get("function")
    if delta.get("id"):
        call["id"] = delta["id"]
    if isinstance(function, dict):
        if function.get("name"):
            call["name"] = function["name"]
        if isinstance(arguments := function.get("arguments"), str):
            choice.arguments.setdefault(index, []).append(arguments)


def _finished(index: int, choice: _Choice) -> _Object:
    finished: _Object = {"index": index, "finish_reason": choice.finish_reason}
    texts = {key: "".join(pieces) for key, pieces in choice.texts.items()}
    if "text" in texts:
        return {**finished, "text": texts["text"]}
    message: _Object = {"role": choice.role, **{key: text for key, text in texts.items() if text}}
    message.setdefault("content", None)
    if choice.tool_calls:
        message["tool_calls"] = [
            {
                "id": to_text(call.get("id")),
                "type": "function",
                "function": {"name": to_text(call.get("name")), "arguments": "".join(choice.arguments.get(i, []))},
            }
            for i, call in sorted(choice.tool_calls.items())
        ]
    return {**finished, "message": message}
