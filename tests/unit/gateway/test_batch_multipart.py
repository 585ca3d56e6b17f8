"""Multipart bodies give the same parts however they are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.batches.multipart import MultipartReader, read_boundary
from kaname.kernel.errors import InvalidInputError

BOUNDARY = b"xyz"


def body(content: bytes) -> bytes:
    return (
        b'preamble\r\n--xyz\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--xyz\r\n'
        b'content-disposition: form-data; name="file"; filename="a/b.jsonl"\r\nContent-Type: text/plain\r\n\r\n'
        + content
        + b"\r\n--xyz--\r\nepilogue"
    )


def read(pieces: list[bytes]) -> dict[tuple[str, str | None], bytes]:
    reader, found = MultipartReader(BOUNDARY), {}
    for piece in pieces:
        for part in reader.feed(piece):
            key = (part.name, part.filename)
            found[key] = found.get(key, b"") + part.data
    reader.finish()
    return found


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"--", b"xy", b"z", b"\r\n--xy", b"a", b"{}"]), max_size=30),
    st.lists(st.integers(0, 300), max_size=12),
)
def test_cuts_change_nothing(content: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(content)
    if b"\r\n--xyz" in b"\r\n" + whole + b"\r\n":
        return
    text = body(whole)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    found = read([text[a:b] for a, b in pairwise(places)])
    assert found == {("purpose", None): b"batch", ("file", "b.jsonl"): whole}


def test_a_body_that_ends_early_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="before its closing"):
        read([body(b"abc")[:-20]])


def test_headers_without_an_end_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="no end"):
        read([b"--xyz\r\n" + b"a" * 20_000])


def test_boundaries() -> None:
    assert read_boundary(b'multipart/form-data; boundary="a b"') == b"a b"
    assert read_boundary(b"multipart/form-data; boundary=ab; charset=utf-8") == b"ab"
    with pytest.raises(InvalidInputError, match="multipart"):
        read_boundary(b"application/json")
