"""Event streams cut anywhere: the same text comes out, and the end is understood."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.stream import CHAT_STREAM, EventRelay, early_error, event_data, split_events
from kaname.kernel.errors import UpstreamError

EVENTS = [
    b'data: {"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n',
    ": コメント\n\n".encode(),
    'data: {"choices":[{"delta":{"content":"日本語 \\n\\n [DONE]"},"finish_reason":null}]}\n\n'.encode(),
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens_details":{"reasoning_tokens":2}}}\n\n',
    b"data: [DONE]\n\n",
]
USAGE = b'{"prompt_tokens":1,"completion_tokens_details":{"reasoning_tokens":2}}'


def relay(**options: object) -> EventRelay:
    return EventRelay(**{"strip_usage": False, "max_event_bytes": 10_000, "record_limit": 10_000, **options})  # type: ignore[arg-type]


def run(data: bytes, cuts: list[int], **options: object) -> tuple[EventRelay, bytes]:
    machine = relay(**options)
    edges = [0, *sorted(c % (len(data) + 1) for c in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges) if a < b]
    out = [machine.feed(piece) for piece in pieces]
    return machine, b"".join(out) + machine.finish()


line_ends = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.integers(0, 10_000), max_size=20), line_ends)
def test_every_split_gives_the_same_bytes(cuts: list[int], line_end: bytes) -> None:
    data = b"".join(EVENTS).replace(b"\n", line_end)
    machine, out = run(data, cuts)
    assert out == data
    end = machine.end()
    assert (end.done, end.finish_reasons, end.usage, end.error) == (True, ["stop"], USAGE, None)
    assert machine.head() == data


@given(st.lists(st.integers(0, 10_000), max_size=20), line_ends)
def test_every_split_loses_only_the_usage_event(cuts: list[int], line_end: bytes) -> None:
    data = b"".join(EVENTS).replace(b"\n", line_end)
    machine, out = run(data, cuts, strip_usage=True)
    assert out.replace(line_end, b"\n") == b"".join(EVENTS[:4] + EVENTS[5:])
    assert machine.end().usage == USAGE


@given(st.lists(st.binary(max_size=60), max_size=8), st.booleans())
def test_any_bytes_pass_in_order(chunks: list[bytes], strip: bool) -> None:
    machine = relay(strip_usage=strip)
    out = b"".join(machine.feed(chunk) for chunk in chunks)
    assert b"".join(chunks).startswith(out)
    machine.finish()
    machine.end()
    early_error(out, CHAT_STREAM.content)


@given(st.integers(0, len(b"".join(EVENTS)) - 1))
def test_a_cut_shows_only_whole_events(at: int) -> None:
    data = b"".join(EVENTS)
    out = relay().feed(data[:at])
    assert data.startswith(out)
    assert out == b"" or out.endswith(b"\n\n")
    assert len(data[:at]) - len(out) < max(map(len, EVENTS))


def test_long_streams_keep_their_beginning_and_their_end() -> None:
    machine = relay(record_limit=1000)
    token = EVENTS[2]
    for _ in range(500):
        machine.feed(token)
    for event in EVENTS[3:]:
        machine.feed(event)
    assert machine.head() == (token * 500)[:1000]
    assert machine.sent_bytes == 500 * len(token) + sum(map(len, EVENTS[3:]))
    assert machine.end().usage == USAGE


def test_a_last_event_without_its_blank_line_counts() -> None:
    machine, out = run(EVENTS[0] + b"data: [DONE]", [])
    assert out.endswith(b"data: [DONE]\n\n")
    assert machine.end().done
    _, out = run(EVENTS[0] + b'data: {"half', [])
    assert out == EVENTS[0]


def test_an_event_over_the_limit_is_refused_wherever_it_is_cut() -> None:
    machine = relay(max_event_bytes=100)
    for _ in range(100):
        machine.feed(b"x")
    with pytest.raises(UpstreamError):
        machine.feed(b"x")


def test_usage_of_another_kind_of_empty_choices_stays() -> None:
    azure = b'data: {"choices":[],"prompt_filter_results":[],"usage":null}\n\n'
    assert relay(strip_usage=True).feed(azure) == azure


def test_multi_line_data_is_joined() -> None:
    assert event_data(b"event: x\ndata: {\ndata: }\n\n") == b"{\n}"
    assert [event_data(e) for e in split_events(b"data: 1\r\n\r\ndata:2\r\r")] == [b"1", b"2"]


def test_content_is_noticed_at_the_first_token() -> None:
    machine = relay()
    machine.feed(EVENTS[0])
    assert not machine.content_seen
    machine.feed(EVENTS[2])
    assert machine.content_seen


@pytest.mark.parametrize(
    ("event", "malformed"),
    [
        (b'data: {"a":1}\n\n', 0),
        (b"data: [DONE]\n\n", 0),
        (b": ping\n\n", 0),
        (b"data: {oops\n\n", 1),
        (b"data: [1]\n\n", 1),
        (b'event: ping\ndata: {"type":"ping"}\n\n', 0),
    ],
)
def test_events_that_nobody_can_read_are_counted(event: bytes, malformed: int) -> None:
    machine = relay()
    machine.feed(EVENTS[0] + event + EVENTS[3])
    assert machine.malformed == malformed


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"error":{"message":"x"}}\n\n',
        b'event: error\ndata: {"type":"error","error":{"message":"x"}}\n\n',
        b'event: error\ndata: {"type":"error","message":"x","code":null}\n\n',
        b'data: {"type":"response.failed","response":{"error":{"message":"x"}}}\n\n',
    ],
)
def test_an_error_after_a_role_is_an_error_on_every_surface(event: bytes) -> None:
    error = early_error(EVENTS[0] + event, CHAT_STREAM.content)
    assert error is not None
    assert error["message"] == "x"
    created = b'data: {"type":"response.created","response":{"error":null}}\n\n'
    assert early_error(EVENTS[0] + created, CHAT_STREAM.content) is None
    assert early_error(EVENTS[2] + event, CHAT_STREAM.content) is None, "content came first"
