"""What callers say in headers: understood, or ignored as the standard demands, or refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.caller_context import MAX_METADATA, open_record, read_body, read_headers
from kaname.kernel.errors import InvalidInputError

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@given(st.binary(max_size=80))
def test_any_traceparent_gives_valid_ids(value: bytes) -> None:
    record = open_record("embeddings", {b"traceparent": value, b"tracestate": value})
    assert len(record.trace_id) == 32
    assert len(record.span_id) == 16
    assert int(record.trace_id, 16)
    assert int(record.span_id, 16)


@pytest.mark.parametrize(
    ("value", "joins"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", True),
        (f"01-{TRACE}-{SPAN}-01-later", True),
        (f"00-{TRACE}-{SPAN}-01-extra", False),
        (f"ff-{TRACE}-{SPAN}-01", False),
        (f"00-{'0' * 32}-{SPAN}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-{SPAN}-01", False),
    ],
)
def test_traceparent_follows_the_standard(value: str, joins: bool) -> None:
    record = open_record("embeddings", {b"traceparent": value.encode()})
    assert (record.parent_span_id == SPAN) is joins
    assert (record.trace_id == TRACE) is joins
    assert record.span_id != SPAN


@given(
    st.dictionaries(
        st.sampled_from([b"x-kaname-session-id", b"x-kaname-tags", b"x-kaname-metadata", b"x-stainless-retry-count"]),
        st.binary(max_size=600),
    )
)
def test_any_header_is_read_or_refused_by_name(headers: dict[bytes, bytes]) -> None:
    record = open_record("embeddings", headers)
    try:
        read_headers(record, headers)
    except InvalidInputError as e:
        assert e.param is not None
        assert e.param.encode() in headers


@given(
    st.dictionaries(
        st.text(max_size=5), st.none() | st.integers(-(2**63), 2**63) | st.text() | st.lists(st.text()), max_size=60
    )
)
def test_metadata_of_any_shape_is_bounded(metadata: dict[str, object]) -> None:
    record = open_record("embeddings", {})
    read_body(record, {"metadata": metadata, "user": 7})
    assert len(record.metadata) <= MAX_METADATA
    assert record.user_id == str(metadata.get("user_id", ""))[:256] or not isinstance(metadata.get("user_id"), str)


def test_headers_win_over_the_body() -> None:
    record = open_record("embeddings", {})
    read_headers(record, {b"x-kaname-user-id": b"header", b"x-kaname-metadata": b'{"a": 1}'})
    read_body(record, {"metadata": {"a": "body", "b": "c", "session_id": "s"}, "user": "body"})
    assert (record.user_id, record.session_id) == ("header", "s")
    assert record.metadata == {"a": "1", "b": "c", "session_id": "s"}
