"""Input items of a Responses request → hub messages.

Reasoning and function calls that precede or follow an assistant's text belong to one assistant message. Reasoning that
came from Anthropic's models carries its signed blocks in `encrypted_content`, see `pack_thinking`.
"""

import base64
import binascii
from typing import Final, cast

import orjson

from kaname.gateway.dialects.anthropic.response import thinking_block
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import (
    Losses,
    a_list,
    a_name,
    a_text,
    an_object,
    invalid,
    objects_in,
    text_in,
    unsupported,
)

_PACKED: Final = "kaname-thinking-1:"
_ROLES: Final = ("user", "assistant", "system", "developer")
_ELSEWHERE: Final = "a file lives at the provider it was uploaded to"


def to_messages(value: object, losses: Losses) -> list[Document]:
    """Messages of `input`; raises InvalidInputError with the path of what can't be said."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    reader = _Reader(losses)
    for i, item in enumerate(a_list(value, "input")):
        reader.add(an_object(item, f"input[{i}]"), f"input[{i}]")
    return reader.finish()


def pack_thinking(blocks: list[Document]) -> str:
    """Signed thinking blocks as the opaque text that clients send back."""
    return _PACKED + base64.b64encode(orjson.dumps([thinking_block(block) for block in blocks])).decode()


def unpack_thinking(text: str) -> list[Document]:
    """The reverse; [] for another provider's text, which only that provider can read."""
    if not text.startswith(_PACKED):
        return []
    try:
        blocks: object = orjson.loads(base64.b64decode(text.removeprefix(_PACKED), validate=True))
    except (binascii.Error, orjson.JSONDecodeError):
        return []
    return objects_in({"blocks": blocks}, "blocks")


class _Reader:
    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._messages: list[Document] = []
        self._assistant: Document | None = None
        """The assistant message that is still growing."""
        self._moved: list[Document] = []
        """Images of tool results, for the next user message."""

    def add(self, item: Document, path: str) -> None:
        kind = item.get("type", "message")
        if kind == "message":
            self._add_message(item, path)
        elif kind == "function_call":
            self._add_call(item, path)
        elif kind == "function_call_output":
            self._add_output(item, path)
        elif kind == "reasoning":
            self._add_reasoning(item)
        elif kind == "item_reference":
            raise unsupported(f"{path}.type", "nothing is stored", "Send the item itself.")
        else:
            raise unsupported(f"{path}.type", f"it takes no items of type {str(kind)[:60]!r}", "Leave the item out.")

    def finish(self) -> list[Document]:
        self._flush_images()
        return self._messages

    def _add_message(self, item: Document, path: str) -> None:
        role = item.get("role")
        if role not in _ROLES:
            raise invalid(f"{path}.role", role, "user, assistant, system or developer")
        where = f"{path}.content"
        if role == "assistant":
            self._say(item.get("content"), where)
            return
        content = item.get("content")
        parts = content if isinstance(content, str) else _compact(_parts(content, where))
        self._assistant = None
        if role == "user" and self._moved:
            own = parts if isinstance(parts, list) else [Document({"type": "text", "text": parts})]
            parts, self._moved = [*self._moved, *own], []
        self._flush_images()
        self._messages.append({"role": "user" if role == "user" else "system", "content": parts})

    def _say(self, content: object, path: str) -> None:
        message = self._growing(new=self._assistant is not None and self._assistant.get("content") is not None)
        if isinstance(content, str):
            message["content"] = content
            return
        texts: list[str] = []
        for i, value in enumerate(a_list(content, path)):
            part = an_object(value, f"{path}[{i}]")
            kind = part.get("type")
            if kind == "refusal":
                message["refusal"] = a_text(part.get("refusal"), f"{path}[{i}].refusal")
            elif kind in ("output_text", "input_text", "text"):
                texts.append(a_text(part.get("text"), f"{path}[{i}].text"))
            else:
                raise invalid(f"{path}[{i}].type", kind, "output_text or refusal")
        if texts:
            message["content"] = "".join(texts)

    def _add_call(self, item: Document, path: str) -> None:
        function = {
            "name": a_name(item.get("name"), f"{path}.name"),
            "arguments": a_text(item.get("arguments"), f"{path}.arguments"),
        }
        call = {"id": a_name(item.get("call_id"), f"{path}.call_id"), "type": "function", "function": function}
        cast("list[object]", self._growing().setdefault("tool_calls", [])).append(call)

    def _add_output(self, item: Document, path: str) -> None:
        output = item.get("output")
        if not isinstance(output, str):
            parts = _parts(output, f"{path}.output")
            images = [part for part in parts if part["type"] != "text"]
            if images:
                self._losses.lose(f"{path}.output", "images of tool results are moved to the next user message")
                self._moved += images
            output = _compact([part for part in parts if part["type"] == "text"])
        self._assistant = None
        call_id = a_name(item.get("call_id"), f"{path}.call_id")
        self._messages.append({"role": "tool", "tool_call_id": call_id, "content": output})

    def _add_reasoning(self, item: Document) -> None:
        message = self._growing(new=self._assistant is not None)
        blocks = unpack_thinking(text_in(item, "encrypted_content"))
        if blocks:
            message["thinking_blocks"] = blocks
        texts = [text_in(part, "text") for part in objects_in(item, "content") or objects_in(item, "summary")]
        if any(texts):
            message["reasoning_content"] = "\n\n".join(texts)

    def _growing(self, *, new: bool = False) -> Document:
        if self._assistant is None or new:
            self._flush_images()
            self._assistant = {"role": "assistant", "content": None}
            self._messages.append(self._assistant)
        return self._assistant

    def _flush_images(self) -> None:
        if self._moved:
            self._messages.append({"role": "user", "content": self._moved})
            self._moved = []


def _parts(content: object, path: str) -> list[Document]:
    parts = ((item, f"{path}[{i}]") for i, item in enumerate(a_list(content, path)))
    return [_part(an_object(item, where), where) for item, where in parts]


def _part(part: Document, path: str) -> Document:
    kind = part.get("type")
    if part.get("file_id") is not None:
        raise unsupported(f"{path}.file_id", _ELSEWHERE, "Send the data itself.")
    if kind in ("input_text", "output_text", "text"):
        return {"type": "text", "text": a_text(part.get("text"), f"{path}.text")}
    if kind == "input_image":
        image: Document = {"url": a_name(part.get("image_url"), f"{path}.image_url")}
        if part.get("detail") not in (None, "auto"):
            image["detail"] = part["detail"]
        return {"type": "image_url", "image_url": image}
    if kind == "input_file":
        if part.get("file_url") is not None:
            raise unsupported(f"{path}.file_url", "documents aren't fetched", "Send `file_data`.")
        file = {
            "filename": a_text(part.get("filename") or "document.pdf", f"{path}.filename"),
            "file_data": a_name(part.get("file_data"), f"{path}.file_data"),
        }
        return {"type": "file", "file": file}
    raise unsupported(f"{path}.type", f"it takes no {str(kind)[:40]!r}")


def _compact(parts: list[Document]) -> str | list[Document]:
    if not parts:
        return ""
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        return text_in(parts[0], "text")
    return parts
