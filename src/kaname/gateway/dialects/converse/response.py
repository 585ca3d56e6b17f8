"""Converse answers → `chat.completion`.

`prompt_tokens` = inputTokens + cacheReadInputTokens + cacheWriteInputTokens, which Bedrock counts apart. An answer of
Converse has neither an id nor a model.
"""

from typing import Final

from kaname.gateway.dialects.chat.building import AssistantMessage, completion, new_chat_id
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import count_in, object_in, objects_in, text_in, unusable, upstream_json

_REASONS: Final = {
    "end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls", "max_tokens": "length",
    "model_context_window_exceeded": "length", "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}  # fmt: skip


def decode_response(document: Document) -> Document:
    """See `ProviderCodec.decode_response`."""
    output = object_in(object_in(document, "output"), "message")
    if not isinstance(output.get("content"), list):
        raise unusable("it has no message")
    message = AssistantMessage()
    for block in objects_in(output, "content"):
        if "text" in block:
            message.say(text_in(block, "text"))
        elif "toolUse" in block:
            call = object_in(block, "toolUse")
            function = {"name": text_in(call, "name"), "arguments": upstream_json(object_in(call, "input"))}
            message.call({"id": text_in(call, "toolUseId"), "type": "function", "function": function})
        elif "reasoningContent" in block:
            reasoning = object_in(block, "reasoningContent")
            said = object_in(reasoning, "reasoningText")
            message.reason(text_in(said, "text"))
            if thought := thinking_block(text_in(said, "text"), text_in(said, "signature"), reasoning):
                message.think(thought)
    reason = finish_reason(text_in(document, "stopReason"), said=not message.empty)
    if reason == "content_filter":
        message.refuse("withheld by Bedrock's filters")
    return completion(new_chat_id(), "", message.build(), reason, to_hub_usage(object_in(document, "usage")))


def finish_reason(reason: str, *, said: bool) -> str:
    """Why it ended, in the hub's words; raises UpstreamError when that was a failure and nothing came of it."""
    if reason.startswith("malformed_") and not said:
        raise unusable(f"the model failed ({reason})")
    return _REASONS.get(reason, "stop")


def thinking_block(text: str, signature: str, reasoning: Document) -> Document | None:
    """The block that must come back with the next turn; None for reasoning that is only shown."""
    if redacted := text_in(reasoning, "redactedContent"):
        return {"type": "redacted_thinking", "data": redacted}
    return {"type": "thinking", "thinking": text, "signature": signature} if signature else None


def to_hub_usage(usage: Document) -> Document:
    """Converse's `usage` as the hub's; {} when there is none."""
    if not usage:
        return {}
    read, written = count_in(usage, "cacheReadInputTokens"), count_in(usage, "cacheWriteInputTokens")
    prompt = count_in(usage, "inputTokens") + read + written
    answer = count_in(usage, "outputTokens")
    details: Document = {"cached_tokens": read, "cache_write_tokens": written}
    if lifetimes := {text_in(item, "ttl"): count_in(item, "inputTokens") for item in objects_in(usage, "cacheDetails")}:
        details["cache_creation"] = {
            "ephemeral_5m_input_tokens": lifetimes.get("5m", 0), "ephemeral_1h_input_tokens": lifetimes.get("1h", 0),
        }  # fmt: skip
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": details,
    }
