"""Below HTTP: malformed, ambiguous, endless and dripping requests on raw sockets."""

import contextlib
import json
import socket
import time

import pytest

from live import LiveServer

HEAD = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


def converse(server: LiveServer, sent: bytes, *, timeout_s: float = 20.0) -> bytes:
    """Sends bytes and returns all that comes until the server closes."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=timeout_s) as s:
        try:
            s.sendall(sent)
            while piece := s.recv(65_536):
                received += piece
        except BrokenPipeError:
            pass
    return received


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def problem_of(answer: bytes) -> dict[str, object]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, answer
    return json.loads(body)


@pytest.mark.parametrize(
    "framing",
    [
        b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
        b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        b"content-length: -1\r\n\r\n{}",
        b"content-length: +2\r\n\r\n{}",
        b"content-length: 99999999999999999999\r\n\r\n{}",
        b"transfer-encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"transfer-encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"a: b\r\n c\r\ncontent-length: 0\r\n\r\n",
    ],
)
def test_a_request_that_two_readers_could_understand_differently_is_refused(
    attacked: LiveServer, framing: bytes
) -> None:
    answer = converse(attacked, HEAD + framing)
    assert status_of(answer) == 400
    if b"\r\n\r\nzz" not in framing:  # a broken chunk comes after the request began
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == 3, "OTLP clients read a google.rpc.Status"
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\r\nhost: x\r\na: " + b"a" * (1 << 20),
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 200_000,
        b"GET /" + b"a" * (1 << 20),
    ],
)
def test_a_head_without_end_is_refused(attacked: LiveServer, sent: bytes) -> None:
    assert status_of(converse(attacked, sent)) == 431


def test_a_trailer_without_end_is_refused(attacked: LiveServer) -> None:
    sent = HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\na: " + b"a" * (1 << 20)
    assert status_of(converse(attacked, sent)) in (401, 431)


def test_a_dripping_head_ends(attacked: LiveServer) -> None:
    began = time.monotonic()
    answer = converse(attacked, b"GET /healthz HTTP/1.1\r\nhost: x\r\na: ", timeout_s=40)
    assert problem_of(answer)["code"] == "head_timeout"
    assert time.monotonic() - began >= 9, "a slow client gets its time"


def test_requests_on_one_connection_are_not_mixed_up(attacked: LiveServer) -> None:
    one = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    answer = converse(attacked, one * 50 + last)
    assert answer.count(b"HTTP/1.1 200") == 51


def test_a_declared_body_over_the_limit_is_answered_without_reading_it(attacked: LiveServer) -> None:
    head = b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n"
    answer = converse(attacked, head + b"content-length: 9000000\r\n\r\n")
    assert status_of(answer) == 413
    assert problem_of(answer)["code"] == "too_large"


def test_an_undeclared_body_over_the_limit_is_cut_off(attacked: LiveServer) -> None:
    host, _, port = attacked.url.removeprefix("http://").partition(":")
    head = b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    chunk = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as s:
        s.sendall(head + b"transfer-encoding: chunked\r\n\r\n")
        for _ in range(9):
            s.sendall(chunk)
        s.sendall(b"0\r\n\r\n")
        answer = s.recv(65_536)
    assert status_of(answer) == 413
    assert b"too_large" in answer


@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/api/public/scores", "/v1/traces", "/v1/chat/completions"])
def test_a_client_that_sends_on_reads_why_it_was_refused(attacked: LiveServer, path: str) -> None:
    """The whole body is sent before the first byte of the answer is read, as many clients do."""
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    head += f"authorization: Bearer {attacked.secret_key}\r\ncontent-length: {72 << 20}\r\n\r\n"
    host, _, port = attacked.url.removeprefix("http://").partition(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=30) as s:
        s.sendall(head.encode())
        for _ in range(72):
            s.sendall(b" " * (1 << 20))
        while piece := s.recv(65_536):
            received += piece
    assert status_of(received) == 413
    assert received.count(b"HTTP/1.1 ") == 1


def test_a_refused_connection_ends_although_its_client_never_stops(attacked: LiveServer) -> None:
    host, _, port = attacked.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as s:
        s.sendall(b"GET / NONSENSE\r\n\r\n")
        s.settimeout(0.2)
        with pytest.raises(OSError, match=r"reset|pipe"):  # noqa: PT012 - the end comes at any step
            while True:
                s.sendall(b"a" * 1000)
                with contextlib.suppress(TimeoutError):
                    s.recv(65_536)


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/v1/chat/completions", {"error"}),
        ("/v1/logs", {"code", "message"}),
        ("/api/public/otel/v1/traces", {"code", "message"}),
        ("/api/public/scores", {"message", "error"}),
        ("/api/v1/me", {"type", "title", "status", "code", "detail", "hint", "request_id"}),
    ],
)
def test_each_surface_refuses_in_its_own_words(attacked: LiveServer, path: str, keys: set[str]) -> None:
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n"
    body = json.loads(converse(attacked, head.encode()).partition(b"\r\n\r\n")[2])
    assert body.keys() == keys
    if "error" in keys and isinstance(body["error"], dict):
        assert body["error"].keys() == {"message", "type", "param", "code"}


def test_protobuf_clients_are_refused_in_protobuf(attacked: LiveServer) -> None:
    head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: -1\r\n\r\n"
    answer = converse(attacked, head)
    assert b"content-type: application/x-protobuf" in answer
    assert answer.partition(b"\r\n\r\n")[2].startswith(b"\x08\x03\x12")


def test_malformed_requests_dont_fill_the_log(attacked: LiveServer) -> None:
    before = attacked.log_path.read_text(errors="replace").count("\n")
    for _ in range(30):
        converse(attacked, b"NONSENSE\r\n\r\n")
    assert attacked.log_path.read_text(errors="replace").count("\n") - before <= 2


def test_an_answered_request_whose_body_never_ends_is_cut_off(attacked: LiveServer) -> None:
    host, _, port = attacked.url.removeprefix("http://").partition(":")
    head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 900000\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as s:
        s.sendall(head + b"{")
        assert status_of(s.recv(65_536)) == 401
        s.settimeout(0.5)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                s.sendall(b" ")
                if not s.recv(65_536):
                    return
            except TimeoutError:
                continue
            except OSError:
                return
    raise AssertionError("the connection is still open")
