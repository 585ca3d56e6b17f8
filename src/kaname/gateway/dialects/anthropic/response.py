"""Anthropic Messages response → `chat.completion`.

Text blocks are joined; thinking becomes `reasoning_content` and `thinking_blocks`; blocks of server-side tools, which a
chat client can't have asked for, are left out.
"""

import time

from kaname.gateway.dialects.anthropic.usage import to_hub_usage
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import object_in, objects_in, text_in, unusable, upstream_json
from kaname.kernel.errors import UpstreamError

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def decode_response(document: Document) -> Document:
    """See `ProviderCodec.decode_response`."""
    if document.get("type") == "error":
        raise UpstreamError(f"the upstream failed: {text_in(object_in(document, 'error'), 'message')[:2000]}")
    if document.get("type") != "message" or not isinstance(document.get("content"), list):
        raise unusable("it isn't a message")
    message = _message(objects_in(document, "content"))
    reason = text_in(document, "stop_reason")
    if reason == "refusal":
        message["refusal"] = text_in(object_in(document, "stop_details"), "explanation") or None
    return {
        "id": text_in(document, "id"),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": text_in(document, "model"),
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": FINISH_REASONS.get(reason, "stop"),
            }
        ],
        "usage": to_hub_usage(object_in(document, "usage")),
    }


def thinking_block(block: Document) -> Document:
    """A thinking or redacted_thinking block as the hub keeps it."""
    if block.get("type") == "redacted_thinking":
        return {"type": "redacted_thinking", "data": text_in(block, "data")}
    return {"type": "thinking", "thinking": text_in(block, "thinking"), "signature": text_in(block, "signature")}


def _message(blocks: list[Document]) -> Document:
    texts: list[str] = []
    thinking: list[Document] = []
    calls: list[Document] = []
    for block in blocks:
        kind = block.get("type")
        if kind == "text":
            texts.append(text_in(block, "text"))
        elif kind in ("thinking", "redacted_thinking"):
            thinking.append(thinking_block(block))
        elif kind == "tool_use":
            arguments = upstream_json(object_in(block, "input"))
            function = {"name": text_in(block, "name"), "arguments": arguments}
            calls.append({"id": text_in(block, "id"), "type": "function", "function": function})
    message: Document = {"role": "assistant", "content": "".join(texts) if texts else None, "refusal": None}
    if not texts and not calls:
        message["content"] = ""
    if thinking:
        reasoning = "".join(text_in(block, "thinking") for block in thinking)
        if reasoning:
            message["reasoning_content"] = reasoning
        message["thinking_blocks"] = thinking
    if calls:
        message["tool_calls"] = calls
    return message
