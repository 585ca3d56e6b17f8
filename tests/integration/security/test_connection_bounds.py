"""Below HTTP: malformed, ambiguous, endless and dripping requests on raw sockets."""

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
        except (ConnectionResetError, BrokenPipeError):
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
        assert problem_of(answer)["code"] == "invalid_http"
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
    answer = converse(attacked, sent)
    # The rest of what was sent may make the kernel reset the connection before the answer is read.
    assert not answer or status_of(answer) == 431


def test_a_trailer_without_end_is_refused(attacked: LiveServer) -> None:
    sent = HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\na: " + b"a" * (1 << 20)
    answer = converse(attacked, sent)
    assert not answer or status_of(answer) in (401, 431)


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
