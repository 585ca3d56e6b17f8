"""What makes two requests the same, and what makes two questions comparable."""

from typing import Any

import pytest

from kaname.gateway.cache.key import frame_of, question_of, request_key

FRAME = frame_of("prj", "key", "key_1", "bot", "0/", "v1")
BODY = {"model": "bot", "messages": [{"role": "user", "content": "hi"}], "temperature": 0}


def key(body: dict[str, Any] | None = None, frame: bytes = FRAME, headers: dict[bytes, bytes] | None = None) -> Any:
    return request_key(frame, "chat_completions", {**BODY, **(body or {})}, headers or {})


@pytest.mark.parametrize("field", ["stream", "stream_options", "user", "metadata", "store", "safety_identifier"])
def test_delivery_and_asker_don_t_count(field: str) -> None:
    assert key({field: "x"}) == key()


@pytest.mark.parametrize("body", [{"temperature": 1}, {"model": "other"}, {"tools": []}, {"seed": 1}, {"n": 2}])
def test_everything_else_counts(body: dict[str, Any]) -> None:
    assert key(body) != key()


def test_the_order_of_keys_doesn_t_count() -> None:
    swapped = dict(reversed(BODY.items()))
    assert request_key(FRAME, "chat_completions", swapped, {}) == key()


def test_the_parts_of_a_frame_don_t_run_into_each_other() -> None:
    assert frame_of("ab", "c") != frame_of("a", "bc")
    assert key(frame=frame_of("prj2", "key", "key_1", "bot", "0/", "v1")) != key()


def test_the_version_of_messages_counts() -> None:
    keys = {
        request_key(FRAME, "messages", dict(BODY), {b"anthropic-beta": beta}) for beta in (b"", b"x-2026", b"y-2026")
    }
    assert len(keys) == 3


def test_what_is_too_deep_to_write_has_no_key() -> None:
    deep: list[Any] = []
    for _ in range(400):
        deep = [deep]
    assert key({"deep": deep}) is None


def chat(*turns: tuple[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": role, "content": content} for role, content in turns], **more}


def test_the_last_user_turn_is_the_question() -> None:
    question = question_of("chat_completions", chat(("system", "Be brief."), ("user", "What  is\n this?")))
    assert question is not None
    assert question.text == "What is this?"
    again = question_of("chat_completions", chat(("system", "Be brief."), ("user", [{"type": "text", "text": "Hm?"}])))
    assert again is not None
    assert again.rest == question.rest


@pytest.mark.parametrize(
    "other",
    [
        chat(("system", "Be long."), ("user", "What?")),
        chat(("user", "What?")),
        chat(("system", "Be brief."), ("user", "What?"), temperature=1),
        chat(("system", "Be brief."), ("user", "What?"), tools=[{"type": "function"}]),
        chat(("system", "Be brief."), ("user", "Earlier"), ("assistant", "Yes"), ("user", "What?")),
    ],
)
def test_the_rest_must_be_equal(other: dict[str, Any]) -> None:
    one = question_of("chat_completions", chat(("system", "Be brief."), ("user", "What?")))
    two = question_of("chat_completions", other)
    assert one is not None
    assert two is not None
    assert one.rest != two.rest


@pytest.mark.parametrize(
    "body",
    [
        chat(("user", "a?"), ("assistant", "b"), ("user", "c?"), ("assistant", "d"), ("user", "what?")),
        chat(("user", "what?"), ("assistant", "that")),
        chat(("user", [{"type": "image_url", "image_url": {}}])),
        chat(("user", [{"type": "text", "text": "this?"}, {"type": "image_url", "image_url": {}}])),
        chat(("user", "?")),
        chat(("user", "x" * 9000)),
        {"model": "m", "messages": ["what?"]},
        {"model": "m", "messages": []},
    ],
)
def test_some_requests_ask_nothing_comparable(body: dict[str, Any]) -> None:
    assert question_of("chat_completions", body) is None


def test_other_surfaces() -> None:
    assert question_of("embeddings", {"input": "what is this?"}) is None
    text = question_of("responses", {"input": "what is this?"})
    turns = question_of(
        "responses", {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hm, so?"}]}]}
    )
    assert text is not None
    assert turns is not None
    assert turns.text == "Hm, so?"
