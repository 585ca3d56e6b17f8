"""Content encodings and forms of the engine's HTTP interface."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.storage.columns.engine.bodies import WRITE_ENCODINGS, choose_encoding, make_packer, read_form, unpack
from kaname.storage.columns.engine.faults import StatementError


@given(st.lists(st.binary(max_size=500), max_size=5), st.sampled_from(WRITE_ENCODINGS))
def test_what_is_packed_in_pieces_unpacks_whole(pieces: list[bytes], encoding: str):
    packer = make_packer(encoding)
    packed = b"".join(packer.pack(p) for p in pieces) + packer.finish()
    assert unpack(packed, encoding, 10_000) == b"".join(pieces)


@pytest.mark.parametrize("encoding", WRITE_ENCODINGS)
def test_a_bomb_is_refused_without_unpacking_it(encoding: str):
    packer = make_packer(encoding)
    bomb = packer.pack(bytes(50_000_000)) + packer.finish()
    with pytest.raises(StatementError) as caught:
        unpack(bomb, encoding, 1_000_000)
    assert caught.value.status == 413


@pytest.mark.parametrize("encoding", WRITE_ENCODINGS)
def test_truncated_and_foreign_bodies_are_refused(encoding: str):
    packer = make_packer(encoding)
    packed = packer.pack(b"some text" * 100) + packer.finish()
    for body in (packed[: len(packed) // 2], b"", b"not compressed at all"):
        with pytest.raises(StatementError) as caught:
            unpack(body, encoding, 10_000)
        assert caught.value.status == 400


def test_an_unknown_encoding_is_refused():
    with pytest.raises(StatementError) as caught:
        unpack(b"x", "br", 10)
    assert caught.value.status == 415


def test_standard_library_streams_are_read():
    assert unpack(gzip.compress(b"abc"), "gzip", 10) == b"abc"
    assert unpack(zlib.compress(b"abc"), "deflate", 10) == b"abc"
    assert unpack(b"abc", "identity", 10) == b"abc"


def test_the_first_known_accepted_encoding_is_chosen():
    assert choose_encoding("br, zstd;q=0.5, lz4") == "zstd"
    assert choose_encoding("") == ""


_value = st.text(max_size=40).filter(lambda s: "\r\n--" not in s)


@given(st.dictionaries(st.sampled_from(["query", "param_x", "param_long_name"]), _value, min_size=1))
def test_form_fields_arrive_byte_for_byte(fields: dict[str, str]):
    boundary = "b0undary"
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        + value.encode("utf-8", "surrogatepass")
        + b"\r\n"
        for name, value in fields.items()
    )
    read = read_form(f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode())
    assert {k: v.encode("utf-8", "surrogateescape") for k, v in read.items()} == {
        k: v.encode("utf-8", "surrogatepass") for k, v in fields.items()
    }


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="q"\r\n\r\nx'),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="t"; filename="t"\r\n\r\nx\r\n--b--',
        ),
    ],
)
def test_broken_forms_are_refused(content_type: str, body: bytes):
    with pytest.raises(StatementError):
        read_form(content_type, body)


@given(st.binary(max_size=300), st.integers(0, 80), st.sampled_from(WRITE_ENCODINGS))
def test_damaged_bodies_are_refused_or_read_but_break_nothing(rubbish: bytes, kept: int, encoding: str):
    packer = make_packer(encoding)
    packed = packer.pack(b"some text" * 100) + packer.finish()
    try:
        unpack(packed[:kept] + rubbish, encoding, 10_000)
    except StatementError as e:
        assert e.status in (400, 413)
