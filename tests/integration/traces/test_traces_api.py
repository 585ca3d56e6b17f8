"""What holds for every route of the Traces API: it stays in its project, refuses bad input, and is documented."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from kaname.app.route_table import ROUTES
from kaname.kernel.errors import EngineUnavailableError
from kaname.storage.columns import ColumnsClient, ColumnsSettings, EngineEndpoint, connect_columns
from kaname.traces.criteria import SpanCriteria
from kaname.traces.queries.span_list import list_spans
from traces_rows import NOW_NS, OTHER, PROJECT, make_score, make_span, span_id, trace_id

Insert = Callable[..., None]
SECRET = "top-secret-of-the-other-project"
SPAN = f"traces/{trace_id(1)}/spans/{span_id(1)}"
LISTS = (
    "spans", "spans/facets?fields=name,session_id,user_id,tags,model", "spans/histogram", "traces", "sessions", "users",
    "scores", "scores/summary", "export/spans", "ingest/notices", "spans?order=cost", "spans?q=secret",
    f"spans?q={trace_id(1)}", "spans?filter=" + json.dumps([{"field": "score.s", "op": "exists", "value": False}]),
)  # fmt: skip
SINGLES = (
    f"traces/{trace_id(1)}", f"traces/{trace_id(1)}/transcript", SPAN, f"{SPAN}/payload/input",
    f"{SPAN}/blobs/{'a' * 64}", f"sessions/{SECRET}", f"users/{SECRET}",
)  # fmt: skip


def _operations(app: FastAPI) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


@pytest.fixture
def others(insert: Insert, store: ColumnsClient, blobs: Any) -> None:
    blobs.values["a" * 64] = SECRET.encode()
    insert(
        make_span(1, project=OTHER, name=SECRET, session_id=SECRET, user_id=SECRET, tags=[SECRET], model=SECRET,
                  input=f"{SECRET} {'a' * 64}", input_format="text", input_preview=SECRET),
        make_score(1, project_id=OTHER, name=SECRET, text=SECRET, data_type="text", value=None),
    )  # fmt: skip
    store.insert_json_lines(
        "ingest_notices",
        json.dumps(
            {"project_id": OTHER, "notice_id": "n", "time": str(NOW_NS), "kind": "k", "count": 1, "message": SECRET}
        ).encode(),
    )


@pytest.mark.usefixtures("others")
def test_another_projects_data_is_never_seen(http: TestClient) -> None:
    for path in LISTS:
        answer = http.get(f"/api/v1/projects/{PROJECT}/{path}")
        assert answer.status_code == 200, path
        assert SECRET not in answer.text, path
    for path in SINGLES:
        answer = http.get(f"/api/v1/projects/{PROJECT}/{path}")
        assert answer.status_code == 404, path
        assert http.get(f"/api/v1/projects/{OTHER}/{path}").status_code == 200, path
    assert http.get("/api/v1/projects/prj_none/spans").status_code == 404


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("spans?limit=0", "limit"),
        ("spans?limit=201", "limit"),
        ("spans?limit=many", "limit"),
        ("spans?order=name", "order"),
        ("spans?dir=up", "dir"),
        ("spans?from=yesterday", "from"),
        ("spans?to=2026-13-01", "to"),
        ("spans?from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z", "from"),
        ("spans?cursor=xyz", "cursor"),
        ("spans?cursor=" + "A" * 2000, "cursor"),
        ("spans?filter={", "filter"),
        ('spans?filter=[{"field":"modell","op":"eq","value":"x"}]', "filter"),
        ("spans?q=%21%21", "q"),
        ("spans?q=" + "x" * 501, "q"),
        ("spans/facets?fields=nothing", "fields"),
        ("spans/facets?fields=trace_id", "fields"),
        ("spans/facets?fields=" + ",".join(f"metadata.{n}" for n in range(17)), "fields"),
        ("spans/histogram?buckets=0", "buckets"),
        ("traces/xyz", "trace_id"),
        ("traces/" + "0" * 31 + "g", "trace_id"),
        (f"traces/{trace_id(1)}/spans/12", "span_id"),
        (f"traces/{trace_id(1)}?at=soon", "at"),
        (f"{SPAN}/payload/secret", "field"),
        (f"{SPAN}/blobs/x", "digest"),
        ("traces?cursor=W10", "cursor"),
        ("scores?source=robot", "source"),
        ("scores?trace_id=1", "trace_id"),
        ("scores?cursor=W10", "cursor"),
        ("ingest/notices?cursor=W10", "cursor"),
    ],
)
def test_bad_input_names_its_parameter(http: TestClient, path: str, param: str) -> None:
    answer = http.get(f"/api/v1/projects/{PROJECT}/{path}")
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["param"] == param


@pytest.mark.parametrize(
    "text", ["%00", "%ff%fe", "%ed%a0%80", "'; DROP TABLE spans; --", "\\", "{p1:String}", "a%09b"]
)
def test_odd_text_does_no_harm(http: TestClient, insert: Insert, text: str) -> None:
    insert(make_span(1))
    for path in (f"sessions/{text}", f"users/{text}", f"spans?q=x{text}", f"scores?name={text}"):
        answer = http.get(f"/api/v1/projects/{PROJECT}/{path}")
        assert answer.status_code in (200, 400, 404), (path, answer.text)
    assert len(http.get(f"/api/v1/projects/{PROJECT}/spans").json()["items"]) == 1


def test_every_route_has_a_rule(app: FastAPI) -> None:
    for method, path, _ in _operations(app):
        assert (method, path) in ROUTES


def test_every_operation_is_typed_and_named(app: FastAPI) -> None:
    seen: set[str] = set()
    for method, path, operation in _operations(app):
        name = operation["operationId"]
        assert name not in seen
        seen.add(name)
        assert name.islower()
        assert operation["summary"]
        success = next(code for code in operation["responses"] if code.startswith("2"))
        content = operation["responses"][success].get("content", {})
        assert content or success == "204", (method, path)
        if "application/json" in content and "/payload/" not in path:
            assert "$ref" in content["application/json"]["schema"], (method, path)
    assert "list_spans" in seen


def test_the_schema_has_no_open_ends(app: FastAPI) -> None:
    """Apart from JSON values that senders chose, every property says what it is."""
    schemas = app.openapi()["components"]["schemas"]
    open_ones = {
        f"{name}.{prop}"
        for name, schema in schemas.items()
        for prop, said in schema.get("properties", {}).items()
        if not set(said) & {"type", "$ref", "anyOf", "allOf", "enum", "const"}
    }
    assert {o for o in open_ones if not o.startswith(("ValidationError", "HTTPValidationError"))} <= {
        "SpanEvent.body", "SpanDetail.model_parameters", "SpanDetail.tool_definitions", "SpanDetail.documents",
    }  # fmt: skip


def test_an_engine_that_does_not_answer_is_503() -> None:
    gone = connect_columns(
        ColumnsSettings(restart_wait_s=0.0, connect_timeout_s=1.0), EngineEndpoint(url="http://127.0.0.1:9", secret="s")
    )
    with pytest.raises(EngineUnavailableError) as e:
        list_spans(
            gone, PROJECT, SpanCriteria(), order="start_time", direction="desc", limit=1, cursor=None, now_ns=NOW_NS
        )
    assert e.value.status == 503
