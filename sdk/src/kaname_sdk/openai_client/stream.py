"""A chat stream under observation: chunks pass through untouched while their pieces are put together beside."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from kaname_sdk.faults import faults
from kaname_sdk.openai_client.messages import Message, read

Finish = Callable[["ChatAssembly", BaseException | None], None]
_MAX_PIECES = 100_000


class _Choice:
    def __init__(self) -> None:
        self.content: list[str] = []
        self.reasoning: list[str] = []
        self.calls: dict[int, dict[str, str]] = {}
        self.finish_reason = ""


class ChatAssembly:
    """What a stream said so far."""

    def __init__(self) -> None:
        self.id = ""
        self.model = ""
        self.usage: object = None
        self.first_piece_s: float | None = None
        self._started_s = time.perf_counter()
        self._choices: dict[int, _Choice] = {}
        self._pieces = 0

    def add(self, chunk: object) -> None:
        """Takes one chunk."""
        self.id = self.id or read(chunk, "id") or ""
        self.model = read(chunk, "model") or self.model
        self.usage = read(chunk, "usage") or self.usage
        for delta in read(chunk, "choices") or ():
            self._add_delta(delta)

    @property
    def choices(self) -> list[dict[str, str]]:
        """Finish reasons in the shape of a response's choices."""
        return [{"finish_reason": c.finish_reason} for _, c in sorted(self._choices.items())]

    def messages(self) -> list[Message]:
        """The answers as GenAI messages."""
        return [_message(choice) for _, choice in sorted(self._choices.items())]

    def _add_delta(self, choice: object) -> None:
        state = self._choices.setdefault(read(choice, "index") or 0, _Choice())
        state.finish_reason = read(choice, "finish_reason") or state.finish_reason
        delta = read(choice, "delta")
        content, reasoning = read(delta, "content"), read(delta, "reasoning_content")
        calls = read(delta, "tool_calls") or ()
        if self.first_piece_s is None and (content or reasoning or calls):
            self.first_piece_s = time.perf_counter() - self._started_s
        self._pieces += 1
        if self._pieces > _MAX_PIECES:
            return
        if content:
            state.content.append(content)
        if reasoning:
            state.reasoning.append(reasoning)
        for call in calls:
            known = state.calls.setdefault(read(call, "index") or 0, {"id": "", "name": "", "arguments": ""})
            function = read(call, "function")
            known["id"] = read(call, "id") or known["id"]
            known["name"] = read(function, "name") or known["name"]
            known["arguments"] += read(function, "arguments") or ""


def observe_stream(stream: Any, assembly: ChatAssembly, finish: Finish) -> None:
    """Replaces the iterator inside an OpenAI `Stream` or `AsyncStream`: the object keeps its type and methods."""
    once = _Once(assembly, finish)
    inner = stream._iterator
    if hasattr(inner, "__anext__"):
        stream._iterator = _watch_async(inner, assembly, once)
    else:
        stream._iterator = _watch(inner, assembly, once)
    close = stream.close

    def close_and_finish() -> Any:
        once(None)
        return close()

    stream.close = close_and_finish


class _Once:
    def __init__(self, assembly: ChatAssembly, finish: Finish) -> None:
        self._assembly = assembly
        self._finish = finish
        self._done = False

    def __call__(self, error: BaseException | None) -> None:
        if not self._done:
            self._done = True
            self._finish(self._assembly, error)


def _watch(inner: Iterator[Any], assembly: ChatAssembly, done: _Once) -> Iterator[Any]:
    error: BaseException | None = None
    try:
        for chunk in inner:
            _add(assembly, chunk)
            yield chunk
    except BaseException as e:
        error = e
        raise
    finally:
        done(error)


async def _watch_async(inner: AsyncIterator[Any], assembly: ChatAssembly, done: _Once) -> AsyncIterator[Any]:
    error: BaseException | None = None
    try:
        async for chunk in inner:
            _add(assembly, chunk)
            yield chunk
    except BaseException as e:
        error = e
        raise
    finally:
        done(error)


def _add(assembly: ChatAssembly, chunk: object) -> None:
    with faults.guard("reading a stream"):
        assembly.add(chunk)


def _message(choice: _Choice) -> Message:
    parts: list[Message] = []
    if choice.reasoning:
        parts.append({"type": "reasoning", "content": "".join(choice.reasoning)})
    if choice.content:
        parts.append({"type": "text", "content": "".join(choice.content)})
    parts.extend({"type": "tool_call", **call} for _, call in sorted(choice.calls.items()))
    return {"role": "assistant", "parts": parts, "finish_reason": choice.finish_reason}
