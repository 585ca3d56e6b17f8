"""What Langfuse's SDKs call besides OTLP."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kaname.kernel.clock import to_ns

TRACE, SPAN = "a" * 32, "b" * 16
RECORDED = Path(__file__).parents[2] / "data" / "otlp" / "langfuse.1.scores.json"


def test_health_needs_no_key(shop: Any) -> None:
    answer = shop.client.get("/api/public/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "OK", "version": "0"})


def test_projects_are_those_of_the_key(shop: Any) -> None:
    (project,) = shop.with_key("GET", "/api/public/projects").json()["data"]
    assert project["id"] == shop.owner.project_id
    assert set(project) == {"id", "name", "organization", "metadata"}
    assert project["organization"]["id"] == shop.owner.organization_id
    assert shop.client.get("/api/public/projects", auth=("kn-pk-x", "kn-sk-x")).status_code == 401
    assert shop.client.get("/api/public/projects").status_code == 401


def test_one_score_answers_with_its_id(shop: Any) -> None:
    body = {"traceId": TRACE, "observationId": SPAN, "name": "good", "value": 0.5, "comment": "why", "id": "s1"}
    answer = shop.with_key("POST", "/api/public/scores", json=body)
    assert (answer.status_code, answer.json()) == (200, {"id": "s1"})
    (row,) = shop.scores.rows
    assert (row.score_id, row.name, row.data_type, row.value) == ("s1", "good", "numeric", 0.5)
    assert (row.target, row.trace_id, row.span_id, row.explanation) == ("span", TRACE, SPAN, "why")
    assert (row.project_id, row.source) == (shop.owner.project_id, "api")


def test_what_the_sdk_was_recorded_sending_is_accepted(shop: Any) -> None:
    answer = shop.with_key("POST", "/api/public/scores", content=RECORDED.read_bytes())
    assert (answer.status_code, answer.json()) == (202, {"message": "Accepted"})
    (row,) = shop.scores.rows
    assert (row.name, row.data_type, row.value, row.environment) == ("helpful", "boolean", 1.0, "staging")
    assert row.created_ns == to_ns(datetime(2026, 11, 24, 11, 38, 20, 102275, tzinfo=UTC))


def test_good_scores_of_a_mixed_batch_are_kept(shop: Any) -> None:
    batch = [
        {"traceId": TRACE, "name": "a", "value": 1},
        {"traceId": TRACE, "value": 1},
        "rubbish",
        {"traceId": TRACE, "name": "b", "value": "good"},
    ]
    answer = shop.with_key("POST", "/api/public/scores", json=batch)
    assert answer.status_code == 207
    body = answer.json()
    assert (body["accepted"], body["rejected"], len(body["errors"])) == (2, 2, 2)
    assert [row.name for row in shop.scores.rows] == ["a", "b"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"value": 3}, ("numeric", 3.0, "", "")),
        ({"value": True}, ("boolean", 1.0, "", "")),
        ({"value": 0, "dataType": "BOOLEAN"}, ("boolean", 0.0, "", "")),
        ({"value": "red"}, ("categorical", None, "red", "")),
        ({"value": "long", "dataType": "TEXT"}, ("text", None, "", "long")),
        ({"value": "better", "dataType": "CORRECTION"}, ("correction", None, "", "better")),
    ],
)
def test_data_types(shop: Any, fields: dict[str, Any], expected: tuple[Any, ...]) -> None:
    answer = shop.with_key("POST", "/api/public/scores", json={"traceId": TRACE, "name": "n", **fields})
    assert answer.status_code == 200, answer.text
    (row,) = shop.scores.rows
    assert (row.data_type, row.value, row.label, row.text) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"null", b"3", b'"x"', b"{}", b'{"name":"n","value":1}', b'{"traceId":"t","name":"n"}',
        b'{"traceId":"t","name":"n","value":2,"dataType":"BOOLEAN"}',
        b'{"traceId":"t","name":"n","value":"x","dataType":"NUMERIC"}',
        b'{"traceId":"t","name":"n","value":1,"dataType":["NUMERIC"]}',
        b'{"traceId":"t","name":"n","value":1,"timestamp":"yesterday"}',
        b'{"traceId":"t","name":"n","value":1,"timestamp":"2026-01-01T00:00:00"}',
        b"[" * 2000,
    ],
)  # fmt: skip
def test_a_wrong_score_is_refused_in_langfuses_shape(shop: Any, body: bytes) -> None:
    answer = shop.with_key("POST", "/api/public/scores", content=body)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"message", "error"}
    assert shop.scores.rows == []


def test_a_huge_body_is_refused(shop: Any) -> None:
    answer = shop.with_key("POST", "/api/public/scores", content=b"[" + b" " * 5_000_000 + b"]")
    assert answer.status_code == 413


def test_ids_of_old_sdks_become_the_ones_that_new_sdks_derive(shop: Any) -> None:
    answer = shop.with_key("POST", "/api/public/scores", json={"traceId": "my-trace", "name": "n", "value": 1})
    assert answer.status_code == 200
    assert len(shop.scores.rows[0].trace_id) == 32


def test_a_session_can_be_scored(shop: Any) -> None:
    shop.with_key("POST", "/api/public/scores", json={"sessionId": "chat-1", "name": "n", "value": 1})
    assert (shop.scores.rows[0].target, shop.scores.rows[0].session_id) == ("session", "chat-1")


def test_scores_of_others_are_not_replaced(shop: Any) -> None:
    mine = {"traceId": TRACE, "name": "a", "value": 1}
    assert shop.with_key("POST", "/api/public/scores", json={**mine, "id": "s1"}).status_code == 200
    shop.scores.rows[0].author_id = "usr_somebody"
    one = shop.with_key("POST", "/api/public/scores", json={**mine, "id": "s1"})
    assert (one.status_code, one.json()["error"]) == (403, "ForbiddenError")
    many = shop.with_key("POST", "/api/public/scores", json=[{**mine, "id": "s1"}, {**mine, "id": "s2"}])
    assert (many.status_code, many.json()["accepted"], many.json()["rejected"]) == (207, 1, 1)
    assert "'s1' was given by somebody else" in many.json()["errors"][0]["message"]
    assert [r.score_id for r in shop.scores.rows] == ["s1", "s2"]
    assert shop.scores.rows[0].author_id == "usr_somebody"
