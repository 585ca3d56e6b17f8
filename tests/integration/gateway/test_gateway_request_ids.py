"""Request ids end to end: the client's is kept, ours is unique and reaches the upstream, traces only where wanted."""

import uuid

from integration.gateway.conftest import Gateway
from kaname.gateway.caller_context import CLIENT_REQUEST_ID, open_record
from kaname.gateway.wire import id_lines
from live import request

CALL = b'{"model": "%s", "messages": [{"role": "user", "content": "hi"}]}'
TRACE = "0af7651916cd43dd8448eb211c80319c"


def call(gateway: Gateway, model: str, **headers: str):
    sent = {"authorization": "Bearer good", "content-type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return request("POST", f"{gateway.url}/chat/completions", body=CALL % model.encode(), headers=sent)


def test_the_clients_id_is_recorded_and_ours_is_given_and_forwarded(gateway: Gateway) -> None:
    theirs = f"client-{uuid.uuid4()}"
    answer = call(gateway, "ok/m", x_request_id=theirs)
    ours = answer.headers["x-request-id"]
    record = gateway.sink.wait(lambda r: r.request_id == ours)
    assert record.metadata == {CLIENT_REQUEST_ID: theirs}
    assert ours != theirs
    assert gateway.upstream.last("ok").headers["x-request-id"] == ours


def test_an_id_that_cannot_be_one_is_left_out(gateway: Gateway) -> None:
    answer = call(gateway, "ok/m", x_request_id="has spaces" + "x" * 300)
    assert answer.status == 200
    record = gateway.sink.wait(lambda r: r.request_id == answer.headers["x-request-id"])
    assert record.metadata == {}


def test_a_provider_gets_no_trace_and_a_local_model_does(gateway: Gateway) -> None:
    parent = f"00-{TRACE}-b7ad6b7169203331-01"
    call(gateway, "ok/m", traceparent=parent)
    assert "traceparent" not in gateway.upstream.last("ok").headers
    answer = call(gateway, "local/tiny", traceparent=parent, tracestate="a=1")
    record = gateway.sink.wait(lambda r: r.request_id == answer.headers["x-request-id"])
    seen = gateway.upstream.last("ok").headers
    assert seen["traceparent"] == f"00-{TRACE}-{record.span_id}-01"
    assert seen["tracestate"] == "a=1"


def test_a_provider_gets_the_trace_where_that_is_set() -> None:
    record = open_record("chat_completions", {})
    assert id_lines(record, traced=True).decode() == (
        f"x-request-id: {record.request_id}\r\ntraceparent: 00-{record.trace_id}-{record.span_id}-01\r\n"
    )
