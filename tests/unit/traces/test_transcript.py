"""Transcripts: each message once although every generation repeats its history."""

import json

from hypothesis import given
from hypothesis import strategies as st

from kaname.traces.transcript import MAX_TURNS, build_transcript


def message(role: str, text: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def generation(n: int, inputs: list[dict[str, object]], output: str = "") -> dict[str, object]:
    outputs = [message("assistant", output)] if output else []
    return {
        "trace_id": "t",
        "span_id": f"s{n}",
        "start_ns": n * 10**9,
        "duration_ns": 10**8,
        "model": "m",
        "output_tokens": 7,
        "input_format": "messages",
        "output_format": "messages",
        "input": json.dumps(inputs),
        "output": json.dumps(outputs),
        "input_preview": "in",
        "output_preview": "out",
    }


def texts(turns: list[dict[str, object]]) -> list[str]:
    return [t["parts"][0]["content"] for t in turns]  # type: ignore[index]


def test_a_growing_history_shows_only_what_is_new() -> None:
    system, first, second = message("system", "be kind"), message("user", "one"), message("user", "two")
    turns, cut = build_transcript(
        [
            generation(1, [system, first], "ein"),
            generation(2, [system, first, message("assistant", "ein"), second], "zwei"),
        ]
    )
    assert texts(turns) == ["be kind", "one", "ein", "two", "zwei"]
    assert [t["span_id"] for t in turns] == ["s1", "s1", "s1", "s2", "s2"]
    assert not cut
    assert [t["tokens"] for t in turns] == [0, 0, 7, 0, 7]


def test_saying_the_same_twice_is_shown_twice() -> None:
    yes = message("user", "yes")
    turns, _ = build_transcript(
        [
            generation(1, [yes], "sure?"),
            generation(2, [yes, message("assistant", "sure?"), yes], "done"),
        ]
    )
    assert texts(turns) == ["yes", "sure?", "yes", "done"]


def test_dropped_beginnings_and_a_changed_system_prompt_do_not_repeat_everything() -> None:
    a, b, c = message("user", "a"), message("user", "b"), message("user", "c")
    turns, _ = build_transcript(
        [
            generation(1, [message("system", "s1"), a], "A"),
            generation(2, [message("system", "s1"), a, message("assistant", "A"), b], "B"),
            generation(3, [message("assistant", "A"), b, message("assistant", "B"), c], "C"),
        ]
    )
    assert texts(turns) == ["s1", "a", "A", "b", "B", "c", "C"]


def test_a_retry_of_the_same_input_shows_its_output_only() -> None:
    a = message("user", "a")
    turns, _ = build_transcript([generation(1, [a]), generation(2, [a], "A")])
    assert texts(turns) == ["a", "A"]


def test_history_is_kept_and_marked_when_asked_for() -> None:
    a = message("user", "a")
    rows = [generation(1, [a], "A"), generation(2, [a, message("assistant", "A"), message("user", "b")], "B")]
    turns, _ = build_transcript(rows, with_history=True)
    assert [(t["is_new"]) for t in turns] == [True, True, False, False, True, True]


def test_plain_text_is_one_message() -> None:
    row = generation(1, []) | {"input": "hello", "input_format": "text", "output": "hi", "output_format": "text"}
    turns, _ = build_transcript([row])
    assert [(t["role"], t["parts"]) for t in turns] == [
        ("user", [{"type": "text", "content": "hello"}]),
        ("assistant", [{"type": "text", "content": "hi"}]),
    ]


def test_a_cut_payload_is_shown_by_its_preview() -> None:
    row = generation(1, []) | {"input": '[{"role":"user","parts":[{"ty', "output": ""}
    turns, _ = build_transcript([row])
    assert texts(turns) == ["in"]


def test_it_is_bounded() -> None:
    rows = [generation(n, [message("user", f"q{n}")], f"a{n}") for n in range(MAX_TURNS)]
    turns, cut = build_transcript(rows)
    assert len(turns) == MAX_TURNS
    assert cut


@given(st.lists(st.text(max_size=5), min_size=1, max_size=12))
def test_a_conversation_comes_back_whole(said: list[str]) -> None:
    """Whatever is said, repeated or not, the transcript is the conversation."""
    history: list[dict[str, object]] = []
    rows: list[dict[str, object]] = []
    for n, text in enumerate(said):
        history.append(message("user", text))
        rows.append(generation(n, list(history), f"answer {n}"))
        history.append(message("assistant", f"answer {n}"))
    turns, _ = build_transcript(rows)
    assert [(t["role"], t["parts"]) for t in turns] == [(m["role"], m["parts"]) for m in history]
