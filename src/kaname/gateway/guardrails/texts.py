"""Where the texts of a request or an answer stand, in each of the formats that clients speak.

A slot can be read and written; writing changes the document it belongs to. Reasoning that its vendor signs can be read
but not written, because a changed one is refused when it is sent back. Images, audio and files have no slots.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

from kaname.gateway.guardrails.model import Document, Role
from kaname.gateway.model import Surface

_ROLES: dict[object, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool",
    "function": "tool",
}  # fmt: skip


class Slot(NamedTuple):
    """One text. `holder[key]` is where it stands."""

    holder: "Document | list[object]"
    key: str | int
    text: str
    role: Role = "assistant"
    json: bool = False
    """It is a JSON document as text: the arguments of a tool call."""
    fixed: bool = False
    """It must not be changed."""
    visible: bool = True
    """It belongs to what the model says, not to how it got there."""

    def write(self, text: str) -> None:
        """Puts another text in its place."""
        self.holder[self.key] = text  # type: ignore[index]  # pyright: ignore[reportArgumentType, reportCallIssue]


def request_slots(document: Document, surface: Surface) -> list[Slot]:
    """All texts of a request, in its order."""
    return list(_REQUESTS.get(surface, _plain_request)(document))


def answer_slots(document: Document, surface: Surface) -> list[Slot]:
    """All texts of an answer, in its order."""
    return list(_ANSWERS.get(surface, _no_slots)(document))


def has_texts(surface: Surface) -> bool:
    """Whether answers of a surface are JSON with texts in them, rather than vectors, sound or pictures."""
    return surface in _ANSWERS


def join_texts(slots: list[Slot]) -> str:
    """What the slots say."""
    return "\n".join(slot.text for slot in slots)


# ---- requests


def _messages_request(document: Document) -> Iterator[Slot]:
    yield from _content(document, "system", "system")
    for message in _objects(document.get("messages")):
        role = _ROLES.get(message.get("role"), "user")
        yield from _content(message, "content", role)
        yield from _calls(message)


def _responses_request(document: Document) -> Iterator[Slot]:
    yield from _text(document, "instructions", "system")
    if isinstance(document.get("input"), str):
        yield from _text(document, "input", "user")
        return
    for item in _objects(document.get("input")):
        yield from _response_item(item, _ROLES.get(item.get("role"), "user"))


def _plain_request(document: Document) -> Iterator[Slot]:
    for name in ("prompt", "suffix", "input", "query"):
        yield from _text_or_texts(document, name)
    documents = document.get("documents")
    yield from _text_or_texts(document, "documents")
    for item in _objects(documents):
        yield from _text(item, "text", "tool")


def _text_or_texts(document: Document, name: str) -> Iterator[Slot]:
    value = document.get(name)
    if isinstance(value, str):
        yield Slot(document, name, value, "user")
    elif isinstance(value, list):
        texts = cast("list[object]", value)
        for i, text in enumerate(texts):
            if isinstance(text, str):
                yield Slot(texts, i, text, "user")


def _content(holder: Document, name: str, role: Role) -> Iterator[Slot]:
    """Text, or a list of parts; a tool's result is a part with content of its own."""
    value = holder.get(name)
    if isinstance(value, str):
        yield Slot(holder, name, value, role)
        return
    for part in _objects(value):
        kind = part.get("type")
        if kind == "tool_result":
            yield from _content(part, "content", "tool")
        elif kind == "tool_use":
            yield from _leaves(part, "input", role)
        elif kind == "thinking":
            yield from _text(part, "thinking", role, fixed=True)
        else:
            yield from _text(part, "text", role)
            yield from _text(part, "refusal", role)


def _calls(message: Document) -> Iterator[Slot]:
    functions = [_object(call.get("function")) for call in _objects(message.get("tool_calls"))]
    for function in [*functions, _object(message.get("function_call"))]:
        yield from _text(function, "arguments", "assistant", json=True)


def _response_item(item: Document, role: Role) -> Iterator[Slot]:
    kind = item.get("type")
    if kind == "function_call":
        yield from _text(item, "arguments", "assistant", json=True)
    elif kind == "function_call_output":
        yield from _content(item, "output", "tool")
    elif kind == "reasoning":
        for part in _objects(item.get("summary")):
            yield from _text(part, "text", "assistant", hidden=True)
    else:
        yield from _content(item, "content", role)


# ---- answers


def _chat_answer(document: Document) -> Iterator[Slot]:
    for choice in _objects(document.get("choices")):
        yield from _text(choice, "text", "assistant")
        message = _object(choice.get("message"))
        for name in ("reasoning_content", "reasoning"):
            yield from _text(message, name, "assistant", hidden=True)
        yield from _content(message, "content", "assistant")
        yield from _text(message, "refusal", "assistant")
        yield from _calls(message)


def _messages_answer(document: Document) -> Iterator[Slot]:
    for block in _objects(document.get("content")):
        kind = block.get("type")
        if kind == "text":
            yield from _text(block, "text", "assistant")
        elif kind == "thinking":
            yield from _text(block, "thinking", "assistant", fixed=True, hidden=True)
        elif kind == "tool_use":
            yield from _leaves(block, "input", "assistant")


def _responses_answer(document: Document) -> Iterator[Slot]:
    for item in _objects(document.get("output")):
        yield from _response_item(item, "assistant")


def response_item_slots(item: Document) -> list[Slot]:
    """The texts of one output item of a Responses stream."""
    return list(_response_item(item, "assistant"))


# ---- parts


def _text(
    holder: Document, name: str, role: Role, *, json: bool = False, fixed: bool = False, hidden: bool = False
) -> Iterator[Slot]:
    value = holder.get(name)
    if isinstance(value, str) and value:
        yield Slot(holder, name, value, role, json, fixed, not (json or hidden))


def _leaves(holder: "Document | list[object]", key: str | int, role: Role) -> Iterator[Slot]:
    """The texts inside a JSON value."""
    value = cast("object", holder[key] if isinstance(holder, list) else holder.get(str(key)))  # type: ignore[index]  # pyright: ignore[reportArgumentType, reportCallIssue]
    if isinstance(value, str):
        yield Slot(holder, key, value, role, visible=False)
    elif isinstance(value, dict):
        inner = cast("Document", value)
        for name in inner:
            yield from _leaves(inner, name, role)
    elif isinstance(value, list):
        items = cast("list[object]", value)
        for i in range(len(items)):
            yield from _leaves(items, i, role)


def _objects(value: object) -> list[Document]:
    if not isinstance(value, list):
        return []
    return [cast("Document", item) for item in cast("list[object]", value) if isinstance(item, dict)]


def _object(value: object) -> Document:
    return cast("Document", value) if isinstance(value, dict) else {}


def _no_slots(document: Document) -> Iterator[Slot]:
    return iter(())


_REQUESTS: dict[Surface, Callable[[Document], Iterator[Slot]]] = {
    "chat_completions": _messages_request,
    "messages": _messages_request,
    "count_tokens": _messages_request,
    "responses": _responses_request,
}
_ANSWERS: dict[Surface, Callable[[Document], Iterator[Slot]]] = {
    "chat_completions": _chat_answer,
    "completions": _chat_answer,
    "messages": _messages_answer,
    "responses": _responses_answer,
}
