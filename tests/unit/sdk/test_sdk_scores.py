"""Scores: to Kaname's API, or as an event for other back ends."""

from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import kaname_sdk
from kaname_sdk import span

ME = {"organizations": [{"id": "org_1", "projects": [{"id": "prj_1"}]}]}
SCORES = "/api/v1/projects/prj_1/scores"


@pytest.fixture
def kaname(upstream: Any) -> Any:
    upstream.answer("GET", "/api/v1/me", ME)
    upstream.answer("POST", SCORES, {}, status=201)
    kaname_sdk.instrument(url=upstream.url, secret_key="kn-sk-x", exporter=InMemorySpanExporter())
    return upstream


def test_current_span_is_the_target(kaname: Any) -> None:
    with span("turn") as turn:
        identity = kaname_sdk.score("f1", 0.5, explanation="two of four words")
        kaname_sdk.score("thumbs", True, source="user")
        kaname_sdk.score("tone", "friendly", metadata={"judge": "none"})
        turn.score("late", 1)
    kaname_sdk.score("better", correction="Paris", session_id="s-1", source="human")
    assert kaname_sdk.flush()
    bodies = [body for _, body in kaname.asked(SCORES)]
    target = {"trace_id": turn.trace_id, "span_id": turn.span_id}
    assert bodies[0] == {
        "id": identity,
        "name": "f1",
        "value": 0.5,
        "data_type": "numeric",
        "source": "code",
        "target": target,
        "explanation": "two of four words",
    }
    assert (bodies[1]["data_type"], bodies[1]["value"], bodies[1]["source"]) == ("boolean", 1.0, "user")
    assert (bodies[2]["label"], bodies[2]["metadata"]) == ("friendly", {"judge": "none"})
    assert bodies[3]["target"] == target
    assert (bodies[4]["text"], bodies[4]["target"]) == ("Paris", {"session_id": "s-1"})
    assert kaname.asked(SCORES)[0][0]["authorization"] == "Bearer kn-sk-x"
    assert len(kaname.asked("/api/v1/me")) == 1


def test_a_busy_server_is_tried_again_with_the_same_id(kaname: Any) -> None:
    kaname.answers[("POST", SCORES)] = [(503, {}), (201, {})]
    kaname_sdk.score("x", 1, trace_id="a" * 32)
    assert kaname_sdk.flush()
    first, second = (body for _, body in kaname.asked(SCORES))
    assert first == second


def test_a_refusal_is_not_repeated(kaname: Any, caplog: pytest.LogCaptureFixture) -> None:
    kaname.answer("POST", SCORES, {"detail": "name too long"}, status=400)
    kaname_sdk.score("x", 1, trace_id="a" * 32)
    assert kaname_sdk.flush()
    assert len(kaname.asked(SCORES)) == 1
    assert "name too long" in caplog.text


def test_other_back_ends_get_an_event_on_the_open_span(recorded: Any) -> None:
    with span("turn"):
        kaname_sdk.score("f1", 0.5, explanation="why")
    (event,) = recorded.one("turn").events
    assert event.name == "gen_ai.evaluation.result"
    assert dict(event.attributes) == {
        "gen_ai.evaluation.name": "f1",
        "gen_ai.evaluation.score.value": 0.5,
        "gen_ai.evaluation.explanation": "why",
    }


def test_other_back_ends_get_a_child_span_for_an_ended_one(recorded: Any) -> None:
    with span("turn") as turn:
        pass
    turn.score("tone", "friendly", source="user")
    late = recorded.one("score")
    assert late.parent.span_id == int(turn.span_id, 16)
    assert late.events[0].attributes["gen_ai.evaluation.score.label"] == "friendly"
