"""A call that the cache answered is a span without usage, at no cost, that names the call it repeats."""

from decimal import Decimal

import orjson
import pytest

from kaname.gateway.model import CacheOutcome, GatewayRecord
from kaname.traces.gateway_records import to_raw_span
from kaname.traces.model import SpanRow
from kaname.traces.normalise import Normaliser

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500},
}


def row_of(normaliser: Normaliser, cache: CacheOutcome, saved: int = 0) -> SpanRow:
    record = GatewayRecord(
        project_id="prj_test", request_id="req_1", trace_id="a" * 32, span_id="b" * 16, surface="chat_completions",
        requested_model="bot", target_model="gpt-4o-mini", provider="openai", provider_type="openai",
        start_ns=1_780_000_000_000_000_000, duration_ns=10**6, status=200, response=orjson.dumps(ANSWER),
        response_format="json", cache=cache, cached_span_id="c" * 16 if saved else "", saved_nano_usd=saved,
    )  # fmt: skip
    return normaliser.normalise("prj_test", to_raw_span(record), received_ns=1)


@pytest.mark.parametrize(("cache", "flag"), [("hit", "cache_hit"), ("semantic_hit", "semantic_cache_hit")])
def test_a_hit_costs_nothing(normaliser: Normaliser, cache: CacheOutcome, flag: str) -> None:
    row = row_of(normaliser, cache, saved=450_000)
    assert row.flags == [flag]
    assert (row.cost_usd, row.cost_source) == (Decimal(0), "sent")
    assert not row.usage
    assert not row.input_tokens


@pytest.mark.parametrize("cache", ["miss", "bypass", ""])
def test_a_miss_costs_what_it_used(normaliser: Normaliser, cache: CacheOutcome) -> None:
    row = row_of(normaliser, cache)
    assert row.flags == []
    assert row.input_tokens == 1000
    assert row.cost_usd


def test_the_span_names_the_call_that_it_repeats() -> None:
    record = GatewayRecord(
        project_id="p", request_id="r", trace_id="a" * 32, span_id="b" * 16, surface="chat_completions", start_ns=1,
        duration_ns=1, status=200, cache="hit", cached_span_id="c" * 16, saved_nano_usd=7,
    )  # fmt: skip
    attributes = to_raw_span(record).attributes
    assert attributes["kaname.gateway.cache"] == "hit"
    assert attributes["kaname.gateway.cached_span_id"] == "c" * 16
    assert attributes["kaname.gateway.saved_nano_usd"] == 7
