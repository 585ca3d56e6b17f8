"""`chat.completion` → Responses object.

Order of the output: reasoning, message, function calls. The object repeats parameters of the request (`echo`) as the
API does; without them it says the API's defaults.
"""

import re
import time
from typing import Final, cast

from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import count_in, object_in, objects_in, text_in, unusable
from kaname.gateway.dialects.responses_surface.items import pack_thinking
from kaname.kernel.ids import new_id

_ECHOED: Final = (
    "instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls", "reasoning",
    "safety_identifier", "service_tier", "temperature", "text", "tool_choice", "tools", "top_p", "truncation", "user",
)  # fmt: skip
_DEFAULTS: Final[Document] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
_PREFIX: Final = re.compile(r"^(?:chatcmpl-|msg_|resp_)")
_NOT_ID: Final = re.compile(r"[^A-Za-z0-9_.-]")
_INCOMPLETE: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}


def echo_of(document: Document) -> Document:
    """What an answer repeats of its request."""
    return {name: document[name] for name in _ECHOED if document.get(name) is not None}


def encode_response(chat: Document, echo: Document) -> Document:
    """See `SurfaceCodec.encode_response`."""
    choices = objects_in(chat, "choices")
    if not choices:
        raise unusable("it has no choices")
    base = base_id(text_in(chat, "id"))
    output = _output(object_in(choices[0], "message"), base)
    created = created_of(chat)
    reason = text_in(choices[0], "finish_reason")
    return response_object(
        base, created, text_in(chat, "model"), echo,
        finish_reason=reason, output=output, usage=object_in(chat, "usage"),
    )  # fmt: skip


def response_object(
    base: str,
    created: int,
    model: str,
    echo: Document,
    *,
    finish_reason: str | None,
    output: list[Document],
    usage: Document,
) -> Document:
    """The object at its end, or while it is in progress (`finish_reason` None)."""
    why = _INCOMPLETE.get(finish_reason or "")
    status = "in_progress" if finish_reason is None else "incomplete" if why else "completed"
    return {
        "id": f"resp_{base}",
        "object": "response",
        "created_at": created,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": why} if why else None,
        "model": model,
        "output": output,
        "usage": usage_of(usage) if usage else None,
        **_DEFAULTS,
        **echo,
    }


def base_id(chat_id: str) -> str:
    """What the ids of a response and its items share; a new one for an upstream that gives none."""
    return _NOT_ID.sub("", _PREFIX.sub("", chat_id)) or new_id("resp").removeprefix("resp_")


def created_of(chat: Document) -> int:
    """When a completion or its first chunk was made; now, for an upstream that doesn't say."""
    return count_in(chat, "created") or int(time.time())


def usage_of(usage: Document) -> Document:
    """The hub's `usage` in Responses' words; both count cached tokens as input."""
    into, out = object_in(usage, "prompt_tokens_details"), object_in(usage, "completion_tokens_details")
    prompt, completion = count_in(usage, "prompt_tokens"), count_in(usage, "completion_tokens")
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": count_in(into, "cached_tokens"),
            "cache_write_tokens": count_in(into, "cache_write_tokens"),
        },
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": count_in(out, "reasoning_tokens")},
        "total_tokens": count_in(usage, "total_tokens") or prompt + completion,
    }


def reasoning_item(base: str, text: str, blocks: list[Document]) -> Document:
    """A reasoning item."""
    summary = [{"type": "summary_text", "text": text}] if text else []
    item: Document = {"id": f"rs_{base}", "type": "reasoning", "summary": summary}
    return {**item, "encrypted_content": pack_thinking(blocks)} if blocks else item


def message_item(base: str, content: list[Document], status: str) -> Document:
    """An assistant message."""
    return {"id": f"msg_{base}", "type": "message", "status": status, "role": "assistant", "content": content}


def text_content(text: str) -> Document:
    """The text of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def refusal_content(text: str) -> Document:
    """The refusal of a message."""
    return {"type": "refusal", "refusal": text}


def call_item(base: str, i: int, call_id: str, name: str, arguments: str, status: str) -> Document:
    """A function call."""
    return {
        "id": f"fc_{base}_{i}", "type": "function_call", "status": status, "call_id": call_id, "name": name,
        "arguments": arguments,
    }  # fmt: skip


def _output(message: Document, base: str) -> list[Document]:
    output: list[Document] = []
    reasoning = text_in(message, "reasoning_content") or text_in(message, "reasoning")
    blocks = objects_in(message, "thinking_blocks")
    if reasoning or blocks:
        output.append(reasoning_item(base, reasoning, blocks))
    content: list[Document] = []
    if text := text_in(message, "content"):
        content.append(text_content(text))
    if refusal := text_in(message, "refusal"):
        content.append(refusal_content(refusal))
    calls = objects_in(message, "tool_calls")
    if content or not calls:
        output.append(message_item(base, content or [text_content("")], "completed"))
    for i, call in enumerate(calls):
        function = object_in(call, "function")
        call_id = text_in(call, "id") or f"call_{base}_{i}"
        arguments = text_in(function, "arguments")
        output.append(call_item(base, i, call_id, text_in(function, "name"), arguments, "completed"))
    return output


def item_name(item: Document) -> str:
    """The id of an item."""
    return cast("str", item["id"])
