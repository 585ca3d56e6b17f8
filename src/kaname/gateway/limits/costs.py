"""What a call costs in nano-dollars, from the price book in memory: before it runs by its estimate, after it by usage.

`usage_buckets` reads the usage object of every dialect that the gateway speaks into disjoint buckets; OpenAI's input
includes cached tokens and Anthropic's doesn't. None is an unknown price, never zero.
"""

from collections.abc import Mapping
from typing import NamedTuple, cast

import msgspec
import orjson

from kaname.gateway.pricing.book import PriceBook

_INPUT_DETAILS = (
    ("cached_tokens", "cache_read"),
    ("cache_write_tokens", "cache_write"),
    ("audio_tokens", "input_audio"),
)
_OUTPUT_DETAILS = (("reasoning_tokens", "reasoning"), ("audio_tokens", "output_audio"))


class Used(NamedTuple):
    """Disjoint usage buckets, and their sums."""

    buckets: Mapping[str, int]
    input_tokens: int
    output_tokens: int

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.input_tokens + self.output_tokens


def estimate_cost(
    book: PriceBook, provider: str, model: str, tokens: tuple[int, int], at_ns: int, project_id: str
) -> int | None:
    """The cost of (input, output) tokens at a target, as if nothing were cached. `provider`: `gen_ai.provider.name`."""
    usage = {"input_uncached": tokens[0], "output_text": tokens[1]} if tokens[1] else {"input_uncached": tokens[0]}
    return book.nano_usd(provider, model, usage, at_ns, project_id=project_id)


class _Details(msgspec.Struct, gc=False):
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    audio_tokens: int = 0
    reasoning_tokens: int = 0


class _OpenAIUsage(msgspec.Struct, gc=False):
    prompt_tokens: int = -1
    completion_tokens: int = -1
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


_OPENAI = msgspec.json.Decoder(_OpenAIUsage)
_NO_DETAILS = (None, _Details())


def read_usage(usage: bytes) -> Used | None:
    """`usage_buckets` of a recorded usage object. The usual words, without details, are read in a microsecond."""
    if not usage:
        return None
    try:
        plain = _OPENAI.decode(usage)
    except msgspec.DecodeError:
        return _read_any_usage(usage)
    read, written = plain.prompt_tokens, plain.completion_tokens
    if (
        read <= 0
        or written <= 0
        or plain.prompt_tokens_details not in _NO_DETAILS
        or plain.completion_tokens_details not in _NO_DETAILS
    ):
        return _read_any_usage(usage)
    return Used({"input_uncached": read, "output_text": written}, read, written)


def _read_any_usage(usage: bytes) -> Used | None:
    document: object = orjson.loads(usage) if usage else None
    return usage_buckets(cast("dict[str, object]", document)) if isinstance(document, dict) else None


def usage_buckets(usage: Mapping[str, object]) -> Used | None:
    """Usage of chat completions, responses, messages, embeddings, Gemini or Converse; None if it has no counts."""
    if "prompt_tokens" in usage or "completion_tokens" in usage:
        inside, written = _table(usage, "prompt_tokens_details"), _table(usage, "completion_tokens_details")
        return _inclusive(_count(usage, "prompt_tokens"), _count(usage, "completion_tokens"), inside, written)
    if "input_tokens_details" in usage or "output_tokens_details" in usage:
        inside, written = _table(usage, "input_tokens_details"), _table(usage, "output_tokens_details")
        return _inclusive(_count(usage, "input_tokens"), _count(usage, "output_tokens"), inside, written)
    if "input_tokens" in usage or "output_tokens" in usage:
        return _anthropic(usage)
    if "promptTokenCount" in usage or "candidatesTokenCount" in usage:
        return _gemini(usage)
    if "inputTokens" in usage or "outputTokens" in usage:
        return _exclusive(
            _count(usage, "inputTokens"),
            _count(usage, "cacheReadInputTokens"),
            {"cache_write": _count(usage, "cacheWriteInputTokens")},
            _count(usage, "outputTokens"),
        )
    return None


def _inclusive(total: int, output: int, inside: Mapping[str, object], written: Mapping[str, object]) -> Used:
    """Input includes cached and written tokens, output includes reasoning: OpenAI's rule."""
    buckets: dict[str, int] = {}
    fresh = total
    for name, bucket in _INPUT_DETAILS if inside else ():
        if count := min(_count(inside, name), fresh):
            fresh -= count
            buckets[bucket] = count
    if fresh:
        buckets["input_uncached"] = fresh
    text = output
    for name, bucket in _OUTPUT_DETAILS if written else ():
        if count := min(_count(written, name), text):
            text -= count
            buckets[bucket] = count
    if text:
        buckets["output_text"] = text
    return Used(buckets, total, output)


def _anthropic(usage: Mapping[str, object]) -> Used:
    created = _count(usage, "cache_creation_input_tokens")
    by_age = _table(usage, "cache_creation")
    short, long = _count(by_age, "ephemeral_5m_input_tokens"), _count(by_age, "ephemeral_1h_input_tokens")
    writes = {"cache_write_5m": short, "cache_write_1h": long, "cache_write": max(0, created - short - long)}
    return _exclusive(
        _count(usage, "input_tokens"),
        _count(usage, "cache_read_input_tokens"),
        writes,
        _count(usage, "output_tokens"),
    )


def _exclusive(fresh: int, read: int, writes: Mapping[str, int], output: int) -> Used:
    """Input counts only what was neither read from a cache nor written to one: Anthropic's rule."""
    buckets = {"input_uncached": fresh, "cache_read": read, **writes, "output_text": output}
    return Used({k: v for k, v in buckets.items() if v}, fresh + read + sum(writes.values()), output)


def _gemini(usage: Mapping[str, object]) -> Used:
    total = _count(usage, "promptTokenCount") + _count(usage, "toolUsePromptTokenCount")
    read = min(_count(usage, "cachedContentTokenCount"), total)
    text, thoughts = _count(usage, "candidatesTokenCount"), _count(usage, "thoughtsTokenCount")
    buckets = {"input_uncached": total - read, "cache_read": read, "output_text": text, "reasoning": thoughts}
    return Used({k: v for k, v in buckets.items() if v}, total, text + thoughts)


def _count(table: Mapping[str, object], name: str) -> int:
    value = table.get(name)
    return value if type(value) is int and value > 0 else 0


def _table(usage: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = usage.get(name)
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}
