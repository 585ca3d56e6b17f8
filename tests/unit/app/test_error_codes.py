"""The UI's list of error codes is that of the server's sources, and a problem carries the values of its text."""

import json
from typing import Any

import pytest
from devtools.error_codes import CODES, find_codes, render_codes
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field

from kaname.app.problem import install_problem_handlers
from kaname.traces.filters import parse_filters


class _Body(BaseModel, extra="forbid"):
    name: str = Field(min_length=2, max_length=5)
    count: int = 0


def _client() -> TestClient:
    app = FastAPI()
    install_problem_handlers(app)

    @app.get("/filtered")
    def filtered(filter: str) -> None:  # noqa: A002 - the name of the parameter
        parse_filters(filter)

    @app.post("/body")
    def body(body: _Body) -> None: ...

    return TestClient(app, raise_server_exceptions=False)


def test_the_committed_list_is_that_of_the_sources() -> None:
    assert CODES.read_text(encoding="utf-8") == render_codes(), "run `./dev client`"


def test_codes_come_with_the_places_that_every_site_fills() -> None:
    codes = find_codes()
    assert codes["filter_field_misspelt"] == ("field", "nearest")
    # Made through two functions that hand the code on: the outer one adds the value, the field and the operator.
    assert codes["filter_wants_choice"] == ("field", "known", "operator", "value")
    assert "model_missing" not in codes, "the command line's own"


@pytest.mark.parametrize(
    ("sent", "code", "params"),
    [
        ([{"field": "modle", "op": "eq", "value": "x"}], "filter_field_misspelt", {"nearest": "model"}),
        ([{"field": "status", "op": "eq", "value": "bad"}], "filter_wants_choice", {"value": "'bad'"}),
    ],
)
def test_a_problem_names_its_values(sent: list[dict[str, Any]], code: str, params: dict[str, str]) -> None:
    answer = _client().get("/filtered", params={"filter": json.dumps(sent)})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["param"]) == (400, code, "filter")
    assert params.items() <= problem["params"].items()
    assert set(find_codes()[code]) == set(problem["params"])


@pytest.mark.parametrize(
    ("sent", "code", "params"),
    [
        ({}, "field_missing", {"field": "name"}),
        ({"name": "a"}, "field_too_short", {"field": "name", "limit": 2}),
        ({"name": "abcdef"}, "field_too_long", {"field": "name", "limit": 5}),
        ({"name": "abc", "surprise": 1}, "field_unexpected", {"field": "surprise"}),
    ],
)
def test_a_field_of_the_wrong_shape_is_said_by_its_kind(
    sent: dict[str, Any], code: str, params: dict[str, object]
) -> None:
    problem = _client().post("/body", json=sent).json()
    assert (problem["code"], problem["params"]) == (code, params)
    invalid = _client().post("/body", json={"name": "abc", "count": "many"}).json()
    assert (invalid["code"], invalid["params"]["field"]) == ("field_invalid", "count")
