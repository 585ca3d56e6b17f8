"""Clients of the older completions before targets that only chat: prompts into the hub, texts out of it."""

from collections.abc import Mapping

import openai.types
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.cache.forms.completions import to_answer
from kaname.gateway.dialects.anthropic.codec import MessagesCodec
from kaname.gateway.dialects.anthropic.stream import MessagesDecoder
from kaname.gateway.dialects.chat.decoder import ChatDecoder
from kaname.gateway.dialects.completions_surface.codec import CompletionsSurface
from kaname.gateway.dialects.model import Document
from kaname.gateway.openai_errors import WireError
from kaname.kernel.errors import InvalidInputError, UpstreamError
from unit.gateway.dialects.wire_data import DATA, cases, chunks_of, events_of, written

SURFACE = CompletionsSurface()
TEXT = (DATA / "openai" / "text.sse").read_bytes()
CLAUDE = (DATA / "anthropic" / "tools.sse").read_bytes()


def surface(**request: object) -> CompletionsSurface:
    return SURFACE.for_request({"model": "m", "prompt": "Say: ", **request})


def said(stream: bytes) -> list[Document]:
    events = events_of(stream)
    assert events[-1] == ("", {})
    return [document for _, document in events[:-1]]


@pytest.mark.parametrize("case", cases("openai/completions_to_chat.json"), ids=lambda case: case["name"])
def test_requests(case: Document) -> None:
    encoded = SURFACE.decode_request(case["completions"])
    assert encoded.document == case["chat"]
    assert encoded.warnings == case["warnings"]


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"prompt": ["a", "b"]}, "prompt", "unsupported_parameter"),
        ({"prompt": [1, 2, 3]}, "prompt", "unsupported_parameter"),
        ({"prompt": [[1, 2], [3]]}, "prompt", "unsupported_parameter"),
        ({"prompt": [None]}, "prompt[0]", "invalid_input"),
        ({"prompt": ""}, "prompt", "invalid_input"),
        ({"prompt": " \n"}, "prompt", "invalid_input"),
        ({"prompt": []}, "prompt", "unsupported_parameter"),
        ({"suffix": "the end"}, "suffix", "unsupported_parameter"),
        ({"suffix": 1}, "suffix", "invalid_input"),
        ({"logprobs": 0}, "logprobs", "unsupported_parameter"),
        ({"logprobs": 5}, "logprobs", "unsupported_parameter"),
        ({"echo": "yes"}, "echo", "invalid_input"),
        ({"best_of": 0}, "best_of", "invalid_input"),
        ({"max_tokens": 0}, "max_tokens", "invalid_input"),
        ({"temperature": "hot"}, "temperature", "invalid_input"),
    ],
)
def test_what_a_chat_cant_do_is_refused_with_its_path(change: Document, param: str, code: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        SURFACE.decode_request({"model": "m", "prompt": "Hi", **change})
    assert (refused.value.param, refused.value.code) == (param, code)


def test_several_answers_are_left_to_the_target() -> None:
    chat = SURFACE.decode_request({"model": "m", "prompt": "Hi", "n": 2}).document
    with pytest.raises(InvalidInputError) as refused:
        MessagesCodec().encode_request(chat, "claude-opus-4-7", stream=False, strict=False)
    assert refused.value.param == "n"


# ---- answers


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("tool_calls", "stop")],
)
def test_an_answer_is_text(finish: str, reason: str) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    message = {"role": "assistant", "content": "hello", "reasoning_content": "I think"}
    chat = {
        "id": "chatcmpl-9", "created": 7, "model": "x", "usage": usage,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }  # fmt: skip
    answer = SURFACE.encode_response(chat)
    assert answer == {
        "id": "cmpl-9", "object": "text_completion", "created": 7, "model": "x", "usage": usage,
        "choices": [{"index": 0, "text": "hello", "logprobs": None, "finish_reason": reason}],
    }  # fmt: skip
    openai.types.Completion.model_validate(answer, strict=True)


def test_echo_stands_before_every_answer_and_a_refusal_is_text() -> None:
    choices = [
        {"index": 0, "message": {"content": "one"}, "finish_reason": "stop"},
        {"index": 1, "message": {"content": None, "refusal": "no"}, "finish_reason": "stop"},
    ]
    answer = surface(echo=True).encode_response({"choices": choices})
    assert [choice["text"] for choice in answer["choices"]] == ["Say: one", "Say: no"]
    assert answer["created"]
    assert answer["id"] != surface().encode_response({"choices": choices})["id"]


@pytest.mark.parametrize("chat", [{}, {"choices": []}, {"choices": "x"}, {"choices": [1]}])
def test_an_answer_without_choices_is_none(chat: Document) -> None:
    with pytest.raises(UpstreamError) as failed:
        SURFACE.encode_response(chat)
    assert failed.value.code == "upstream_invalid_response"


# ---- streams


@pytest.mark.parametrize("include_usage", [True, False])
@pytest.mark.parametrize("echo", [True, False])
def test_a_stream_says_the_same(echo: bool, include_usage: bool) -> None:
    options: Mapping[str, object] = {"stream": True, "stream_options": {"include_usage": include_usage}, "echo": echo}
    chunks = chunks_of(TEXT, ChatDecoder())
    stream = written(chunks, surface(**options).stream_encoder("alias"))
    documents = said(stream)
    for document in documents:  # the SDK's type knows only the last piece's reason, the API sends null before
        choices = [{**choice, "finish_reason": choice["finish_reason"] or "stop"} for choice in document["choices"]]
        openai.types.Completion.model_validate({**document, "choices": choices}, strict=True)
    assert len({(document["id"], document["created"], document["model"]) for document in documents}) == 1
    assert ("usage" in documents[-1], documents[-1]["choices"] == []) == (include_usage, include_usage)
    assert sum("usage" in document for document in documents) == include_usage
    answer = to_answer(stream)
    content = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert answer["choices"][0]["text"] == ("Say: " if echo else "") + content
    reasons = [choice["finish_reason"] for document in documents for choice in document["choices"]]
    assert [reason for reason in reasons if reason] == ["stop"]


def test_what_isnt_text_makes_no_event() -> None:
    stream = written(chunks_of(CLAUDE, MessagesDecoder()), surface().stream_encoder("alias"))
    choices = [document["choices"][0] for document in said(stream)]
    assert [(choice["text"], choice["finish_reason"]) for choice in choices] == [("Okay", None), ("", "stop")]


def test_a_failed_stream_ends_with_its_error() -> None:
    encoder = surface().stream_encoder("alias")
    for chunk in chunks_of(TEXT, ChatDecoder())[:2]:
        encoder.feed(chunk)
    [(_, document)] = events_of(encoder.error(WireError(502, "upstream_error", "upstream_cut", "It ended.", None, [])))
    assert document["error"]["code"] == "upstream_cut"


ODD = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=4), st.just([]), st.just([{}]))
FIELDS = (
    "prompt", "suffix", "echo", "best_of", "logprobs", "n", "stop", "max_tokens", "temperature", "stream",
    "stream_options", "user", "seed",
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(FIELDS), ODD), st.booleans())
def test_whatever_is_sent_is_translated_or_refused(odd: Document, prompted: bool) -> None:
    document = {"model": "m", **odd, **({"prompt": "Hi"} if prompted else {})}
    before = orjson.dumps(document)
    try:
        chat = SURFACE.decode_request(document).document
        assert orjson.dumps(chat)
        SURFACE.for_request(document)
        MessagesCodec().encode_request(chat, "claude-opus-4-7", stream=False, strict=False)
    except InvalidInputError as e:
        assert e.param
    assert orjson.dumps(document) == before


@given(ODD, st.sampled_from(["choices", "usage", "id", "created", "model"]))
def test_odd_chunks_break_nothing(odd: object, name: str) -> None:
    chunk = chunks_of(TEXT, ChatDecoder())[1]
    encoder = surface(echo=True).stream_encoder("alias")
    stream = encoder.feed({**chunk, name: odd}) + encoder.feed(chunk) + encoder.finish()
    assert said(stream)
