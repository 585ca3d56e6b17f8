"""A head is recognised only when a parser would read the same request."""

import pytest

from kaname.app.repeated_head import RepeatedHead

URL = b"/v1/chat/completions"
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: %b\r\nAuthorization: Bearer k\r\n\r\n"
HEADERS = {b"host": b"h", b"content-length": b"2", b"authorization": b"Bearer k"}


def read(piece: bytes, body: bytes) -> RepeatedHead | None:
    return RepeatedHead.read(piece, body, URL, HEADERS, keep_alive=True)


@pytest.fixture
def head() -> RepeatedHead:
    found = read(HEAD % b"2" + b"{}", b"{}")
    assert found is not None
    return found


@pytest.mark.parametrize("body", [b"{}", b"", b'{"messages": []}', b"\r\n\r\n", b"x" * 100_000])
def test_another_body_under_the_same_head(head: RepeatedHead, body: bytes) -> None:
    assert head.body_of(HEAD % b"%d" % len(body) + body) == body


@pytest.mark.parametrize(
    "piece",
    [
        b"",
        HEAD % b"3" + b"{}",  # the rest of the body hasn't come
        HEAD % b"1" + b"{}",  # another request follows
        HEAD % b"+2" + b"{}",
        HEAD % b" 2" + b"{}",
        HEAD % b"" + b"",
        HEAD % b"0x2" + b"{}",
        HEAD % "²".encode() + b"{}",
        HEAD % b"99999999" + b"{}",
        HEAD % b"2\r\ncontent-length: 2" + b"{}",
        (HEAD % b"2" + b"{}").replace(b"Bearer k", b"Bearer l"),
        (HEAD % b"2" + b"{}").replace(b"POST", b"post"),
        HEAD % b"2097152" + b"x" * (2 << 20),
    ],
)
def test_anything_else_is_the_parsers(head: RepeatedHead, piece: bytes) -> None:
    assert head.body_of(piece) is None


@pytest.mark.parametrize(
    ("piece", "body"),
    [
        (b"{}", b"{}"),  # the head came before
        (HEAD % b"2" + b"{}POST", b"{}"),  # something follows
        (b"POST / HTTP/1.1\r\nHost: h\r\n\r\n{}", b"{}"),
        (HEAD % b"2" + b"\r\n\r\n{}", b"{}"),
        (b"POST / HTTP/1.1\r\nX: " + b"y" * 5000 + b"\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
    ],
)
def test_what_did_not_come_as_one_plain_request_is_not_remembered(piece: bytes, body: bytes) -> None:
    assert read(piece, body) is None
