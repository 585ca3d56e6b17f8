"""Request bodies: whatever arrives is a valid request or a clear refusal, and what is forwarded means the same."""

import gzip
import json

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kaname.gateway.decode import decode_request, decompress, encode_for_upstream
from kaname.kernel.errors import InvalidInputError, KanameError, TooLargeError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(st.text(max_size=8), json_values, max_size=5).map(
    lambda d: {**d, "model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": False}
)


@given(st.binary(max_size=300))
@example(b'{"model":"m","messages":[{"role":"user"}],"a":' + b"9" * 5000 + b"}")
@example(b'{"model":"m","messages":[{"role":"user"}],"a":' + b"[" * 900 + b"]" * 900 + b"}")
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        decode_request("chat_completions", body)
    except InvalidInputError as e:
        assert e.param is not None


@given(documents, st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans())
def test_what_is_forwarded_differs_in_nothing_but_the_model(
    document: dict[str, object], separators: tuple[str, str], ascii_only: bool
) -> None:
    try:
        body = json.dumps(document, separators=separators, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        return  # a lone surrogate can't be sent as UTF-8
    try:
        request = decode_request("chat_completions", body)
    except InvalidInputError:
        with pytest.raises(orjson.JSONDecodeError):  # a lone surrogate, as an escape
            orjson.loads(body)
        return
    forwarded = json.loads(encode_for_upstream(request, "real", add_usage=False))
    assert forwarded == {**json.loads(body), "model": "real"}


@pytest.mark.parametrize("depth", [200, 300, *range(900, 1030, 5)])
def test_deep_bodies_are_forwarded_or_refused(depth: int) -> None:
    body = b'{"model":"m","messages":[{"role":"user"}],"a":' + b"[" * depth + b"]" * depth + b"}"
    try:
        sent = encode_for_upstream(decode_request("chat_completions", body), "m", add_usage=False)
    except InvalidInputError as e:
        assert e.param == "body"
        assert depth > 300
    else:
        assert sent == body


@given(documents, st.text(min_size=1, max_size=8))
def test_repeated_keys_are_always_found(document: dict[str, object], key: str) -> None:
    pair = orjson.dumps(key) + b":1"
    body = b"{" + pair + b"," + pair + b"," + json.dumps(document).encode()[1:]
    with pytest.raises(InvalidInputError):
        decode_request("chat_completions", body)


def test_usage_is_added_beside_other_options() -> None:
    body = b'{"model":"m","messages":[{"role":"user"}],"stream":true,"stream_options":{"x":1}}'
    request = decode_request("chat_completions", body)
    assert not request.wants_usage
    sent = orjson.loads(encode_for_upstream(request, "r", add_usage=True))
    assert sent["stream_options"] == {"x": 1, "include_usage": True}


@pytest.mark.parametrize(
    ("surface", "body", "param"),
    [
        ("embeddings", b'{"model":"m"}', "input"),
        ("embeddings", b'{"model":"m","input":[]}', "input"),
        ("embeddings", b'{"model":"m","input":"a","stream":true}', "stream"),
        ("completions", b'{"model":"m"}', "prompt"),
    ],
)
def test_each_surface_has_its_required_field(surface: str, body: bytes, param: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        decode_request(surface, body)  # type: ignore[arg-type]
    assert caught.value.param == param


@given(st.binary(max_size=500), st.integers(0, 40))
def test_gzip_is_undone_or_refused(data: bytes, cut: int) -> None:
    packed = gzip.compress(data)
    assert decompress(packed, b"gzip", 500) == data
    if cut:
        with pytest.raises(KanameError):
            decompress(packed[:-cut], b"gzip", 500)
    if data:
        with pytest.raises(TooLargeError):
            decompress(packed, b"gzip", len(data) - 1)
