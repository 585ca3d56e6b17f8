"""`POST /v1/feedback`: a verdict by the id that came with an answer."""

import http.client

import orjson
import pytest

from integration.gateway.conftest import Gateway
from kaname.gateway.feedback import Feedback


def call(
    gateway: Gateway, method: str, body: object, key: str = "good"
) -> tuple[int, dict[str, str], dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request(method, "/v1/feedback", orjson.dumps(body), {"authorization": f"Bearer {key}"})
    response = connection.getresponse()
    headers = {name.lower(): value for name, value in response.getheaders()}
    answer = orjson.loads(response.read() or b"{}")
    connection.close()
    return response.status, headers, answer


def test_the_id_of_an_answer_is_a_handle_for_feedback(gateway: Gateway) -> None:
    raw = gateway.client().chat.completions.with_raw_response.create(
        model="support-bot", messages=[{"role": "user", "content": "hi"}]
    )
    request_id = raw.headers["x-request-id"]
    record = gateway.sink.wait(lambda r: r.request_id == request_id)
    status, headers, answer = call(gateway, "POST", {"request_id": request_id, "name": "thumbs_up", "value": True})
    assert status == 200
    assert headers["access-control-allow-origin"] == "*"
    verdict = gateway.feedback.verdicts[-1]
    assert (verdict.target.trace_id, verdict.target.span_id) == (record.trace_id, record.span_id)
    assert (verdict.name, verdict.data_type, verdict.value) == ("thumbs_up", "boolean", 1.0)
    assert answer["object"] == "feedback"


def verdict_of(gateway: Gateway, **body: object) -> Feedback:
    status, _, answer = call(gateway, "POST", {"name": "n", "trace_id": "a" * 32, **body})
    assert status == 200, answer
    return gateway.feedback.verdicts[-1]


def test_each_kind_of_verdict(gateway: Gateway) -> None:
    assert verdict_of(gateway, value=0.5).data_type == "numeric"
    assert verdict_of(gateway, label="good").data_type == "categorical"
    assert verdict_of(gateway, text="fine").data_type == "text"
    assert verdict_of(gateway, correction="better").text == "better"
    first, second = (verdict_of(gateway, value=1, idempotency_key="k").id for _ in range(2))
    assert first == second != verdict_of(gateway, value=1, idempotency_key="l").id


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": "n"}, "value"),
        ({"name": "n", "value": True}, "request_id"),
        ({"name": "n", "value": True, "label": "x", "trace_id": "a" * 32}, "value"),
        ({"name": "n", "value": True, "request_id": "req_1"}, "request_id"),
        ({"name": "n", "value": True, "trace_id": "xyz"}, "trace_id"),
        ({"name": "n", "value": [], "trace_id": "a" * 32}, "body"),
        ({"nmae": "n", "value": True, "trace_id": "a" * 32}, "body"),
        ([], "body"),
    ],
)
def test_bad_feedback_is_named(gateway: Gateway, body: object, param: str) -> None:
    before = len(gateway.feedback.verdicts)
    status, _, answer = call(gateway, "POST", body)
    assert status == 400
    error = answer["error"]
    assert isinstance(error, dict)
    assert error["param"] == param
    assert len(gateway.feedback.verdicts) == before


def test_who_may_not_score_is_refused_and_browsers_may_ask(gateway: Gateway) -> None:
    assert call(gateway, "POST", {"name": "n", "value": True, "trace_id": "a" * 32}, key="weak")[0] == 403
    assert call(gateway, "POST", {}, key="unknown")[0] == 401
    status, headers, _ = call(gateway, "OPTIONS", {})
    assert (status, headers["access-control-allow-methods"]) == (200, "POST")
    assert call(gateway, "PUT", {})[0] == 405
