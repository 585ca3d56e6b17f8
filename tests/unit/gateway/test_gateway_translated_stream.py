"""Upstream bytes → events → the client's events: cut anywhere, with any line end, and failures in between."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.dialects.chat.decoder import ChatDecoder
from kaname.gateway.dialects.messages_surface.stream import MessagesEncoder
from kaname.gateway.translated_stream import SseFramer, TranslatedRelay
from kaname.kernel.errors import UpstreamError

STREAM = (
    b": comment\n\n"
    b'event: first\ndata: {"a":1}\n\n'
    b"data: two\ndata: lines\n\n"
    b"id: 5\nevent:named\ndata:tight\n\n"
    b"\n\n"
    b"event: without data\n\n" + "data: 日本語\n\n".encode() + b"data: after\nevent: late\n\n"
)
EVENTS = [
    ("first", b'{"a":1}'),
    ("", b"two\nlines"),
    ("named", b"tight"),
    ("", "日本語".encode()),
    ("late", b"after"),
]


@given(st.lists(st.integers(0, 10_000), max_size=30), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_any_split_and_line_end_gives_the_same_events(cuts: list[int], line_end: bytes) -> None:
    data = STREAM.replace(b"\n", line_end) + b": the end\n\n"
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    framer = SseFramer(1000)
    assert [event for a, b in pairwise(edges) for event in framer.feed(data[a:b])] == EVENTS


def test_an_event_that_never_ends_is_refused() -> None:
    for pieces in ([b"x" * 50] * 3, [b"x" * 150]):
        framer = SseFramer(100)
        with pytest.raises(UpstreamError) as refused:
            list(map(framer.feed, pieces))
        assert refused.value.code == "upstream_response_too_large"


def relay() -> TranslatedRelay:
    return TranslatedRelay(SseFramer(1000), ChatDecoder(), MessagesEncoder("m"), record_limit=1000)


TOKEN = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
ERROR = b'data: {"error":{"message":"broken"}}\n\n'


def test_an_error_before_any_content_is_raised_at_once() -> None:
    with pytest.raises(UpstreamError, match="broken"):
        relay().feed(ERROR)
    with pytest.raises(UpstreamError, match="broken"):
        relay().feed(TOKEN + ERROR)


def test_what_came_before_a_later_error_in_the_same_packet_is_given_out() -> None:
    machine = relay()
    machine.feed(TOKEN)
    assert b"text_delta" in machine.feed(TOKEN + ERROR)
    with pytest.raises(UpstreamError, match="broken"):
        machine.finish()
    with pytest.raises(UpstreamError, match="broken"):
        machine.feed(TOKEN)


@pytest.mark.parametrize("choices", [b"5", b'["x"]', b"[null]", b'[{"delta":7}]', b'{"a":1}'])
def test_odd_choices_are_no_crash(choices: bytes) -> None:
    machine = relay()
    machine.feed(b'data: {"choices":' + choices + b"}\n\n")
    assert not machine.content_seen
