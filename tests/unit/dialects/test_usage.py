"""Token counts become disjoint buckets that sum to the totals, whoever counts how."""

from hypothesis import given
from hypothesis import strategies as st

from kaname.traces.dialects.langfuse_usage import read_usage as read_langfuse
from kaname.traces.model import USAGE_INPUT_BUCKETS, USAGE_OUTPUT_BUCKETS
from kaname.traces.native_usage import read_native_usage
from kaname.traces.usage import TokenCounts, split_usage, total_input, total_output

counts = st.integers(0, 10_000)


@st.composite
def inclusive_counts(draw: st.DrawFn) -> TokenCounts:
    """A sender whose input includes everything."""
    read, write_5m, write_1h, audio, image, rest = (draw(counts) for _ in range(6))
    reasoning, output_audio, text = (draw(counts) for _ in range(3))
    return TokenCounts(
        input=read + write_5m + write_1h + audio + image + rest,
        output=reasoning + output_audio + text,
        cache_read=read,
        cache_write_5m=write_5m,
        cache_write_1h=write_1h,
        input_audio=audio,
        input_image=image,
        reasoning=reasoning,
        output_audio=output_audio,
        input_includes_cache=True,
        output_includes_reasoning=True,
    )


@given(inclusive_counts())
def test_inclusive_buckets_sum_to_the_totals(given_counts: TokenCounts) -> None:
    usage = split_usage(given_counts)
    assert total_input(usage.buckets) == given_counts.input
    assert total_output(usage.buckets) == given_counts.output
    assert usage.consistent
    assert all(n > 0 for n in usage.buckets.values())


@given(inclusive_counts())
def test_exclusive_senders_give_the_same_buckets(given_counts: TokenCounts) -> None:
    c = given_counts
    exclusive = TokenCounts(
        input=c.input - c.cache_read - c.cache_write_5m - c.cache_write_1h,
        output=c.output - c.reasoning,
        cache_read=c.cache_read,
        cache_write_5m=c.cache_write_5m,
        cache_write_1h=c.cache_write_1h,
        input_audio=c.input_audio,
        input_image=c.input_image,
        reasoning=c.reasoning,
        output_audio=c.output_audio,
        input_includes_cache=False,
        output_includes_reasoning=False,
    )
    assert split_usage(exclusive).buckets == split_usage(c).buckets


@given(
    st.builds(
        TokenCounts,
        **{
            name: st.none() | counts if name in ("input", "output", "total") else counts
            for name in (
                "input",
                "output",
                "total",
                "cache_read",
                "cache_write",
                "cache_write_5m",
                "cache_write_1h",
                "input_audio",
                "input_image",
                "reasoning",
                "output_audio",
            )
        },
        input_includes_cache=st.none() | st.booleans(),
        output_includes_reasoning=st.none() | st.booleans(),
    )
)
def test_whatever_is_sent_buckets_are_known_and_positive(given_counts: TokenCounts) -> None:
    usage = split_usage(given_counts)
    assert set(usage.buckets) <= {*USAGE_INPUT_BUCKETS, *USAGE_OUTPUT_BUCKETS}
    assert all(n > 0 for n in usage.buckets.values())
    if given_counts.input is not None:
        assert total_input(usage.buckets) >= given_counts.input


def test_the_given_total_decides_where_no_rule_is_known() -> None:
    inclusive = TokenCounts(input=100, output=10, total=110, cache_read=40)
    exclusive = TokenCounts(input=100, output=10, total=150, cache_read=40)
    assert split_usage(inclusive).buckets["input_uncached"] == 60
    assert split_usage(exclusive).buckets["input_uncached"] == 100


def test_more_cached_than_input_cannot_be_inclusive() -> None:
    usage = split_usage(TokenCounts(input=10, cache_read=5000))
    assert usage.buckets == {"input_uncached": 10, "cache_read": 5000}
    assert usage.consistent
    broken_rule = split_usage(TokenCounts(input=10, cache_read=5000, input_includes_cache=True))
    assert broken_rule.buckets == usage.buckets
    assert not broken_rule.consistent


def test_more_reasoning_than_output_is_clamped_and_flagged() -> None:
    usage = split_usage(TokenCounts(output=10, reasoning=30, output_includes_reasoning=True))
    assert usage.buckets == {"reasoning": 10}
    assert not usage.consistent


def test_native_blocks_follow_their_providers_rule() -> None:
    openai = {"prompt_tokens": 100, "completion_tokens": 30, "prompt_tokens_details": {"cached_tokens": 40},
              "completion_tokens_details": {"reasoning_tokens": 10}}  # fmt: skip
    responses = {"input_tokens": 100, "output_tokens": 30, "input_tokens_details": {"cached_tokens": 40},
                 "output_tokens_details": {"reasoning_tokens": 10}}  # fmt: skip
    anthropic = {"input_tokens": 60, "output_tokens": 30, "cache_read_input_tokens": 40,
                 "cache_creation_input_tokens": 30,
                 "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}}  # fmt: skip
    gemini = {"promptTokenCount": 100, "cachedContentTokenCount": 40, "candidatesTokenCount": 20,
              "thoughtsTokenCount": 10, "totalTokenCount": 130}  # fmt: skip
    bedrock = {"inputTokens": 60, "outputTokens": 30, "cacheReadInputTokens": 40, "cacheWriteInputTokens": 5}
    split = {"input_uncached": 60, "cache_read": 40, "output_text": 20, "reasoning": 10}
    assert read_native_usage(openai).buckets == split
    assert read_native_usage(responses).buckets == split
    assert read_native_usage(gemini).buckets == split
    assert read_native_usage(anthropic).buckets == {
        "input_uncached": 60, "cache_read": 40, "cache_write_5m": 10, "cache_write_1h": 20, "output_text": 30,
    }  # fmt: skip
    assert read_native_usage(bedrock).buckets == {
        "input_uncached": 60, "cache_read": 40, "cache_write": 5, "output_text": 30,
    }  # fmt: skip
    assert read_native_usage({"characters": 5}) is None


def test_langfuse_free_maps_exclude_their_details() -> None:
    free = read_langfuse('{"input": 60, "input_cached_tokens": 40, "output": 20, "output_reasoning": 10, "total": 130}')
    assert free.buckets == {"input_uncached": 60, "cache_read": 40, "output_text": 20, "reasoning": 10}
    anthropic = read_langfuse({"input": 5, "cache_read_input_tokens": 100, "input_cache_creation_1h": 7, "output": 3})
    assert anthropic.buckets == {"input_uncached": 5, "cache_read": 100, "cache_write_1h": 7, "output_text": 3}
    legacy = read_langfuse({"promptTokens": "12", "completionTokens": 3, "totalTokens": 15})
    assert legacy.buckets == {"input_uncached": 12, "output_text": 3}
    assert read_langfuse({"input": 100, "unit": "CHARACTERS"}).buckets == {}
    assert read_langfuse({"input": -1, "output": 2.5, "note": "x"}).buckets == {}


def test_cache_writes_keep_their_lifetime_through_the_gateways_translation() -> None:
    lifetimes = {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10}
    translated = {
        "prompt_tokens": 100,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 30, "cache_creation": lifetimes},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    native = {
        "input_tokens": 20,
        "cache_read_input_tokens": 50,
        "cache_creation_input_tokens": 30,
        "cache_creation": lifetimes,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 3},
    }
    expected = {
        "input_uncached": 20, "cache_read": 50, "cache_write_5m": 20, "cache_write_1h": 10, "output_text": 4,
        "reasoning": 3,
    }  # fmt: skip
    assert read_native_usage(translated).buckets == expected
    assert read_native_usage(native).buckets == expected
