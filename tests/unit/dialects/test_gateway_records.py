"""A recorded gateway call becomes the span that an instrumented client would have sent."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_calls import (
    ANSWER,
    FIRST,
    FIRST_COST,
    FIRST_INPUT,
    FIRST_OUTPUT,
    FIRST_USAGE,
    MODEL,
    RESPONSE_MODEL,
    SECOND,
    SECOND_COST,
    SECOND_INPUT,
    SECOND_USAGE,
    TOOLS,
    first_answer,
    second_answer,
)
from kaname.gateway.model import AttemptRecord, GatewayRecord, decode_records, encode_records
from kaname.traces.chat_stream import read_stream
from kaname.traces.gateway_records import to_raw_span
from kaname.traces.model import SpanRow
from kaname.traces.normalise import Normaliser

START_NS = 1_780_000_000_000_000_000


def record(**fields: Any) -> GatewayRecord:
    made = GatewayRecord(
        **{
            "project_id": "prj_test",
            "request_id": "req_1",
            "trace_id": "a" * 32,
            "span_id": "b" * 16,
            "surface": "chat_completions",
            "requested_model": f"openai/{MODEL}",
            "target_model": MODEL,
            "provider": "openai",
            "provider_type": "openai",
            "start_ns": START_NS,
            "duration_ns": 10**9,
            "status": 200,
            **fields,
        }
    )
    return decode_records(encode_records([made]))[0]


@pytest.fixture
def row_of(normaliser: Normaliser) -> Any:
    def call(**fields: Any) -> SpanRow:
        return normaliser.normalise("prj_test", to_raw_span(record(**fields)), received_ns=START_NS)

    return call


def body(messages: Any, **more: Any) -> bytes:
    return json.dumps({"model": MODEL, "messages": messages, "tools": TOOLS, "temperature": 0.2, **more}).encode()


def test_a_plain_call(row_of: Any) -> None:
    row = row_of(
        request=body(FIRST),
        response=json.dumps(first_answer()).encode(),
        response_format="json",
        session_id="s",
        user_id="u",
        tags=["t"],
        metadata={"plan": "pro"},
        environment="staging",
        parent_span_id="c" * 16,
        key_id="key_1",
    )
    assert json.loads(row.input) == FIRST_INPUT
    assert json.loads(row.output) == [{**FIRST_OUTPUT[0], "finish_reason": "tool_calls"}]
    assert (row.model, row.provider, row.kind) == (RESPONSE_MODEL, "openai", "llm")
    assert row.usage == {"input_uncached": 90, "output_text": 20}
    assert row.cost_usd == Decimal(FIRST_COST)
    assert (row.session_id, row.user_id, row.tags, row.environment) == ("s", "u", ["t"], "staging")
    assert (row.metadata, row.parent_span_id, row.is_root) == ({"plan": "pro"}, "c" * 16, False)
    assert row.response_id == "chatcmpl-first"
    assert json.loads(row.tool_definitions)[0]["name"] == "get_weather"
    assert (row.status, row.level, row.flags) == ("unset", "default", [])


def test_a_stream_is_reassembled(row_of: Any) -> None:
    row = row_of(
        request=body(SECOND, stream=True),
        response=b"".join(second_answer()),
        response_format="sse",
        stream=True,
        ttft_ns=5_000_000,
        usage=json.dumps(SECOND_USAGE).encode(),
        finish_reasons=["stop"],
    )
    assert json.loads(row.input) == SECOND_INPUT
    assert row.output_preview == ANSWER
    assert row.usage == {"input_uncached": 86, "cache_read": 64, "output_text": 32, "reasoning": 8}
    assert row.cost_usd == Decimal(SECOND_COST)
    assert (row.time_to_first_token_ns, row.flags) == (5_000_000, [])


def test_a_cut_stream_keeps_what_arrived_and_says_so(row_of: Any) -> None:
    whole = b"".join(second_answer())
    row = row_of(request=body(SECOND), response=whole[: len(whole) // 2], response_format="sse", outcome="incomplete")
    assert row.output_preview
    assert ANSWER.startswith(row.output_preview)
    assert row.flags == ["incomplete"]
    assert row.level == "error"


def test_a_stream_without_its_end_is_incomplete_even_if_nobody_noticed(row_of: Any) -> None:
    pieces = list(second_answer())
    row = row_of(request=body(SECOND), response=b"".join(pieces[:-1]), response_format="sse")
    assert row.flags == ["incomplete"]
    truncated = row_of(
        request=body(SECOND), response=b"".join(pieces[:-1]), response_format="sse", response_truncated=True
    )
    assert truncated.flags == ["response_truncated"]


def test_an_upstream_error(row_of: Any) -> None:
    row = row_of(
        request=body(FIRST),
        status=429,
        outcome="error",
        error_type="rate_limit_error",
        error_code="rate_limited",
        error_message="slow down",
        response=b'{"error":{"message":"slow down"}}',
        response_format="json",
        attempts=[AttemptRecord(target="openai/x", start_ns=START_NS, duration_ns=5, error_code="rate_limited")],
    )
    assert (row.status, row.level, row.status_message) == ("error", "error", "slow down")
    assert row.cost_usd is None
    assert row.cost_source == ""
    assert "slow down" in row.output
    assert "rate_limited" in row.attributes


def test_embeddings_keep_their_text_and_not_their_vectors(row_of: Any) -> None:
    answer = {"object": "list", "data": [{"embedding": [0.1] * 1536, "index": 0}], "model": "text-embedding-3-small",
              "usage": {"prompt_tokens": 8, "total_tokens": 8}}  # fmt: skip
    row = row_of(
        surface="embeddings",
        target_model="text-embedding-3-small",
        request=json.dumps(
            {"model": "text-embedding-3-small", "input": ["東京の天気", "x"], "dimensions": 1536}
        ).encode(),
        response=json.dumps(answer).encode(),
        response_format="json",
    )
    assert (row.kind, row.output) == ("embedding", "")
    assert json.loads(row.input) == ["東京の天気", "x"]
    assert row.usage == {"input_uncached": 8}
    assert row.cost_source == "computed"
    assert "0.1" not in row.attributes
    assert "天気" in row.search_cjk


def test_a_truncated_request_is_kept_as_text(row_of: Any) -> None:
    row = row_of(request=body(FIRST)[:80], request_truncated=True, request_bytes=10**6)
    assert (row.input_format, row.flags) == ("text", ["request_truncated"])
    assert row.input.startswith('{"model"')


def test_local_models_have_no_invented_cost(row_of: Any) -> None:
    row = row_of(provider="local", provider_type="local", target_model="gpt-4o", usage=json.dumps(FIRST_USAGE).encode())
    assert (row.cost_usd, row.cost_source, row.provider) == (None, "unpriced", "local")


@given(st.binary(max_size=300), st.sampled_from(["", "json", "sse"]), st.binary(max_size=300), st.binary(max_size=60))
def test_any_bytes_become_a_span(response: bytes, form: Any, request: bytes, usage: bytes) -> None:
    span = to_raw_span(record(request=request, response=response, response_format=form, usage=usage))
    assert span.trace_id == "a" * 32


def test_chunks_may_end_anywhere_and_interleave_choices() -> None:
    def event(index: int, **delta: Any) -> bytes:
        return b"data: " + json.dumps({"choices": [{"index": index, "delta": delta}]}).encode() + b"\r\n\r\n"

    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"a"'}}
    stream = (
        event(1, content="B")
        + event(0, content="A", reasoning_content="hm")
        + event(0, tool_calls=[call])
        + event(0, tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}])
        + event(10**9, content="x")
        + b": comment\r\n\r\ndata: {broken\r\n\r\ndata: [DONE]\r\n\r\n"
    )
    response, complete = read_stream(stream)
    first, second = response["choices"]
    assert complete
    assert first["message"]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a":1}'}
    assert (first["message"]["reasoning_content"], second["message"]["content"]) == ("hm", "B")


def test_an_error_event_makes_a_stream_incomplete() -> None:
    _, complete = read_stream(b'data: {"error":{"message":"upstream cut"}}\n\ndata: [DONE]\n\n')
    assert not complete
