import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.routing.retry_after import MAX_RETRY_AFTER_S, parse_retry_after

NOW = 784111767.0
"""Ten seconds before RFC 9110's example date."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"1", 1.0),
        (b"0", 0.0),
        (b" 2.5 ", 2.5),
        (b"7200", MAX_RETRY_AFTER_S),
        (b"Sun, 06 Nov 1994 08:49:37 GMT", 10.0),
        (b"Sunday, 06-Nov-94 08:49:37 GMT", 10.0),
        (b"Sun Nov  6 08:49:37 1994", 10.0),
        (b"Sun, 06 Nov 1994 08:49:00 GMT", None),
        (b"Sun, 06 Nov 2094 08:49:00 GMT", None),
        (b"1764000000", None),
        (b"-1", None),
        (b"", None),
        (b"soon", None),
        (b"1_0", None),
        (b"nan", None),
        (b"inf", None),
        (b"1e3", None),
    ],
)
def test_every_form_is_read_and_rubbish_says_nothing(value: bytes, expected: float | None) -> None:
    assert parse_retry_after({b"retry-after": value}, NOW) == expected


def test_milliseconds_win_and_fall_back_when_unreadable() -> None:
    assert parse_retry_after({b"retry-after-ms": b"150", b"retry-after": b"9"}, NOW) == 0.15
    assert parse_retry_after({b"retry-after-ms": b"x", b"retry-after": b"9"}, NOW) == 9.0
    assert parse_retry_after({}, NOW) is None


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8")))
def test_no_bytes_raise_or_leave_the_bounds(value: bytes) -> None:
    for name in (b"retry-after", b"retry-after-ms"):
        wait_s = parse_retry_after({name: value}, NOW)
        assert wait_s is None or 0.0 <= wait_s <= MAX_RETRY_AFTER_S
