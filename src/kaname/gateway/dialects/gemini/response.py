"""`generateContent` answers, whole and in pieces → hub.

A part that is a thought becomes reasoning. What a filter withheld ends with `content_filter`, whether it was the prompt
(`promptFeedback`, no candidate) or the answer (`finishReason`).
`prompt_tokens` = promptTokenCount (cached tokens are in it) + toolUsePromptTokenCount; `completion_tokens` =
candidatesTokenCount + thoughtsTokenCount.
"""

from typing import Final

from kaname.gateway.dialects.chat.building import AssistantMessage, call_id, completion, new_chat_id
from kaname.gateway.dialects.gemini.signatures import extra_content, signed_block
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import count_in, object_in, objects_in, text_in, unusable, upstream_json
from kaname.kernel.errors import UpstreamError

_BLOCKED: Final = frozenset(
    {
        "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION", "MODEL_ARMOR",
    }
)  # fmt: skip
_BROKEN: Final = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"})


def decode_response(document: Document) -> Document:
    """See `ProviderCodec.decode_response`."""
    raise_error(document)
    answer_id = text_in(document, "responseId") or new_chat_id()
    model, usage = text_in(document, "modelVersion"), to_hub_usage(object_in(document, "usageMetadata"))
    message = AssistantMessage()
    candidates = objects_in(document, "candidates")
    if not candidates:
        message.refuse(blocked_prompt(document))
        return completion(answer_id, model, message.build(), "content_filter", usage)
    thoughts: list[str] = []
    for part in objects_in(object_in(candidates[0], "content"), "parts"):
        text = text_in(part, "text")
        if part.get("thought"):
            thoughts.append(text)
            message.reason(text)
        elif "functionCall" in part:
            call = tool_call(part, answer_id, message.calls)
            if (signature := text_in(part, "thoughtSignature")) and message.calls == 0:
                message.think(signed_block("".join(thoughts), signature))
            message.call(call)
        elif text:
            message.say(text)
    reason = finish_reason(text_in(candidates[0], "finishReason"), calls=message.calls > 0, said=not message.empty)
    if reason == "content_filter":
        message.refuse(text_in(candidates[0], "finishMessage") or f"withheld by {_WHO}'s filters")
    return completion(answer_id, model, message.build(), reason, usage)


def raise_error(document: Document) -> None:
    """Raises UpstreamError for an error object inside a 200."""
    if document.get("error"):
        said = text_in(object_in(document, "error"), "message") or "no reason given"
        raise UpstreamError(f"the upstream failed: {said[:2000]}")


def blocked_prompt(document: Document) -> str:
    """Why there is no candidate; raises UpstreamError when nothing says so."""
    feedback = object_in(document, "promptFeedback")
    reason = text_in(feedback, "blockReason")
    if not reason:
        raise unusable("it has no candidates")
    return text_in(feedback, "blockReasonMessage") or f"the prompt was blocked: {reason}"


def finish_reason(reason: str, *, calls: bool, said: bool) -> str:
    """Why it ended, in the hub's words; raises UpstreamError when that was a failure and nothing came of it."""
    if reason in _BLOCKED:
        return "content_filter"
    if reason == "MAX_TOKENS":
        return "length"
    if reason in _BROKEN and not said:
        raise unusable(f"the model failed ({reason})")
    return "tool_calls" if calls else "stop"


def tool_call(part: Document, answer_id: str, index: int) -> Document:
    """A call, which Gemini gives whole, with an id that is the same whenever it is read."""
    call = object_in(part, "functionCall")
    function = {"name": text_in(call, "name"), "arguments": upstream_json(object_in(call, "args"))}
    said: Document = {"id": text_in(call, "id") or call_id(answer_id, index), "type": "function", "function": function}
    signature = text_in(part, "thoughtSignature")
    return {**said, **extra_content(signature)} if signature else said


def to_hub_usage(usage: Document) -> Document:
    """`usageMetadata` as the hub's usage; {} when there is none."""
    if not usage:
        return {}
    prompt = count_in(usage, "promptTokenCount") + count_in(usage, "toolUsePromptTokenCount")
    thoughts = count_in(usage, "thoughtsTokenCount")
    answer = count_in(usage, "candidatesTokenCount") + thoughts
    details: Document = {"cached_tokens": min(count_in(usage, "cachedContentTokenCount"), prompt)}
    if audio := _modality(usage, "promptTokensDetails", "AUDIO"):
        details["audio_tokens"] = audio
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": thoughts},
    }


def _modality(usage: Document, key: str, modality: str) -> int:
    return sum(count_in(item, "tokenCount") for item in objects_in(usage, key) if item.get("modality") == modality)


_WHO: Final = "Gemini"
