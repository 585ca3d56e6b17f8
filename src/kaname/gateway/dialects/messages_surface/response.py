"""`chat.completion` → Anthropic message."""

from typing import cast

import orjson

from kaname.gateway.dialects.anthropic.response import thinking_block
from kaname.gateway.dialects.anthropic.usage import from_hub_usage
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import object_in, objects_in, text_in, unusable
from kaname.kernel.ids import new_id

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def encode_response(chat: Document) -> Document:
    """See `SurfaceCodec.encode_response`. Raises UpstreamError when there is no choice or arguments aren't JSON."""
    choices = objects_in(chat, "choices")
    if not choices:
        raise unusable("it has no choices")
    message = object_in(choices[0], "message")
    content = _blocks(message)
    return {
        "id": message_id(text_in(chat, "id")),
        "type": "message",
        "role": "assistant",
        "model": text_in(chat, "model"),
        "content": content,
        "stop_reason": stop_reason(
            text_in(choices[0], "finish_reason"),
            calls=bool(content) and content[-1]["type"] == "tool_use",
            refuses=bool(message.get("refusal")),
        ),
        "stop_sequence": None,
        "usage": from_hub_usage(object_in(chat, "usage")),
    }


def message_id(chat_id: str) -> str:
    """An id in Anthropic's style, the same for the same id; a new one for an upstream that gives none."""
    if not chat_id:
        return new_id("msg")
    return chat_id if chat_id.startswith("msg_") else "msg_" + chat_id.removeprefix("chatcmpl-")


def stop_reason(finish_reason: str, *, calls: bool, refuses: bool) -> str:
    """Why the answer ended. Some servers say `stop` after a tool call."""
    if refuses:
        return "refusal"
    if calls and finish_reason in ("stop", ""):
        return "tool_use"
    return _STOP_REASONS.get(finish_reason, "end_turn")


def _blocks(message: Document) -> list[Document]:
    blocks = [thinking_block(block) for block in objects_in(message, "thinking_blocks")]
    reasoning = text_in(message, "reasoning_content") or text_in(message, "reasoning")
    if not blocks and reasoning:
        blocks = [thinking_block({"thinking": reasoning})]
    text = text_in(message, "content") or text_in(message, "refusal")
    if text:
        blocks.append({"type": "text", "text": text})
    for i, call in enumerate(objects_in(message, "tool_calls")):
        function = object_in(call, "function")
        blocks.append(
            {
                "type": "tool_use",
                "id": text_in(call, "id") or f"toolu_{i}",
                "name": text_in(function, "name"),
                "input": _input(text_in(function, "arguments")),
            }
        )
    return blocks


def _input(arguments: str) -> Document:
    if not arguments.strip():
        return {}
    try:
        value: object = orjson.loads(arguments)
    except orjson.JSONDecodeError as e:
        raise unusable("the arguments of a tool call aren't JSON") from e
    if not isinstance(value, dict):
        raise unusable("the arguments of a tool call aren't an object")
    return cast("Document", value)
