"""A stream under guards gives the same text however it is split, and the same as the whole text would."""

from collections.abc import Sequence
from typing import cast

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaname.gateway.guardrails.channel import HeldChannel, screen_json, screen_text
from kaname.gateway.guardrails.keywords import KeywordGuard
from kaname.gateway.guardrails.model import Action, Guard, TextGuard
from kaname.gateway.guardrails.relay import GuardedRelay
from kaname.gateway.guardrails.screen import Screen
from kaname.gateway.guardrails.stream_formats import stream_format
from kaname.gateway.stream import EventRelay
from kaname.kernel.errors import UnavailableError
from kaname.privacy.engine import Engine
from kaname.privacy.model import Finding
from kaname.privacy.placeholders import Edit, Placeholders, apply_edits

WORDS = st.sampled_from(
    [
        "taro@example.com", "090-1234-5678", "4111 1111 1111 1111", "<EMAIL_1>", "<EMAIL_2>", "<EMA", "hello", "です。",
        "\n", "「はい」", "電話", "order number", "123-45-6789", "２０２４年", "https://u:p4ss@host/x", "word " * 9,
        "😀", "１２３",
    ]
)  # fmt: skip
TEXTS = st.lists(WORDS, max_size=24).map(" ".join)
HOLD_BACK = 200


def guard(text: TextGuard, action: Action = "mask", on_error: str = "block") -> Guard:
    return Guard(name="g", action=action, on_error=on_error, text=text, replacement="[x]")  # type: ignore[arg-type]


def kept() -> Placeholders:
    """The call hid one address."""
    placeholders = Placeholders()
    assert placeholders.token("EMAIL", "hanako@example.org") == "<EMAIL_1>"
    return placeholders


def screen(action: Action = "mask", *, restores: bool = True) -> Screen:
    return Screen([guard(Engine(), action)], kept(), Placeholders(), restores=restores)


def split(text: str, cuts: Sequence[int]) -> list[str]:
    places = sorted({min(cut, len(text)) for cut in cuts})
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True) if a < b]


def chunk(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: %b\n\n" % orjson.dumps({"id": "c", "object": "chat.completion.chunk", "choices": [choice]})


END = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def relay(of: Screen, *, waits: bool = False) -> GuardedRelay:
    inner = EventRelay(strip_usage=False, max_event_bytes=1 << 20, record_limit=0)
    return GuardedRelay(
        inner, stream_format("chat_completions"), of, hold_back=HOLD_BACK, record_limit=1 << 20, waits=waits
    )


def said(events: bytes) -> str:
    text = ""
    for line in events.split(b"\n"):
        if line.startswith(b"data: {"):
            document = cast("dict[str, list[dict[str, dict[str, str]]]]", orjson.loads(line[6:]))
            text += document["choices"][0].get("delta", {}).get("content", "")
    return text


def stream(text: str, cuts: Sequence[int], of: Screen) -> tuple[str, str]:
    """What the client and the record get."""
    guarded = relay(of)
    out = b"".join(guarded.feed(chunk(piece)) for piece in split(text, cuts)) + guarded.feed(END) + guarded.finish()
    return said(out), said(guarded.head())


@given(TEXTS, st.lists(st.integers(0, 600), max_size=30))
@settings(deadline=None, max_examples=150)
def test_splitting_changes_nothing(text: str, cuts: list[int]) -> None:
    whole = stream(text, [], screen())
    assert stream(text, cuts, screen()) == whole
    assert stream(text, range(len(text)), screen()) == whole
    assert screen_text(screen(), text, HOLD_BACK) == (whole[1], whole[0])


@given(TEXTS)
@settings(deadline=None, max_examples=150)
def test_a_stream_is_masked_like_the_whole(text: str) -> None:
    findings = Engine().find(text)
    masks = Placeholders()
    expected = apply_edits(text, _edits(text, findings, masks))
    assert screen_text(screen(restores=False), text, HOLD_BACK)[0] == expected


def _edits(text: str, findings: list[Finding], masks: Placeholders) -> list[Edit]:
    one = Screen([guard(Engine())], Placeholders(), masks)
    edits = [one.accept_finding(0, finding, text[finding.start : finding.end]) for finding in findings]
    return [edit for edit in edits if edit is not None]


@given(TEXTS, st.lists(st.integers(0, 600), max_size=30))
@settings(deadline=None, max_examples=80)
def test_restoring_alone_waits_for_nothing_but_half_a_placeholder(text: str, cuts: list[int]) -> None:
    only = Screen((), kept(), restores=True)
    client, recorded = stream(text, cuts, only)
    assert client == text.replace("<EMAIL_1>", "hanako@example.org")
    assert recorded == text
    guarded = relay(only)
    assert guarded.feed(chunk("at once")) == chunk("at once")


@given(TEXTS, st.lists(st.integers(0, 600), max_size=30))
@settings(deadline=None, max_examples=80)
def test_a_blocked_stream_shows_nothing_of_what_was_found(text: str, cuts: list[int]) -> None:
    of = screen("block", restores=False)
    client, _ = stream(text, cuts, of)
    findings = Engine().find(text)
    assert (of.blocked_by is not None) == bool(findings)
    assert text.startswith(client)
    if findings:
        assert len(client) <= findings[0].start


@given(TEXTS, st.lists(st.integers(0, 600), max_size=10))
@settings(deadline=None, max_examples=60)
def test_observing_holds_nothing_back(text: str, cuts: list[int]) -> None:
    of = screen("observe", restores=False)
    guarded = relay(of)
    for piece in split(text, cuts):
        assert guarded.feed(chunk(piece)) == chunk(piece)
    guarded.feed(END)
    counted = of.records("stream")[0]
    assert (counted.action == "observe") == bool(Engine().find(text))


def test_untouched_events_leave_byte_for_byte() -> None:
    guarded = relay(screen())
    odd = b': comment\n\ndata:  {"choices": [{"delta": {"content" : "caf\\u00e9"}, "index":0}], "x": 1.0}\n\n'
    assert guarded.feed(odd) + guarded.feed(END) == odd + END


def test_a_match_longer_than_the_hold_back() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA7abc/+\n" * 60 + "-----END PRIVATE KEY-----"
    of = Screen([guard(Engine(["SECRET"]), "replace")], Placeholders())
    assert stream(f"key: {pem} done", range(0, 2000, 7), of)[0] == "key: [x] done"


def test_arguments_stay_json() -> None:
    placeholders = Placeholders()
    token = placeholders.token("EMAIL", 'a"b\\c')
    of = Screen((), placeholders, restores=True)
    masked, client = screen_json(of, orjson.dumps({"to": token}).decode())
    assert orjson.loads(client) == {"to": 'a"b\\c'}
    assert orjson.loads(masked) == {"to": token}
    assert orjson.loads(screen_json(of, '{"to": "\\u003cEMAIL_1\\u003e"}')[1]) == {"to": 'a"b\\c'}


def test_logprobs_go_with_the_text_they_repeat() -> None:
    guarded = relay(screen())
    choice = {"index": 0, "delta": {"content": "taro@example.com"}, "logprobs": {"content": [{"token": "taro@"}]}}
    out = guarded.feed(b"data: %b\n\n" % orjson.dumps({"choices": [choice]})) + guarded.feed(END)
    assert b"taro" not in out


class Broken:
    def find(self, text: str) -> list[Finding]:
        raise ValueError("defect")


def test_a_guard_that_fails() -> None:
    with pytest.raises(UnavailableError) as caught:
        stream("x" * 500, [], Screen([guard(Broken())], Placeholders()))
    assert caught.value.code == "guardrail_failed"
    lenient = Screen([guard(Broken(), on_error="allow")], Placeholders())
    assert stream("x" * 500, [], lenient)[0] == "x" * 500
    assert lenient.records("stream")[0].action == "error"


def test_two_guards_on_one_place() -> None:
    words = guard(KeywordGuard({"name": ["taro"]}), "replace")
    both = Screen([words, guard(Engine())], Placeholders())
    masked, _ = screen_text(both, "taro@example.com and taro", 200)
    assert masked == "[x]@example.com and [x]"
    assert [r.reason for r in both.records("output")] == ["2 × name", "1 × EMAIL"]


def test_a_channel_counts_each_finding_once() -> None:
    of = screen(restores=False)
    channel = HeldChannel(of, 60)
    for character in "mail a@example.com and b@example.com " * 20:
        channel.add(character)
    channel.finish()
    assert of.records("stream")[0].reason == "40 × EMAIL"
    assert len(channel.edits) == 40
