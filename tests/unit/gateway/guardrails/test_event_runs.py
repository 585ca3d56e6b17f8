"""Events that aren't parsed because they look like the one before leave the stream as if each had been."""

import random
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import cast

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaname.gateway.guardrails.channel import HeldChannel
from kaname.gateway.guardrails.event_runs import learn_shape
from kaname.gateway.guardrails.keywords import KeywordGuard
from kaname.gateway.guardrails.model import Action, Guard
from kaname.gateway.guardrails.relay import GuardedRelay
from kaname.gateway.guardrails.screen import Screen
from kaname.gateway.guardrails.stream_formats import stream_format
from kaname.gateway.model import Surface
from kaname.gateway.stream import EventRelay
from kaname.privacy.engine import Engine
from kaname.privacy.placeholders import Placeholders

END = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
PIECES = st.sampled_from(
    ["taro@", "example.com", " hello", '"', "\\", "\n", "です", " 4111 1111", " 1111 1111 ", "bo", "mb", "😀", "a", "."]
)


def screen(action: Action) -> Screen:
    guards = [
        Guard(name="pii", action=action, on_error="block", text=Engine(), replacement="[x]"),
        Guard(name="words", action=action, on_error="block", text=KeywordGuard({"w": ["bomb"]}), replacement="[y]"),
    ]
    return Screen(guards, Placeholders(), Placeholders())


def relay(action: Action, surface: Surface = "chat_completions", *, waits: bool = False) -> GuardedRelay:
    inner = EventRelay(strip_usage=False, max_event_bytes=1 << 20, record_limit=0)
    return GuardedRelay(
        inner, stream_format(surface), screen(action), hold_back=60, record_limit=1 << 20, waits=waits, keeps_text=True
    )


def chat(text: str, index: int = 0, **more: object) -> bytes:
    choice = {"index": index, "delta": {"content": text}, "finish_reason": None}
    return b"data: %b\n\n" % orjson.dumps({"id": "c", "choices": [choice], **more})


def said(events: bytes, index: int = 0) -> str:
    text = ""
    for line in events.split(b"\n"):
        if line.startswith(b"data: {"):
            choice = cast("dict[str, list[dict[str, object]]]", orjson.loads(line[6:]))["choices"][0]
            if choice["index"] == index:
                text += cast("dict[str, str]", choice["delta"]).get("content", "")
    return text


def singly(guarded: GuardedRelay, events: Sequence[bytes]) -> bytes:
    return b"".join(guarded.feed(event) for event in events) + guarded.finish()


def together(guarded: GuardedRelay, events: Sequence[bytes]) -> bytes:
    """In one chunk, so that each event is parsed."""
    return guarded.feed(b"".join(events)) + guarded.finish()


@given(st.lists(PIECES, max_size=60), st.sampled_from(["mask", "replace", "block", "observe"]))
@settings(deadline=None, max_examples=200)
def test_the_same_as_if_each_had_been_parsed(pieces: list[str], action: Action) -> None:
    events = [*(chat(piece) for piece in pieces), END]
    one, other = relay(action), relay(action)
    assert said(singly(one, events)) == said(together(other, events))
    assert (one.text, one.blocked) == (other.text, other.blocked)
    assert said(one.head()) == said(other.head())


@given(
    st.lists(PIECES, min_size=40, max_size=90),
    st.lists(st.sampled_from([1, 1, 1, 2, 5]), min_size=20, max_size=60),
    st.sampled_from(["mask", "replace", "block", "observe"]),
)
@settings(deadline=None, max_examples=200)
def test_chunks_of_several_events(pieces: list[str], sizes: list[int], action: Action) -> None:
    events = [*(chat(piece) for piece in pieces), END]
    chunks: list[bytes] = []
    place = 0
    for size in [*sizes, len(events)]:
        chunks.append(b"".join(events[place : place + size]))
        place += size
    one, other = relay(action), relay(action)
    assert said(singly(one, chunks)) == said(together(other, events))
    assert one.text.startswith(other.text) if one.blocked else one.text == other.text


@given(st.lists(st.tuples(PIECES, st.integers(0, 1)), max_size=60), st.sampled_from(["mask", "observe"]))
@settings(deadline=None, max_examples=100)
def test_two_choices_in_turn(pieces: list[tuple[str, int]], action: Action) -> None:
    events = [*(chat(piece, index) for piece, index in pieces), END]
    one, other = singly(relay(action), events), together(relay(action), events)
    assert [said(one, 0), said(one, 1)] == [said(other, 0), said(other, 1)]


@given(st.lists(PIECES, max_size=40))
@settings(deadline=None, max_examples=100)
def test_events_with_a_field_that_varies(pieces: list[str]) -> None:
    events = [*(chat(piece, obfuscation="x" * n) for n, piece in enumerate(pieces)), END]
    assert said(singly(relay("mask"), events)) == said(together(relay("mask"), events))


def test_untouched_runs_leave_byte_for_byte_and_in_order() -> None:
    events = [*(chat(f"word {n} ") for n in range(80)), b": comment\n\n", *(chat(f"w{n} ") for n in range(80)), END]
    assert singly(relay("mask"), events) == b"".join(events)
    assert relay("mask", waits=True).feed(b"".join(events)) == b""


def test_a_match_across_events_of_one_shape() -> None:
    text = "Write to taro@example.com today. " * 6
    out = said(singly(relay("replace"), [*(chat(character) for character in text), END]))
    assert out == text.replace("taro@example.com", "[x]")


@pytest.mark.parametrize("seed", range(20))
def test_a_match_across_chunks_of_any_size(seed: int) -> None:
    text = ("words go by here " * 6 + "taro@example.com and more ") * 4
    events = [*(chat(text[i : i + 3]) for i in range(0, len(text), 3)), END]
    sizes = random.Random(seed).choices([1, 1, 1, 1, 2, 3], k=len(events))
    places = [0, *accumulate(sizes)]
    chunks = [b"".join(events[a:b]) for a, b in pairwise(places)]
    assert said(singly(relay("replace"), chunks)) == text.replace("taro@example.com", "[x]")


def test_text_beside_arguments_that_wait() -> None:
    """Observing guards release at once, but not past a tool call that is held until it is complete."""
    call = {"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}}
    tool = b"data: %b\n\n" % orjson.dumps({"id": "c", "choices": [call]})
    guarded = relay("observe")
    events = [chat("a", 1), chat("b", 1), tool, chat("c", 1), chat("d", 1), chat("e", 1)]
    assert [bool(guarded.feed(event)) for event in events] == [True, True, False, False, False, False]
    assert said(guarded.feed(END), 1) == "cde"


def test_messages_count_what_was_not_read() -> None:
    def delta(text: str) -> bytes:
        event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        return b"event: content_block_delta\ndata: %b\n\n" % orjson.dumps(event)

    guarded = relay("block", "messages")
    out = b"".join(guarded.feed(delta("word ")) for _ in range(100)) + guarded.feed(delta("bomb ")) + guarded.finish()
    assert guarded.blocked
    assert b'"stop_reason":"refusal"' in out
    usage = cast(
        "dict[str, dict[str, int]]", orjson.loads(out[out.index(b'{"type":"message_delta"') :].split(b"\n")[0])
    )
    assert usage["usage"]["output_tokens"] == (100 * 5 + 5) // 4


def test_what_a_shape_learns() -> None:
    channel = HeldChannel(screen("mask"), 60)
    shape = learn_shape(chat("hi"), "content", "hi", channel, is_visible=True)
    assert shape is not None
    assert shape.text_of(chat("hello")) == "hello"
    assert shape.with_text('a"b') == chat('a"b')
    for other in (chat('a"b'), chat(""), chat("x", 1), chat("x") + chat("y"), chat("x").replace(b"x", b"\xff"), b""):
        assert shape.text_of(other) == ""
    twice = b'data: {"choices":[{"delta":{"content":"hi"},"message":{"content":"hi"}}]}\n\n'
    assert learn_shape(twice, "content", "hi", channel, is_visible=True) is None
    assert learn_shape(chat("hi", logprobs={"content": []}), "content", "hi", channel, is_visible=True) is None
