"""Token usage: Anthropic's disjoint counts ⇄ the hub's, where `prompt_tokens` includes what the cache served or took.

prompt_tokens = input_tokens + cache_read_input_tokens + cache_creation_input_tokens. Reasoning is part of the output on
both sides. The hub keeps Anthropic's split of cache writes by lifetime under `prompt_tokens_details.cache_creation`.
"""

from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import count_in, object_in


def to_hub_usage(usage: Document) -> Document:
    """Anthropic's `usage` as the hub's."""
    read, written = count_in(usage, "cache_read_input_tokens"), count_in(usage, "cache_creation_input_tokens")
    creation = object_in(usage, "cache_creation")
    written = max(written, _lifetimes(creation))
    prompt = count_in(usage, "input_tokens") + read + written
    completion = count_in(usage, "output_tokens")
    details: Document = {"cached_tokens": read, "cache_write_tokens": written}
    if creation:
        details["cache_creation"] = {
            "ephemeral_5m_input_tokens": count_in(creation, "ephemeral_5m_input_tokens"),
            "ephemeral_1h_input_tokens": count_in(creation, "ephemeral_1h_input_tokens"),
        }
    result: Document = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": details,
    }
    reasoning = count_in(object_in(usage, "output_tokens_details"), "thinking_tokens")
    if reasoning:
        result["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    return result


def from_hub_usage(usage: Document) -> Document:
    """The hub's `usage` as Anthropic's."""
    details = object_in(usage, "prompt_tokens_details")
    prompt = count_in(usage, "prompt_tokens")
    read = min(count_in(details, "cached_tokens"), prompt)
    written = min(count_in(details, "cache_write_tokens"), prompt - read)
    result: Document = {
        "input_tokens": prompt - read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": count_in(usage, "completion_tokens"),
    }
    creation = object_in(details, "cache_creation")
    if creation:
        result["cache_creation"] = creation
    reasoning = count_in(object_in(usage, "completion_tokens_details"), "reasoning_tokens")
    if reasoning:
        result["output_tokens_details"] = {"thinking_tokens": reasoning}
    return result


def merge_usage(start: Document, end: Document) -> Document:
    """Usage of a stream: `message_delta` counts are cumulative and replace those of `message_start`."""
    return {**start, **{key: value for key, value in end.items() if value is not None}}


def _lifetimes(creation: Document) -> int:
    return count_in(creation, "ephemeral_5m_input_tokens") + count_in(creation, "ephemeral_1h_input_tokens")
