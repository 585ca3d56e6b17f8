"""Token counts of any sender → disjoint buckets that sum to the whole input and the whole output.

Senders disagree on whether the input includes cached tokens and the output reasoning tokens; getting it wrong is the
field's commonest cost bug. The decision order is: a provider's native block → the documented rule of the dialect →
the given total → arithmetic (more cached than input can't be inclusive). Subtractions clamp at 0 and set
`inconsistent_usage`. Invariants (property-tested): buckets are never negative, never overlap, and hold no zeros.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kaname.traces.coerce import to_count
from kaname.traces.model import USAGE_INPUT_BUCKETS, USAGE_OUTPUT_BUCKETS, AttributeValue

INCONSISTENT = "inconsistent_usage"


@dataclass(slots=True, kw_only=True)
class TokenCounts:
    """What a sender said. The booleans are the documented rule of its dialect; None means that none is known."""

    input: int | None = None
    output: int | None = None
    total: int | None = None
    cache_read: int = 0
    cache_write: int = 0
    """All cache writes; the 5-minute and 1-hour shares are subsets of it, or stand alone."""
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    input_audio: int = 0
    input_image: int = 0
    reasoning: int = 0
    output_audio: int = 0
    input_includes_cache: bool | None = None
    output_includes_reasoning: bool | None = None


@dataclass(slots=True, kw_only=True)
class Usage:
    """Disjoint `buckets` (no zeros), the sender's `reported` map, and whether the sender contradicted itself."""

    buckets: dict[str, int] = field(default_factory=dict[str, int])
    reported: dict[str, int] = field(default_factory=dict[str, int])
    consistent: bool = True


def split_usage(counts: TokenCounts, reported: dict[str, int] | None = None) -> Usage:
    """Disjoint buckets of what a sender said."""
    write = max(counts.cache_write, counts.cache_write_5m + counts.cache_write_1h)
    cached = counts.cache_read + write
    usage = Usage(reported=reported or {})
    if cached or counts.input_audio or counts.input_image:
        _split_input(counts, write, usage)
    elif counts.input:
        usage.buckets["input_uncached"] = counts.input
    _split_output(counts, usage)
    return usage


def usage_of_buckets(buckets: Mapping[str, int], reported: dict[str, int] | None = None) -> Usage:
    """Usage whose buckets are disjoint already."""
    return Usage(buckets={k: v for k, v in buckets.items() if v}, reported=reported or {})


def total_input(buckets: Mapping[str, int]) -> int:
    """All input tokens."""
    return sum(buckets[b] for b in USAGE_INPUT_BUCKETS if b in buckets)


def total_output(buckets: Mapping[str, int]) -> int:
    """All output tokens."""
    return sum(buckets[b] for b in USAGE_OUTPUT_BUCKETS if b in buckets)


def count_map(value: Mapping[str, AttributeValue], prefix: str = "") -> dict[str, int]:
    """A usage object flattened to `{"a.b": count}`; what isn't a count is left out."""
    counts: dict[str, int] = {}
    for key, item in value.items():
        if isinstance(item, dict):
            if prefix.count(".") < 3:
                counts.update(count_map(item, f"{prefix}{key}."))
        elif (count := to_count(item)) is not None:
            counts[prefix + key] = count
    return counts


def _split_input(counts: TokenCounts, write: int, usage: Usage) -> None:
    cached = counts.cache_read + write
    total = counts.input
    if total is None:
        total = cached + counts.input_audio + counts.input_image
        includes = True
    else:
        includes = _includes_cache(counts, total, cached, usage)
    remainder = total - cached if includes else total
    remainder = _clamp(remainder, usage)
    audio = _take(counts.input_audio, remainder, usage)
    image = _take(counts.input_image, remainder - audio, usage)
    short, long = counts.cache_write_5m, counts.cache_write_1h
    buckets = {
        "input_uncached": remainder - audio - image,
        "cache_read": counts.cache_read,
        "cache_write_5m": short,
        "cache_write_1h": long,
        "cache_write": write - short - long,
        "input_audio": audio,
        "input_image": image,
    }
    usage.buckets.update({k: v for k, v in buckets.items() if v})


def _includes_cache(counts: TokenCounts, total: int, cached: int, usage: Usage) -> bool:
    rule = counts.input_includes_cache
    if rule is not None:
        if rule and cached > total:
            # The sender broke its dialect's rule: nothing can include more than itself. Read as exclusive, no token
            # is lost; clamping would drop the uncached ones.
            usage.consistent = False
            return False
        return rule
    if counts.total is not None and cached:
        output = counts.output or 0
        if counts.total == total + output:
            return cached <= total
        if counts.total == total + output + cached:
            return False
    return cached <= total


def _split_output(counts: TokenCounts, usage: Usage) -> None:
    output = counts.output
    reasoning, audio = counts.reasoning, counts.output_audio
    if not reasoning and not audio:
        if output:
            usage.buckets["output_text"] = output
        return
    if output is None:
        text = 0
    else:
        includes = counts.output_includes_reasoning
        if includes is None:
            includes = _output_includes(counts, output, reasoning)
        if includes:
            reasoning = _take(reasoning, output, usage)
            text = output - reasoning
        else:
            text = output
        audio = _take(audio, text, usage)
        text -= audio
    buckets = {"output_text": text, "reasoning": reasoning, "output_audio": audio}
    usage.buckets.update({k: v for k, v in buckets.items() if v})


def _output_includes(counts: TokenCounts, output: int, reasoning: int) -> bool:
    if counts.total is not None and counts.input is not None and counts.total == counts.input + output + reasoning:
        return False
    return reasoning <= output


def _take(part: int, available: int, usage: Usage) -> int:
    if part > available:
        usage.consistent = False
        return available
    return part


def _clamp(value: int, usage: Usage) -> int:
    if value < 0:
        usage.consistent = False
        return 0
    return value
