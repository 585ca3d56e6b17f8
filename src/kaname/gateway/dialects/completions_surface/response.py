"""`chat.completion` → `text_completion`.

A refusal is text here, since the shape has no other place for it; reasoning and tool calls have none and are left out.
"""

import time
from typing import Final

from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import count_in, object_in, objects_in, text_in, unusable
from kaname.kernel.ids import new_id

_FINISH: Final = {"length": "length", "content_filter": "content_filter"}


def encode_response(chat: Document, echo: str) -> Document:
    """See `SurfaceCodec.encode_response`."""
    choices = objects_in(chat, "choices")
    if not choices:
        raise unusable("it has no choices")
    answer = head_of(chat, text_in(chat, "model"))
    answer["choices"] = [
        text_choice(
            count_in(choice, "index"), echo + said_in(object_in(choice, "message")),
            finish_of(text_in(choice, "finish_reason")),
        )
        for choice in choices
    ]  # fmt: skip
    if usage := object_in(chat, "usage"):
        answer["usage"] = usage
    return answer


def head_of(chat: Document, model: str) -> Document:
    """What a completion and its chunks begin with; id and time are made for an upstream that gives none."""
    chat_id = text_in(chat, "id").removeprefix("chatcmpl-") or new_id("cmpl").removeprefix("cmpl_")
    return {
        "id": chat_id if chat_id.startswith("cmpl-") else f"cmpl-{chat_id}",
        "object": "text_completion",
        "created": count_in(chat, "created") or int(time.time()),
        "model": model,
    }


def text_choice(index: int, text: str, finish_reason: str | None) -> Document:
    """One answer, or a piece of one."""
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish_reason}


def said_in(message: Document) -> str:
    """The text of a message or delta."""
    return text_in(message, "content") + text_in(message, "refusal")


def finish_of(reason: str) -> str:
    """Why a text ended, in the older API's words."""
    return _FINISH.get(reason, "stop")
