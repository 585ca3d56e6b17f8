"""How much of an answer a client got, read back from what was recorded: for calls whose upstream didn't say.

Only a call that broke off, or whose upstream keeps its usage to itself, pays for this; it never runs beside a stream.
At most `SCANNED_BYTES` are read and the rest is taken to be like them, so that a long stream can't hold the loop.
"""

import re
from collections.abc import Iterator
from typing import cast

import orjson

from kaname.gateway.limits.costs import Used
from kaname.gateway.limits.estimate import estimate_input_tokens
from kaname.gateway.model import GatewayRecord
from kaname.gateway.stream import event_data, split_events

SCANNED_BYTES = 64 * 1024
_TEXT_KEYS = frozenset(
    {
        "content", "text", "refusal", "reasoning_content", "reasoning", "thinking", "arguments", "partial_json", "name",
        "delta", "input",
    }
)  # fmt: skip
_NESTED_KEYS = frozenset(
    {
        "choices",
        "delta",
        "message",
        "content",
        "tool_calls",
        "function",
        "output",
        "content_block",
        "candidates",
        "parts",
    }
)
_REPEATS = re.compile(rb'"type"\s*:\s*"response\.(?:[a-z_.]+\.done|completed|incomplete|created|in_progress)"')
"""Events of the Responses format that say again what their deltas said."""
_GENERATES = frozenset({"chat_completions", "completions", "responses", "messages"})
_READS = frozenset({"embeddings"})


def estimate_usage(record: GatewayRecord, used: Used | None) -> None:
    """Fills `usage` where the upstream gave none, or raises its output to what a broken stream had sent."""
    generates = record.surface in _GENERATES or (record.surface == "pass" and record.target_model != "-")
    if not generates and record.surface not in _READS:
        return
    sent = sent_tokens(record) if generates else 0
    if used is None or not used.tokens:
        read = estimate_input_tokens(record.request)
        usage: dict[str, object] = {"prompt_tokens": read, "completion_tokens": sent, "total_tokens": read + sent}
        record.usage_format = "openai"
    elif used.output_tokens < sent:
        usage = cast("dict[str, object]", orjson.loads(record.usage))
        usage["completion_tokens" if "prompt_tokens" in usage else "output_tokens"] = sent
    else:
        return
    record.usage = orjson.dumps(usage)
    record.usage_estimated = True


def sent_tokens(record: GatewayRecord) -> int:
    """About how many tokens the client got."""
    scanned = record.response[:SCANNED_BYTES]
    if not scanned:
        return 0
    if record.response_format == "sse":
        documents = [event_data(event) for event in split_events(scanned) if not _REPEATS.search(event)]
    else:
        documents = [record.response]  # bounded, and cut JSON has no text
    text = "".join(part for data in documents for part in _texts(_parsed(data)))
    if not text:
        return 0
    tokens = estimate_input_tokens(text.encode("utf-8", "replace"))
    whole = max(record.response_bytes, len(scanned)) if record.response_format == "sse" else len(scanned)
    return tokens * whole // len(scanned)


def _texts(value: object, key: str = "") -> Iterator[str]:
    if isinstance(value, str):
        if key in _TEXT_KEYS:
            yield value
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _texts(item, key)
    elif isinstance(value, dict):
        if key == "input":  # a tool call's arguments as an object
            yield orjson.dumps(value).decode()
            return
        for name, item in cast("dict[str, object]", value).items():
            if name in _NESTED_KEYS or name in _TEXT_KEYS:
                yield from _texts(item, name)


def _parsed(data: bytes) -> object:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
