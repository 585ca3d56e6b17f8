"""Logfire's streamed answers, which come as a span of their own, end in the row of their request."""

import json
from itertools import permutations

import pytest

from kaname.gateway.pricing.book import PriceBook
from kaname.traces.model import Attributes, RawSpan, Scope
from kaname.traces.normalise import Normaliser
from kaname.traces.stream_outputs import FOLDED_ATTRIBUTE, StreamOutputs

START_NS = 1_780_000_000_000_000_000
TRACE = "a" * 32
SCOPE = Scope(name="logfire.openai")


def make_request(span_id: str, *, end_s: float, parent: str = "f" * 16, scope: Scope = SCOPE) -> RawSpan:
    attributes: Attributes = {
        "request_data": '{"messages":[{"role":"user","content":"q"}],"model":"gpt-4o-mini","stream":true}',
        "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o-mini",
        "logfire.span_type": "span", "logfire.msg": "Chat Completion with 'gpt-4o-mini'",
    }  # fmt: skip
    return RawSpan(
        trace_id=TRACE, span_id=span_id, parent_span_id=parent, name="Chat Completion", start_ns=START_NS,
        end_ns=START_NS + int(end_s * 1e9), attributes=attributes, scope=scope,
    )  # fmt: skip


def make_answer(span_id: str, *, at_s: float, duration_s: float, text: str, parent: str = "f" * 16) -> RawSpan:
    message = {"message": {"role": "assistant", "content": text}, "usage": None}
    attributes: Attributes = {
        **make_request("0" * 16, end_s=0).attributes,
        "logfire.span_type": "log", "logfire.msg": "streaming response from 'gpt-4o-mini' took 1.00s",
        "duration": duration_s, "response_data": json.dumps(message), "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 4,
    }  # fmt: skip
    at_ns = START_NS + int(at_s * 1e9)
    return RawSpan(
        trace_id=TRACE, span_id=span_id, parent_span_id=parent, start_ns=at_ns, end_ns=at_ns, attributes=attributes,
        name="streaming response from {request_data[model]!r} took {duration:.2f}s", scope=SCOPE,
    )  # fmt: skip


@pytest.fixture(scope="module")
def normaliser() -> Normaliser:
    return Normaliser(PriceBook.load())


def test_an_answer_is_folded_into_its_request_in_any_order(normaliser: Normaliser) -> None:
    for order in permutations((0, 1, 2)):
        spans = [
            make_request("1" * 16, end_s=0.2),
            make_answer("2" * 16, at_s=1.2, duration_s=1.0, text="yes"),
            RawSpan(trace_id=TRACE, span_id="f" * 16, start_ns=START_NS, end_ns=START_NS + 2 * 10**9, name="handle"),
        ]
        (call,) = [s for s in StreamOutputs().fold("p", [spans[i] for i in order]) if s.span_id != "f" * 16]
        row = normaliser.normalise("p", call, received_ns=START_NS)
        assert (row.span_id, row.kind, row.duration_ns) == ("1" * 16, "llm", 1_200_000_000)
        assert (row.input_preview, row.output_preview, row.input_tokens, row.output_tokens) == ("q", "yes", 10, 4)
        assert row.cost_usd
        assert row.response_model == "gpt-4o-mini-2024-07-18"
        assert json.loads(row.attributes)[FOLDED_ATTRIBUTE] == "2" * 16


def test_parallel_streams_each_get_their_own_answer() -> None:
    spans = [
        make_request("1" * 16, end_s=0.2), make_request("2" * 16, end_s=0.5),
        make_answer("3" * 16, at_s=1.0, duration_s=0.49, text="second"),
        make_answer("4" * 16, at_s=3.0, duration_s=2.79, text="first"),
    ]  # fmt: skip
    first, second = StreamOutputs().fold("p", spans)
    assert "first" in str(first.attributes["response_data"])
    assert "second" in str(second.attributes["response_data"])


def test_an_answer_in_a_later_request_becomes_a_child_that_counts_once(normaliser: Normaliser) -> None:
    outputs = StreamOutputs()
    (request,) = outputs.fold("p", [make_request("1" * 16, end_s=0.2)])
    (answer,) = outputs.fold("p", [make_answer("2" * 16, at_s=1.2, duration_s=1.0, text="yes")])
    assert answer.parent_span_id == "1" * 16
    rows = [normaliser.normalise("p", s, received_ns=START_NS) for s in (request, answer)]
    assert [r.kind for r in rows] == ["llm", "event"]
    assert [r.input_tokens for r in rows] == [0, 10]


def test_strangers_stay_apart() -> None:
    answer = make_answer("2" * 16, at_s=1.2, duration_s=1.0, text="yes")
    for other in (
        make_request("1" * 16, end_s=2.0),
        make_request("1" * 16, end_s=0.2, parent="e" * 16),
        make_request("1" * 16, end_s=0.2, scope=Scope(name="logfire.anthropic")),
    ):
        assert len(StreamOutputs().fold("p", [other, answer])) == 2
    outputs = StreamOutputs()
    outputs.fold("another project", [make_request("1" * 16, end_s=0.2)])
    assert outputs.fold("p", [answer])[0].parent_span_id == "f" * 16
