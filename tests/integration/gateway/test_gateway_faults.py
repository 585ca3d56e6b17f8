"""Every row of the fault table: what the client gets, what is recorded, what the upstream sees."""

import http.client
import socket

import openai
import orjson
import pytest

from integration.gateway.conftest import UPSTREAM_KEY, Gateway
from integration.gateway.fault_upstream import COMPLETION

MESSAGES = [{"role": "user", "content": "hi"}]


class Reply:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def error(self) -> dict[str, object]:
        error = orjson.loads(self.body)["error"]
        assert {"message", "type", "param", "code"} <= set(error)
        return error

    @property
    def events(self) -> list[bytes]:
        return [e for e in self.body.replace(b"\r\n", b"\n").split(b"\n\n") if e.strip()]

    @property
    def last_error(self) -> dict[str, object]:
        return orjson.loads(self.events[-1].removeprefix(b"data: "))["error"]


def post(gateway: Gateway, model: str, *, path: str = "/v1/chat/completions", **fields: object) -> Reply:
    """One plain POST; reads the answer to its end, which must be a clean one."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    body = orjson.dumps({"model": model, "messages": MESSAGES, **fields})
    connection.request("POST", path, body, {"authorization": "Bearer good", "content-type": "application/json"})
    response = connection.getresponse()
    reply = Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    connection.close()
    return reply


def raw_post(body: bytes) -> bytes:
    """The bytes of a POST, for clients that misbehave."""
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def record_of(gateway: Gateway, reply: Reply):
    return gateway.sink.wait(lambda r: r.request_id == reply.headers["x-request-id"])


def test_rate_limit_keeps_status_retry_after_and_body(gateway: Gateway) -> None:
    reply = post(gateway, "429/m")
    assert reply.status == 429
    assert reply.headers["retry-after"] == "7"
    assert reply.error == {"message": "slow down", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
    record = record_of(gateway, reply)
    assert (record.outcome, record.status, record.attempts[0].upstream_status) == ("error", 429, 429)


def test_rate_limit_without_a_readable_error_keeps_status_and_retry_after(gateway: Gateway) -> None:
    reply = post(gateway, "429html/m")
    assert (reply.status, reply.headers["retry-after"], reply.error["code"]) == (429, "3", "rate_limit_exceeded")


def test_bad_request_is_passed_verbatim_and_not_repeated(gateway: Gateway) -> None:
    before = gateway.upstream.count("400")
    reply = post(gateway, "400/m")
    assert reply.status == 400
    assert reply.error["param"] == "temperature"
    assert gateway.upstream.count("400") == before + 1


def test_server_error_becomes_a_502_that_keeps_its_words(gateway: Gateway) -> None:
    reply = post(gateway, "500/m")
    assert (reply.status, reply.error["code"]) == (502, "upstream_error")
    assert "boom" in str(reply.error["message"])
    assert reply.headers["x-kaname-upstream-status"] == "500"


def test_html_is_never_shown(gateway: Gateway) -> None:
    reply = post(gateway, "html/m")
    assert (reply.status, reply.error["code"]) == (502, "upstream_error")
    assert b"secret page" not in reply.body


def test_refused_credentials_of_ours_do_not_look_like_the_callers(gateway: Gateway) -> None:
    reply = post(gateway, "401/m")
    assert (reply.status, reply.error["code"]) == (502, "upstream_credentials_exhausted")
    assert reply.headers["x-should-retry"] == "false"
    assert UPSTREAM_KEY.encode() not in reply.body


def test_redirects_are_not_followed(gateway: Gateway) -> None:
    reply = post(gateway, "redirect/m")
    assert (reply.status, reply.error["code"]) == (502, "upstream_invalid_response")


@pytest.mark.parametrize("mode", ["badjson", "empty", "notobject", "gzipped", "garbage", "jsonstream"])
def test_rubbish_is_a_502_in_shape(gateway: Gateway, mode: str) -> None:
    reply = post(gateway, f"{mode}/m", stream=mode == "jsonstream")
    assert (reply.status, reply.error["code"]) == (502, "upstream_invalid_response")
    assert record_of(gateway, reply).outcome == "error"


def test_error_inside_a_success(gateway: Gateway) -> None:
    reply = post(gateway, "error200/m")
    assert (reply.status, reply.error["code"]) == (502, "upstream_error")


@pytest.mark.parametrize(("model", "code"), [("refused/m", "upstream_refused"), ("reset/m", "upstream_reset")])
def test_no_connection_is_a_502(gateway: Gateway, model: str, code: str) -> None:
    reply = post(gateway, model)
    assert (reply.status, reply.error["code"]) == (502, code)
    assert record_of(gateway, reply).attempts[0].error_code == code


@pytest.mark.parametrize("stream", [False, True])
def test_silence_is_a_504_and_closes_the_upstream(gateway: Gateway, stream: bool) -> None:
    reply = post(gateway, "quick-hang", stream=stream)
    assert (reply.status, reply.error["code"]) == (504, "upstream_timeout")
    assert gateway.upstream.last("hang").closed.wait(5)


def test_cut_stream_ends_with_an_error_event_and_without_done(gateway: Gateway) -> None:
    reply = post(gateway, "cut/m", stream=True)
    assert reply.status == 200
    assert reply.body.count(b'"content":"\xe8\xaa\x9e') == 10
    assert b"[DONE]" not in reply.body
    assert reply.last_error["code"] == "upstream_cut"
    assert all(orjson.loads(e.removeprefix(b"data: ")) for e in reply.events), "the half event isn't shown"
    record = record_of(gateway, reply)
    assert (record.outcome, record.error_code, record.status) == ("incomplete", "upstream_cut", 200)


def test_stalled_stream_ends_with_an_error_event(gateway: Gateway) -> None:
    reply = post(gateway, "quick-stall", stream=True)
    assert reply.last_error["code"] == "upstream_timeout"
    assert b"[DONE]" not in reply.body
    assert gateway.upstream.last("stall").closed.wait(5)


def test_endless_trickle_meets_the_total_deadline(gateway: Gateway) -> None:
    reply = post(gateway, "quick-trickle", stream=True)
    assert reply.last_error["code"] == "upstream_timeout"
    assert gateway.upstream.last("trickle").closed.wait(5)


def test_stream_without_an_end_is_an_error(gateway: Gateway) -> None:
    reply = post(gateway, "nodone/m", stream=True)
    assert reply.last_error["code"] == "upstream_cut"
    assert record_of(gateway, reply).outcome == "incomplete"


def test_finish_reason_and_a_clean_end_are_an_end(gateway: Gateway) -> None:
    reply = post(gateway, "finishonly/m", stream=True)
    assert b"error" not in reply.body
    assert record_of(gateway, reply).finish_reasons == ["stop"]


def test_done_ends_the_stream_although_the_upstream_stays_open(gateway: Gateway) -> None:
    reply = post(gateway, "doneopen/m", stream=True)
    assert reply.body.endswith(b"data: [DONE]\n\n")
    assert record_of(gateway, reply).outcome == "ok"


def test_malformed_event_is_passed(gateway: Gateway) -> None:
    reply = post(gateway, "badevent/m", stream=True)
    assert b"data: {oops\n\n" in reply.body
    assert reply.body.endswith(b"data: [DONE]\n\n")


def test_stream_of_nothing_is_a_502(gateway: Gateway) -> None:
    reply = post(gateway, "emptystream/m", stream=True)
    assert (reply.status, reply.error["code"]) == (502, "upstream_invalid_response")


def test_error_as_first_event_is_a_502(gateway: Gateway) -> None:
    reply = post(gateway, "errorfirst/m", stream=True)
    assert (reply.status, reply.error["code"]) == (502, "upstream_error")
    assert "model crashed" in str(reply.error["message"])


@pytest.mark.parametrize("mode", ["errorlater", "errortogether"])
def test_error_of_the_upstream_in_a_stream_is_passed_once(gateway: Gateway, mode: str) -> None:
    reply = post(gateway, f"{mode}/m", stream=True)
    assert reply.body.count(b"error") == 1
    assert record_of(gateway, reply).outcome == "incomplete"


def test_crlf_comments_and_bom_pass(gateway: Gateway) -> None:
    reply = post(gateway, "crlf/m", stream=True)
    assert reply.body.count(b'"content":"\xe8\xaa\x9e') == 2
    assert reply.body.endswith(b"data: [DONE]\r\n\r\n")
    assert record_of(gateway, reply).outcome == "ok"


def test_any_split_gives_the_same_text(gateway: Gateway) -> None:
    reply = post(gateway, "dribble/m", stream=True)
    texts = [orjson.loads(e.removeprefix(b"data: "))["choices"][0]["delta"].get("content") for e in reply.events[:-1]]
    assert texts == ["", "語0 ", "語1 ", "語2 ", None]


def test_wrong_content_type_is_sniffed(gateway: Gateway) -> None:
    reply = post(gateway, "wrongtype/m", stream=True)
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.body.endswith(b"data: [DONE]\n\n")


def test_event_over_the_limit_ends_the_stream(gateway: Gateway) -> None:
    reply = post(gateway, "hugeevent/m", stream=True)
    assert reply.last_error["code"] == "upstream_response_too_large"


def test_dead_kept_alive_connection_is_repeated_once(gateway: Gateway) -> None:
    for _ in range(6):
        reply = post(gateway, "closes/m")
        assert (reply.status, reply.body) == (200, COMPLETION)
    assert record_of(gateway, reply).attempts[0].stale_retries <= 1


def test_body_that_ends_with_the_connection(gateway: Gateway) -> None:
    assert post(gateway, "untilclose/m").body == COMPLETION


def test_bytes_nobody_asked_for_do_not_reach_the_next_call(gateway: Gateway) -> None:
    for i in range(4):
        assert post(gateway, "two/m", n=i).body == COMPLETION


def test_client_that_leaves_a_stream_closes_the_upstream(gateway: Gateway) -> None:
    with gateway.client().chat.completions.create(model="trickle/m", messages=MESSAGES, stream=True) as stream:
        next(iter(stream))
    seen = gateway.upstream.last("trickle")
    assert seen.closed.wait(5)
    record = gateway.sink.wait(lambda r: r.outcome == "cancelled" and r.requested_model == "trickle/m")
    assert (record.error_code, record.status) == ("client_disconnected", 200)


def test_client_that_leaves_before_the_answer_closes_the_upstream(gateway: Gateway) -> None:
    body = orjson.dumps({"model": "hang/m", "messages": MESSAGES, "user": "leaver"})
    before = gateway.upstream.count("hang")
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(raw_post(body))
        while gateway.upstream.count("hang") == before:
            pass
    assert gateway.upstream.last("hang").closed.wait(5)
    record = gateway.sink.wait(lambda r: r.user_id == "leaver")
    assert (record.outcome, record.status) == ("cancelled", 499)


def test_slow_reader_holds_the_upstream_back(gateway: Gateway) -> None:
    body = orjson.dumps({"model": "flood/m", "messages": MESSAGES, "stream": True, "user": "slow"})
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    client.connect(("127.0.0.1", gateway.port))
    client.sendall(raw_post(body))
    assert client.recv(1000).startswith(b"HTTP/1.1 200")
    sent = _settled(gateway)
    assert sent < 32 << 20, "the kernel's buffers and ours, not an endless queue"
    client.close()
    assert gateway.upstream.last("flood").closed.wait(5)
    assert gateway.sink.wait(lambda r: r.user_id == "slow").response_truncated


def _settled(gateway: Gateway) -> int:
    """Bytes that the flooding upstream got rid of, once that number stands still."""
    import time

    last, still = -1, 0
    while still < 10:
        time.sleep(0.05)
        now = gateway.upstream.last("flood").sent_bytes
        still, last = (still + 1, last) if now == last else (0, now)
    return last


def test_official_client_raises_on_a_cut_stream(gateway: Gateway) -> None:
    texts: list[str | None] = []
    stream = gateway.client().chat.completions.create(model="cut/m", messages=MESSAGES, stream=True)
    with pytest.raises(openai.APIError) as caught:
        texts.extend(chunk.choices[0].delta.content for chunk in stream)
    assert len(texts) == 11
    assert caught.value.code == "upstream_cut"
