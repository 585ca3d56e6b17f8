"""Langfuse usage maps → disjoint buckets.

`usage_details` is a free map in which `input` excludes every `input_*` and `cache_*` key and `output` every
`output_*` key, unless it is exactly a provider's block (OpenAI's), which is split by that provider's rule. The legacy
shapes `{input, output, total, unit}` and `{promptTokens, completionTokens, totalTokens}` are read too.
"""

from kaname.traces.coerce import json_object, to_count
from kaname.traces.model import AttributeValue
from kaname.traces.native_usage import read_native_usage
from kaname.traces.usage import Usage, count_map, usage_of_buckets

_SYNONYMS = {
    "input": "input_uncached", "promptTokens": "input_uncached", "input_text": "input_uncached",
    "output": "output_text", "completionTokens": "output_text",
    "input_cached_tokens": "cache_read", "input_cache_read": "cache_read", "cache_read_input_tokens": "cache_read",
    "input_cache_read_tokens": "cache_read", "input_cached": "cache_read", "cache_read": "cache_read",
    "input_cache_creation": "cache_write", "cache_creation_input_tokens": "cache_write",
    "input_cache_write": "cache_write", "input_cache_creation_tokens": "cache_write", "cache_write": "cache_write",
    "input_cache_creation_5m": "cache_write_5m", "input_cache_creation_1h": "cache_write_1h",
    "input_audio": "input_audio", "input_audio_tokens": "input_audio",
    "input_image": "input_image", "input_image_tokens": "input_image",
    "output_reasoning": "reasoning", "output_reasoning_tokens": "reasoning", "reasoning": "reasoning",
    "output_audio": "output_audio", "output_audio_tokens": "output_audio",
}  # fmt: skip
_OUTSIDE = frozenset({"total", "totalTokens", "total_tokens"})
_NATIVE = frozenset({"prompt_tokens", "completion_tokens", "input_tokens", "output_tokens"})


def read_usage(value: AttributeValue) -> Usage | None:
    """Usage of `langfuse.observation.usage_details` or a legacy `usage` object."""
    block = json_object(value)
    if not block:
        return None
    if not _NATIVE.isdisjoint(block) and "input" not in block and "output" not in block:
        native = read_native_usage(block)
        if native is not None:
            return native
    unit = block.get("unit")
    if isinstance(unit, str) and unit.upper() not in ("", "TOKENS"):
        return usage_of_buckets({}, count_map(block))
    buckets: dict[str, int] = {}
    for key, item in block.items():
        count = to_count(item)
        if not count or key in _OUTSIDE:
            continue
        bucket = _SYNONYMS.get(key) or _bucket_by_prefix(key)
        if bucket:
            buckets[bucket] = buckets.get(bucket, 0) + count
    if not buckets and (total := to_count(block.get("total"))):
        buckets["input_uncached"] = total
    return usage_of_buckets(buckets, count_map(block))


def _bucket_by_prefix(key: str) -> str:
    """A free key still counts where its prefix says it belongs: dropping it would make the total wrong."""
    if key.startswith("output"):
        return "output_text"
    if key.startswith("cache"):
        return "cache_read" if "read" in key else "cache_write"
    return "input_uncached" if key.startswith("input") else ""
