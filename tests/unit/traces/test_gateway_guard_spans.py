"""Decisions of guardrails become spans under their call's."""

from kaname.gateway.model import GatewayRecord, GuardRecord, decode_records, encode_records
from kaname.traces.gateway_guards import guard_spans


def record() -> GatewayRecord:
    guards = [
        GuardRecord(guard="pii", point="input", action="mask", reason="1 × EMAIL", start_ns=20, duration_ns=5),
        GuardRecord(
            guard="judge", point="stream", action="error", reason="the guard failed", start_ns=30, duration_ns=9
        ),
    ]
    return GatewayRecord(
        project_id="p", request_id="r", trace_id="a" * 32, span_id="b" * 16, surface="chat_completions", start_ns=10,
        duration_ns=90, status=200, session_id="s", guards=guards,
    )  # fmt: skip


def test_spans_of_kind_guardrail() -> None:
    pii, judge = guard_spans(record())
    assert (pii.trace_id, pii.parent_span_id, pii.name) == ("a" * 32, "b" * 16, "guardrail pii")
    assert (pii.start_ns, pii.end_ns, pii.status) == (20, 25, "unset")
    assert pii.attributes["gen_ai.operation.name"] == "guardrail"
    assert pii.attributes["kaname.guardrail.reason"] == "1 × EMAIL"
    assert pii.attributes["session.id"] == "s"
    assert (judge.status, judge.status_message) == ("error", "the guard failed")
    assert len({pii.span_id, judge.span_id, "b" * 16}) == 3


def test_a_replay_gives_the_same_spans() -> None:
    (again,) = decode_records(encode_records([record()]))
    assert guard_spans(again) == guard_spans(record())
