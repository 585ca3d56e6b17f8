"""Errors of the management API on the wire: logged once, in the surface's words, and as OpenAPI says."""

import logging

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from kaname.app.openapi import declare_errors
from kaname.app.problem import install_problem_handlers
from kaname.kernel.errors import ConflictError, InvalidInputError, TooLargeError, UnauthenticatedError

ERRORS = {
    "bug": ZeroDivisionError("a defect"),
    "wrong": InvalidInputError("that is wrong", hint="Do it right."),
    "who": UnauthenticatedError("who are you?"),
    "state": ConflictError("not now"),
    "big": TooLargeError("too much"),
}


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    install_problem_handlers(app)

    @app.get("/api/public/{name}")
    @app.get("/api/v1/{name}")
    def fail(name: str, number: int = 0) -> None:
        raise ERRORS[name]

    app.openapi_schema = declare_errors(app.openapi())
    return TestClient(app, raise_server_exceptions=False)


def test_a_defect_is_answered_and_left_for_the_server_to_log(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = client.get("/api/v1/bug")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "defect" not in answer.text
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]
    with pytest.raises(ZeroDivisionError) as raised:
        TestClient(client.app).get("/api/v1/bug")
    assert "while answering GET /api/v1/bug, request " in raised.value.__notes__[-1]


@pytest.mark.parametrize(
    ("path", "status", "message", "error"),
    [
        ("who", 401, "who are you?", "UnauthorizedError"),
        ("state", 409, "not now", "LangfuseConflictError"),
        ("bug", 500, "something went wrong on our side. The server's log has the details.", "InternalServerError"),
        ("who/deeper", 404, "GET /api/public/who/deeper: Not Found. See /api/openapi.json for the routes.", None),
    ],
)
def test_langfuse_clients_read_their_own_shape(
    client: TestClient, path: str, status: int, message: str, error: str | None
) -> None:
    answer = client.get(f"/api/public/{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"message": message, "error": error or "LangfuseNotFoundError"}


@pytest.mark.parametrize("target", ["wrong", "wrong?number=x"])
def test_wrong_input_is_told_as_issues(client: TestClient, target: str) -> None:
    answer = client.get(f"/api/public/{target}")
    assert answer.status_code == 400
    body = answer.json()
    assert body["message"] == "Invalid request data"
    assert body["error"][0]["message"]


def test_an_answer_that_doesnt_wait_for_the_body_says_that_it_closes(client: TestClient) -> None:
    assert client.get("/api/v1/big").headers["connection"] == "close"
    assert "connection" not in client.get("/api/v1/state").headers


def test_openapi_names_the_errors_that_are_answered(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert "HTTPValidationError" not in str(document)
    for path, media_type in (
        ("/api/v1/{name}", "application/problem+json"),
        ("/api/public/{name}", "application/json"),
    ):
        responses = document["paths"][path]["get"]["responses"]
        assert responses.keys() == {"200", "400", "401", "403", "404", "409", "413", "429", "default"}
        name = responses["409"]["$ref"].removeprefix("#/components/responses/")
        (schema,) = document["components"]["responses"][name]["content"].items()
        assert schema[0] == media_type
        required = document["components"]["schemas"][schema[1]["schema"]["$ref"].rpartition("/")[2]]["required"]
        assert client.get(path.format(name="state")).json().keys() == set(required)
