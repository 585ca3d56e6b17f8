"""Streams of Messages and Responses that are passed as bytes: usage, end and errors are read off them."""

from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.dialects.passed_streams import MESSAGES_STREAM, RESPONSES_STREAM
from kaname.gateway.openai_errors import WireError
from kaname.gateway.stream import EventRelay, StreamDialect, StreamEnd
from unit.gateway.dialects.wire_data import DATA, events_of

MESSAGES = (DATA / "anthropic" / "text.sse").read_bytes()
RESPONSES = (DATA / "openai" / "responses.sse").read_bytes()


def relayed(stream: bytes, dialect: StreamDialect, cuts: list[int]) -> tuple[EventRelay, bytes]:
    relay = EventRelay(strip_usage=False, max_event_bytes=1 << 20, record_limit=1000, dialect=dialect)
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    out = b"".join(relay.feed(stream[start:end]) for start, end in pairwise(edges))
    return relay, out + relay.finish()


@given(st.lists(st.integers(0, 10_000), max_size=20), st.sampled_from([b"\n", b"\r\n"]))
def test_messages_usage_is_joined_from_head_and_tail(cuts: list[int], line_end: bytes) -> None:
    stream = MESSAGES.replace(b"\n", line_end)
    relay, out = relayed(stream, MESSAGES_STREAM, cuts)
    assert out == stream
    assert relay.done
    end = relay.end()
    usage = {"input_tokens": 25, "cache_read_input_tokens": 10, "output_tokens": 15}
    assert (end.done, end.finish_reasons, end.error) == (True, ["end_turn"], None)
    assert orjson.loads(end.usage) == usage


def test_long_messages_streams_keep_both_ends() -> None:
    start, _, rest = MESSAGES.partition(b"event: content_block_delta")
    delta = b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"x"}}\n\n'
    relay, _ = relayed(
        start + delta * 500 + b"event: content_block_delta" + rest, MESSAGES_STREAM, list(range(0, 9000, 90))
    )
    assert orjson.loads(relay.end().usage)["input_tokens"] == 25


@given(st.lists(st.integers(0, 10_000), max_size=20))
def test_responses_usage_is_in_the_last_event(cuts: list[int]) -> None:
    relay, out = relayed(RESPONSES, RESPONSES_STREAM, cuts)
    assert out == RESPONSES
    assert relay.done
    end = relay.end()
    assert (end.done, end.finish_reasons, end.error) == (True, ["completed"], None)
    assert orjson.loads(end.usage)["total_tokens"] == 48


@pytest.mark.parametrize(("stream", "dialect"), [(MESSAGES, MESSAGES_STREAM), (RESPONSES, RESPONSES_STREAM)])
def test_content_and_end_are_seen_at_their_events_only(stream: bytes, dialect: StreamDialect) -> None:
    events = [event + b"\n\n" for event in stream.split(b"\n\n") if event]
    content = [dialect.content.search(event) is not None for event in events]
    assert content.index(True) == next(
        i for i, event in enumerate(events) if b".delta\n" in event or b"_delta\n" in event
    )
    assert [dialect.is_done(event) for event in events] == [False] * (len(events) - 1) + [True]


@pytest.mark.parametrize("dialect", [MESSAGES_STREAM, RESPONSES_STREAM])
def test_a_cut_stream_isnt_done(dialect: StreamDialect) -> None:
    assert dialect.read_end(b"", b"", b"") == StreamEnd(False, [], b"", None)
    assert dialect.read_end(b"data: {broken\n\n", b"data: [1]\n\nrubbish", b"") == StreamEnd(False, [], b"", None)


def test_upstream_errors_are_read() -> None:
    overloaded = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    assert MESSAGES_STREAM.read_end(MESSAGES, overloaded, b"").error == {
        "type": "overloaded_error",
        "message": "Overloaded",
    }
    failed = (
        b'data: {"type":"response.failed","response":'
        b'{"status":"failed","error":{"code":"server_error","message":"No"}}}\n\n'
    )
    error = {"code": "server_error", "message": "No"}
    assert RESPONSES_STREAM.read_end(b"", failed, b"") == StreamEnd(True, ["failed"], b"", error)
    plain = b'event: error\ndata: {"type":"error","code":"x","message":"No","param":null,"sequence_number":3}\n\n'
    assert RESPONSES_STREAM.read_end(b"", plain, b"").error == {"message": "No", "code": "x", "param": None}


def test_our_error_events() -> None:
    error = WireError(504, "upstream_error", "upstream_timeout", "Late.", None, [])
    expected = {"type": "error", "error": {"type": "timeout_error", "message": "Late."}}
    assert events_of(MESSAGES_STREAM.error_event(error)) == [("error", expected)]
    name, document = events_of(RESPONSES_STREAM.error_event(error))[0]
    assert (name, document["type"], document["code"], document["message"]) == (
        "error",
        "error",
        "upstream_timeout",
        "Late.",
    )
    assert isinstance(document["sequence_number"], int)
