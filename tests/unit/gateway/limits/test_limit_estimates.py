"""Tokens from bytes, experience of answers, and costs from every dialect's usage."""

import pytest

from kaname.gateway.limits.costs import estimate_cost, usage_buckets
from kaname.gateway.limits.estimate import (
    DEFAULT_OUTPUT_TOKENS,
    OutputEwma,
    estimate_input_tokens,
    requested_output_tokens,
)
from kaname.gateway.pricing.book import PriceBook

NOW_NS = 1_780_000_000_000_000_000


def test_bytes_become_tokens_by_script() -> None:
    assert estimate_input_tokens(b"x" * 4000) == 1001
    assert estimate_input_tokens("これは日本語です".encode() * 100) == 24 * 100 // 3 + 1
    assert estimate_input_tokens(b"x" * 3900 + "é".encode() * 50) == 1001


def test_images_count_as_images_not_as_their_base64() -> None:
    image = b'{"url":"data:image/png;base64,' + b"A" * 1_000_000 + b'"}'
    assert 1_500 <= estimate_input_tokens(b'{"messages":[' + image + b"]}") < 1_600
    anthropic = b'{"source":{"type":"base64","data":"' + b"A" * 1_000_000 + b'"}}'
    assert 3_000 <= estimate_input_tokens(anthropic + anthropic) < 3_100


def test_output_is_what_the_request_allows() -> None:
    assert requested_output_tokens({"max_tokens": 100, "n": 3}) == 300
    assert requested_output_tokens({"max_output_tokens": 7}) == 7
    for body in ({}, {"max_tokens": None}, {"max_tokens": "9"}, {"max_tokens": True}, {"max_tokens": -1}):
        assert requested_output_tokens(body) is None


def test_answers_are_expected_to_be_as_long_as_lately() -> None:
    ewma = OutputEwma()
    assert ewma.expect("m") == DEFAULT_OUTPUT_TOKENS
    ewma.learn("m", 100)
    assert ewma.expect("m") == 101
    for _ in range(60):
        ewma.learn("m", 300)
    assert 295 < ewma.expect("m") <= 301
    for n in range(10_000):
        ewma.learn(f"m{n}", 1)
    assert len(ewma._means) <= 4_096


@pytest.mark.parametrize(
    ("usage", "buckets", "tokens"),
    [
        (
            {"prompt_tokens": 100, "completion_tokens": 50,
             "prompt_tokens_details": {"cached_tokens": 30, "audio_tokens": 10},
             "completion_tokens_details": {"reasoning_tokens": 20}},
            {"input_uncached": 60, "cache_read": 30, "input_audio": 10, "output_text": 30, "reasoning": 20}, 150,
        ),
        ({"prompt_tokens": 8, "total_tokens": 8}, {"input_uncached": 8}, 8),
        (
            {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 90}, "output_tokens": 5,
             "output_tokens_details": {"reasoning_tokens": 0}},
            {"input_uncached": 10, "cache_read": 90, "output_text": 5}, 105,
        ),
        (
            {"input_tokens": 10, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 40, "output_tokens": 5,
             "cache_creation": {"ephemeral_5m_input_tokens": 25, "ephemeral_1h_input_tokens": 15}},
            {"input_uncached": 10, "cache_read": 90, "cache_write_5m": 25, "cache_write_1h": 15, "output_text": 5}, 145,
        ),
        (
            {"promptTokenCount": 10, "cachedContentTokenCount": 4, "candidatesTokenCount": 3, "thoughtsTokenCount": 2},
            {"input_uncached": 6, "cache_read": 4, "output_text": 3, "reasoning": 2}, 15,
        ),
        ({"inputTokens": 7, "outputTokens": 2, "cacheReadInputTokens": 5},
         {"input_uncached": 7, "cache_read": 5, "output_text": 2}, 14),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9}, "completion_tokens": None},
         {"cache_read": 5}, 5),
    ],
)  # fmt: skip
def test_usage_of_every_dialect_becomes_disjoint(
    usage: dict[str, object], buckets: dict[str, int], tokens: int
) -> None:
    used = usage_buckets(usage)
    assert used is not None
    assert (used.buckets, used.tokens) == (buckets, tokens)
    assert sum(used.buckets.values()) == tokens


def test_costs_are_whole_nano_dollars_and_unknown_prices_none() -> None:
    book = PriceBook.load()
    cost = estimate_cost(book, "openai", "gpt-4o-mini", (1_000_000, 1_000_000), NOW_NS, "")
    assert cost == 750_000_000  # $0.15 and $0.60 a million
    assert book.nano_usd("openai", "gpt-4o-mini", {"cache_read": 1_000}, NOW_NS) == 75_000
    assert estimate_cost(book, "nobody", "unheard-of-model", (1, 1), NOW_NS, "") is None
    assert usage_buckets({}) is None
