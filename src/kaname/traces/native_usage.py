"""Usage blocks as providers send them (OpenAI chat and responses, Anthropic, Gemini, Bedrock) → `Usage`.

A native block says by its keys which provider's rule holds, so it outranks every dialect's rule.
"""

from collections.abc import Mapping

from kaname.traces.coerce import to_count
from kaname.traces.model import AttributeValue
from kaname.traces.usage import TokenCounts, Usage, count_map, split_usage

Block = Mapping[str, AttributeValue]


def read_native_usage(block: Block) -> Usage | None:
    """Usage of a provider's own block, or None if its shape is unknown."""
    if not block:
        return None
    if "prompt_tokens" in block or "completion_tokens" in block:
        counts = _openai(
            block, "prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"
        )
    elif "cache_read_input_tokens" in block or "cache_creation_input_tokens" in block or "cache_creation" in block:
        counts = _anthropic(block)
    elif "input_tokens" in block or "output_tokens" in block:
        counts = _openai(block, "input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details")
    elif "promptTokenCount" in block or "candidatesTokenCount" in block:
        counts = _gemini(block)
    elif "inputTokens" in block or "outputTokens" in block:
        counts = _bedrock(block)
    else:
        return None
    return split_usage(counts, count_map(block))


def _openai(block: Block, prompt: str, completion: str, prompt_details: str, completion_details: str) -> TokenCounts:
    into, out = _object(block, prompt_details), _object(block, completion_details)
    creation = _object(into, "cache_creation")  # the gateway keeps Anthropic's split by lifetime when it translates
    return TokenCounts(
        input=to_count(block.get(prompt)),
        output=to_count(block.get(completion)),
        total=to_count(block.get("total_tokens")),
        # DeepSeek's chat API reports hits beside the prompt count that includes them.
        cache_read=_count(into, "cached_tokens") or _count(block, "prompt_cache_hit_tokens"),
        cache_write=_count(into, "cache_write_tokens") or _count(into, "cache_creation_tokens"),
        cache_write_5m=_count(creation, "ephemeral_5m_input_tokens"),
        cache_write_1h=_count(creation, "ephemeral_1h_input_tokens"),
        input_audio=_count(into, "audio_tokens"),
        input_image=_count(into, "image_tokens"),
        reasoning=_count(out, "reasoning_tokens"),
        output_audio=_count(out, "audio_tokens"),
        input_includes_cache=True,
        output_includes_reasoning=True,
    )


def _anthropic(block: Block) -> TokenCounts:
    creation = _object(block, "cache_creation")
    return TokenCounts(
        reasoning=_count(_object(block, "output_tokens_details"), "thinking_tokens"),
        input=to_count(block.get("input_tokens")),
        output=to_count(block.get("output_tokens")),
        cache_read=_count(block, "cache_read_input_tokens"),
        cache_write=_count(block, "cache_creation_input_tokens"),
        cache_write_5m=_count(creation, "ephemeral_5m_input_tokens"),
        cache_write_1h=_count(creation, "ephemeral_1h_input_tokens"),
        input_includes_cache=False,
        output_includes_reasoning=True,
    )


def _gemini(block: Block) -> TokenCounts:
    return TokenCounts(
        input=to_count(block.get("promptTokenCount")),
        output=_count(block, "candidatesTokenCount"),
        total=to_count(block.get("totalTokenCount")),
        cache_read=_count(block, "cachedContentTokenCount"),
        reasoning=_count(block, "thoughtsTokenCount"),
        input_includes_cache=True,
        output_includes_reasoning=False,
    )


def _bedrock(block: Block) -> TokenCounts:
    return TokenCounts(
        input=to_count(block.get("inputTokens")),
        output=to_count(block.get("outputTokens")),
        total=to_count(block.get("totalTokens")),
        cache_read=_count(block, "cacheReadInputTokens"),
        cache_write=_count(block, "cacheWriteInputTokens"),
        input_includes_cache=False,
        output_includes_reasoning=True,
    )


def _object(block: Block, key: str) -> Block:
    value = block.get(key)
    return value if isinstance(value, dict) else {}


def _count(block: Block, key: str) -> int:
    return to_count(block.get(key)) or 0
