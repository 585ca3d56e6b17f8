"""Scores over HTTP: checked, idempotent, deletable, summed up with intervals."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from kaname.traces.routes_model_scores import Score, ScoreList, ScoreSummaryList
from traces_rows import OTHER, PROJECT, make_score, span_id, trace_id

Insert = Callable[..., None]
SCORES = f"/api/v1/projects/{PROJECT}/scores"
TARGET = {"trace_id": trace_id(1)}


def add(http: TestClient, **body: Any) -> Any:
    answer = http.post(SCORES, json={"target": TARGET, **body})
    assert answer.status_code == 201, answer.text
    Score.model_validate(answer.json())
    return answer.json()


def listed(http: TestClient, **params: Any) -> list[dict[str, Any]]:
    answer = http.get(SCORES, params=params)
    assert answer.status_code == 200, answer.text
    ScoreList.model_validate(answer.json())
    return answer.json()["items"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"value": 0.5}, ("numeric", 0.5, None, None)),
        ({"value": 3}, ("numeric", 3.0, None, None)),
        ({"value": True}, ("boolean", 1.0, None, None)),
        ({"value": 0, "data_type": "boolean"}, ("boolean", 0.0, None, None)),
        ({"label": "good"}, ("categorical", None, "good", None)),
        ({"label": "good", "value": 2}, ("categorical", 2.0, "good", None)),
        ({"text": "too long"}, ("text", None, None, "too long")),
        ({"text": "better", "data_type": "correction"}, ("correction", None, None, "better")),
    ],
)
def test_the_type_follows_from_what_is_said(http: TestClient, body: dict[str, Any], expected: tuple[Any, ...]) -> None:
    made = add(http, name="n", **body)
    (stored,) = listed(http)
    assert made == stored
    assert (stored["data_type"], stored["value"], stored["label"], stored["text"]) == expected
    assert (stored["source"], stored["author_name"], stored["target"]) == ("human", "Yuki", "trace")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": ""}, "name"),
        ({"name": "n"}, "value"),
        ({"name": "n", "value": "0.5"}, "value"),
        ({"name": "n", "value": [1]}, "value"),
        ({"name": "n", "value": 2, "data_type": "boolean"}, "value"),
        ({"name": "n", "value": True, "data_type": "numeric"}, "value"),
        ({"name": "n", "data_type": "categorical", "value": 1}, "label"),
        ({"name": "n", "data_type": "text"}, "text"),
        ({"name": "n", "data_type": "correction", "text": "x", "value": 1}, "value"),
        ({"name": "n", "value": 1, "text": "x"}, "text"),
        ({"name": "n", "value": 1, "data_type": "numeric", "label": "x"}, "label"),
        ({"name": "n", "value": 1, "data_type": "good"}, "data_type"),
        ({"name": "n", "value": 1, "source": "robot"}, "source"),
        ({"name": "n", "value": 1, "target": {}}, "target"),
        ({"name": "n", "value": 1, "target": {"span_id": span_id(1)}}, "target"),
        ({"name": "n", "value": 1, "target": {"trace_id": "xyz"}}, "target.trace_id"),
        ({"name": "n", "value": 1, "target": {"trace_id": trace_id(1), "span_id": "1"}}, "target.span_id"),
        ({"name": "n", "value": 1, "target": {"trace_id": trace_id(1), "session_id": "s"}}, "target"),
        ({"name": "n", "value": 1, "target": {"document_id": "d"}}, "target.document_id"),
        ({"name": "n", "value": 1, "execution_trace_id": "x"}, "execution_trace_id"),
        ({"name": "n", "value": 1, "metadata": {"k": 1}}, "metadata.k"),
        ({"name": "n", "value": 1, "colour": "red"}, "colour"),
    ],
)
def test_a_wrong_score_is_refused_and_not_written(http: TestClient, body: dict[str, Any], param: str) -> None:
    answer = http.post(SCORES, json={"target": TARGET, **body})
    assert answer.status_code == 400, answer.text
    assert answer.json()["param"].split(".")[0] == param.split(".")[0]
    assert listed(http) == []


@pytest.mark.parametrize(
    "raw",
    [
        b'{"name":"n","value":NaN,"target":{"trace_id":"%s"}}',
        b'{"name":"n","value":1e999,"target":{"trace_id":"%s"}}',
        b'{"name":"\\ud800","value":1,"target":{"trace_id":"%s"}}',
        b'{"name":"a\\u0000","value":1,"target":{"trace_id":"%s"}}',
        b'{"name":"n","value":1,"target":{"trace_id":"%s"}',
        b'\xff\xfe{"name":"n","value":1,"target":{"trace_id":"%s"}}',
        b'["%s"]',
    ],
)
def test_broken_bodies_are_refused(http: TestClient, raw: bytes) -> None:
    body = raw % trace_id(1).encode()
    answer = http.post(SCORES, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert listed(http) == []


def test_the_same_id_replaces(http: TestClient, clock: Any) -> None:
    for value in (1, 1, 2):
        clock.advance(1)
        add(http, name="n", value=value, id="mine")
    (stored,) = listed(http)
    assert (stored["id"], stored["value"]) == ("mine", 2.0)


def test_deleting_is_final_and_recorded(http: TestClient, clock: Any, audit: Any) -> None:
    made = add(http, name="n", value=1)
    clock.advance(1)
    assert http.delete(f"{SCORES}/{made['id']}").status_code == 204
    assert listed(http) == []
    assert audit.entries == [(PROJECT, f"score/{made['id']}")]
    assert http.delete(f"{SCORES}/{made['id']}").status_code == 404
    assert len(audit.entries) == 1


def test_a_score_of_another_project_cannot_be_deleted(http: TestClient, insert: Insert, audit: Any) -> None:
    insert(make_score(1, project_id=OTHER))
    assert http.delete(f"{SCORES}/scr_1").status_code == 404
    assert http.get(f"/api/v1/projects/{OTHER}/scores").json()["items"]
    assert audit.entries == []


def test_lists_are_filtered_and_paged(http: TestClient, insert: Insert) -> None:
    insert(
        *(make_score(n, name="a" if n % 2 else "b", source="llm" if n < 4 else "user") for n in range(10)),
        make_score(10, target="session", trace_id="", session_id="s"),
        make_score(11, project_id=OTHER),
    )
    assert [s["id"] for s in listed(http)] == [f"scr_{n}" for n in range(11)]
    assert [s["id"] for s in listed(http, name="a", source="llm")] == ["scr_1", "scr_3"]
    assert [s["id"] for s in listed(http, session_id="s")] == ["scr_10"]
    assert [s["id"] for s in listed(http, target="session")] == ["scr_10"]
    seen: list[str] = []
    cursor = None
    while True:
        page = http.get(SCORES, params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        seen += [s["id"] for s in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"scr_{n}" for n in range(11)]


def test_summaries_carry_n_and_interval(http: TestClient, insert: Insert) -> None:
    insert(
        *(make_score(n, name="num", value=float(n)) for n in range(1, 11)),
        *(make_score(20 + n, name="bool", data_type="boolean", value=float(n < 8)) for n in range(10)),
        *(make_score(40 + n, name="cat", data_type="categorical", value=None, label=f"l{n % 2}") for n in range(3)),
        make_score(60, name="one", value=4.0),
        make_score(61, name="fix", data_type="correction", value=None, text="better"),
        make_score(62, project_id=OTHER, name="num"),
    )
    answer = http.get(f"{SCORES}/summary")
    assert answer.status_code == 200, answer.text
    ScoreSummaryList.model_validate(answer.json())
    found = {s["name"]: s for s in answer.json()["items"]}
    assert (found["num"]["n"], found["num"]["mean"]) == (10, 5.5)
    assert found["num"]["interval_low"] == pytest.approx(3.3341, abs=1e-3)
    assert sum(b["count"] for b in found["num"]["bins"]) == 10
    assert found["num"]["bins"][-1]["high"] == 10.0
    assert found["bool"]["mean"] == 0.8
    assert found["bool"]["interval_low"] == pytest.approx(0.4902, abs=1e-4)
    assert found["bool"]["labels"] == [{"label": "true", "count": 8}, {"label": "false", "count": 2}]
    assert found["cat"]["labels"] == [{"label": "l0", "count": 2}, {"label": "l1", "count": 1}]
    assert found["cat"]["mean"] is None
    assert found["one"]["interval_low"] is None
    assert found["one"]["bins"] == [{"low": 4.0, "high": 4.0, "count": 1}]
    assert found["fix"]["n"] == 1
