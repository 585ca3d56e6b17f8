"""Cohere v2 chat answers → `chat.completion`.

A plan before tool calls is reasoning. Citations are left out: chat completions have no place for them. Usage is what
is billed, which leaves out what Cohere itself puts before a prompt.
"""

from typing import Final

from kaname.gateway.dialects.chat.building import AssistantMessage, completion
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import object_in, objects_in, text_in, unusable
from kaname.kernel.errors import UpstreamError

_REASONS: Final = {
    "COMPLETE": "stop", "STOP_SEQUENCE": "stop", "TOOL_CALL": "tool_calls", "MAX_TOKENS": "length",
    "ERROR_TOXIC": "content_filter",
}  # fmt: skip
_FAILED: Final = frozenset({"ERROR", "TIMEOUT", "USER_CANCEL", "ERROR_LIMIT"})


def decode_response(document: Document) -> Document:
    """See `ProviderCodec.decode_response`."""
    given = document.get("message")
    if not isinstance(given, dict):
        raise unusable(text_in(document, "message") or "it has no message")
    said = object_in(document, "message")
    message = AssistantMessage()
    message.reason(text_in(said, "tool_plan"))
    for part in objects_in(said, "content"):
        message.reason(text_in(part, "thinking"))
        message.say(text_in(part, "text"))
    for call in objects_in(said, "tool_calls"):
        message.call(tool_call(call))
    reason = finish_reason(text_in(document, "finish_reason"), "")
    return completion(text_in(document, "id"), "", message.build(), reason, to_hub_usage(object_in(document, "usage")))


def tool_call(call: Document) -> Document:
    """A tool call as the hub has it."""
    function = object_in(call, "function")
    said = {"name": text_in(function, "name"), "arguments": text_in(function, "arguments")}
    return {"id": text_in(call, "id"), "type": "function", "function": said}


def finish_reason(reason: str, error: str) -> str:
    """Why it ended, in the hub's words; raises UpstreamError when that was a failure."""
    if reason in _FAILED:
        raise UpstreamError(f"the upstream failed ({reason}): {error[:2000] or 'no reason given'}")
    return _REASONS.get(reason, "stop")


def to_hub_usage(usage: Document) -> Document:
    """Cohere's `usage`, whose counts may have a fraction of zero, as the hub's; {} when there is none."""
    counts = object_in(usage, "billed_units") or object_in(usage, "tokens")
    if not counts:
        return {}
    prompt, answer = _count(counts, "input_tokens"), _count(counts, "output_tokens")
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": {"cached_tokens": min(_count(usage, "cached_tokens"), prompt)},
    }


def _count(counts: Document, key: str) -> int:
    value = counts.get(key)
    return int(value) if isinstance(value, (int, float)) and 0 < value < 2**53 else 0
