"""A whole answer, its stream, and back: whoever asks how gets the same content."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.cache.forms import chat, completions, messages, responses
from kaname.gateway.cache.forms.pieces import documents, pieces
from kaname.gateway.cache.model import CachedAnswer
from kaname.gateway.cache.replay import give, keep
from kaname.gateway.dialects.passed_streams import read_messages_end, read_responses_end
from unit.gateway.dialects.wire_data import DATA

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
names = st.text("abc_", min_size=1, max_size=8)
json_objects = st.dictionaries(names, st.one_of(texts, st.integers(-9, 9), st.booleans(), st.none()), max_size=3)
USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


@st.composite
def chat_answers(draw: st.DrawFn) -> dict[str, Any]:
    choices = []
    for index in range(draw(st.integers(1, 3))):
        message: dict[str, Any] = {"role": "assistant", "content": draw(st.one_of(st.none(), texts))}
        for key in ("reasoning_content", "refusal"):
            if draw(st.booleans()):
                message[key] = draw(texts.filter(bool))
        if draw(st.booleans()):
            message["annotations"] = [{"type": "url_citation", "n": 1}]
        if draw(st.booleans()):
            message["thinking_blocks"] = [{"type": "thinking", "thinking": draw(texts), "signature": "c2ln"}]
        calls = draw(st.lists(st.tuples(names, texts), max_size=3))
        if calls:
            message["tool_calls"] = [
                {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
                for i, (name, arguments) in enumerate(calls)
            ]
            message["content"] = message["content"] or None
        logprobs = {"content": [{"token": "a", "logprob": -0.5}], "refusal": None} if draw(st.booleans()) else None
        finish = draw(st.sampled_from(["stop", "length", "tool_calls"]))
        choices.append({"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish})
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1764000000, "model": "m"}
    return {**head, "system_fingerprint": "fp", "choices": choices}


@given(chat_answers())
def test_chat_completions_survive(answer: dict[str, Any]) -> None:
    stream = chat.to_stream(answer)
    assert chat.to_answer(stream) == answer
    assert chat.to_answer(chat.to_stream(chat.to_answer(stream))) == answer
    assert stream.endswith(b"data: [DONE]\n\n")
    ids = {(chunk["id"], chunk["created"], chunk["object"]) for chunk in documents(stream)}
    assert ids == {("chatcmpl-1", 1764000000, "chat.completion.chunk")}


@given(st.lists(texts, min_size=1, max_size=3))
def test_completions_survive(said: list[str]) -> None:
    choices = [{"index": i, "text": text, "logprobs": None, "finish_reason": "stop"} for i, text in enumerate(said)]
    answer = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": choices}
    assert completions.to_answer(completions.to_stream(answer)) == answer


blocks = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, texts),
    st.builds(lambda text: {"type": "text", "text": text, "citations": [{"cited_text": "x"}]}, texts),
    st.builds(lambda text: {"type": "thinking", "thinking": text, "signature": "c2ln"}, texts),
    st.builds(lambda data: {"type": "redacted_thinking", "data": data}, names),
    st.builds(lambda name, values: {"type": "tool_use", "id": "t", "name": name, "input": values}, names, json_objects),
)


@given(st.lists(blocks, max_size=4))
def test_messages_survive(content: list[dict[str, Any]]) -> None:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "c", "content": content}
    usage = {"input_tokens": 9, "cache_read_input_tokens": 2, "output_tokens": 30}
    answer = {**head, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
    stream = messages.to_stream(answer)
    assert messages.to_answer(stream) == answer
    end = read_messages_end(stream, stream)
    assert (end.done, end.finish_reasons) == (True, ["end_turn"])
    assert orjson.loads(end.usage) == usage


parts = st.one_of(
    st.builds(lambda text: {"type": "output_text", "text": text, "annotations": [], "logprobs": []}, texts),
    st.builds(lambda text: {"type": "refusal", "refusal": text}, texts),
)
items = st.one_of(
    st.builds(
        lambda content: {
            "id": "msg_1",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": content,
        },
        st.lists(parts, min_size=1, max_size=2),
    ),
    st.builds(
        lambda name, arguments: {
            "id": "fc_1",
            "type": "function_call",
            "status": "completed",
            "call_id": "call_1",
            "name": name,
            "arguments": arguments,
        },
        names,
        texts,
    ),
    st.builds(
        lambda text: {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": text}]}, texts
    ),
    st.just({"id": "ws_1", "type": "web_search_call", "status": "completed"}),
)


@given(st.lists(items, max_size=3))
def test_responses_survive(output: list[dict[str, Any]]) -> None:
    answer = {"id": "resp_1", "object": "response", "status": "completed", "output": output, "usage": {"x": 1}}
    stream = responses.to_stream(answer)
    assert responses.to_answer(stream) == answer
    events = list(documents(stream))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    for kind, field, item_type in (
        ("response.function_call_arguments.delta", "arguments", "function_call"),
        ("response.output_text.delta", None, "message"),
    ):
        joined = "".join(str(event["delta"]) for event in events if event["type"] == kind)
        expected = "".join(
            item[field] if field else "".join(part.get("text", "") for part in item["content"])
            for item in output
            if item["type"] == item_type
        )
        assert joined == expected
    assert read_responses_end(stream, stream).done


@given(st.text(max_size=5000))
def test_pieces_are_the_text_in_few_parts(text: str) -> None:
    cut = list(pieces(text))
    assert "".join(cut) == text
    assert len(cut) <= 64


CHAT_STREAMS = [path for path in (DATA / "openai").glob("*.sse") if b"chat.completion.chunk" in path.read_bytes()]


@pytest.mark.parametrize("name", sorted(path.name for path in CHAT_STREAMS))
def test_recorded_chat_streams_are_whole_answers(name: str) -> None:
    stream = (DATA / "openai" / name).read_bytes()
    answer = chat.to_answer(stream)
    assert chat.to_answer(chat.to_stream(answer)) == answer
    assert answer["choices"]


@pytest.mark.parametrize("name", sorted(path.name for path in (DATA / "anthropic").glob("*.sse")))
def test_recorded_message_streams_are_whole_answers(name: str) -> None:
    answer = messages.to_answer((DATA / "anthropic" / name).read_bytes())
    assert messages.to_answer(messages.to_stream(answer)) == answer


def kept(surface: Any, form: Any, body: bytes, usage: dict[str, Any] | None = None) -> CachedAnswer:
    found = keep(surface, form, body)
    assert found is not None
    return CachedAnswer(
        project_id="p", surface=surface, format=found.format, body=found.body, span_id="s", created_s=0, expires_s=9,
        usage=orjson.dumps(usage) if usage else b"",
    )  # fmt: skip


CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
SAID = [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]
STREAM = b"".join(
    b"data: %b\n\n" % orjson.dumps({**CHUNK, **more})
    for more in ({"choices": SAID, "usage": None}, {"choices": [], "usage": USAGE})
)


def test_usage_is_shown_to_whoever_asked_for_it() -> None:
    answer = kept("chat_completions", "sse", STREAM, USAGE)
    silent = list(documents(give(answer, {}, stream=True, wants_usage=False)))
    asked = list(documents(give(answer, {}, stream=True, wants_usage=True)))
    assert [chunk["choices"] for chunk in silent] == [SAID]
    assert asked[:-1] == silent
    assert asked[-1] == {**CHUNK, "choices": [], "usage": USAGE}
    assert give(answer, {}, stream=True, wants_usage=True).endswith(b"data: [DONE]\n\n")
    assert orjson.loads(give(answer, {}, stream=False, wants_usage=False))["usage"] == USAGE


def test_a_responses_answer_repeats_the_caller_s_own_metadata() -> None:
    stored = {"id": "resp_1", "status": "completed", "output": [], "metadata": {"who": "alice"}, "user": "alice"}
    answer = kept("responses", "json", orjson.dumps(stored))
    again = orjson.loads(give(answer, {"metadata": {"who": "bob"}}, stream=False, wants_usage=False))
    assert (again["metadata"], again["user"]) == ({"who": "bob"}, None)
    streamed = give(answer, {}, stream=True, wants_usage=False)
    assert b"alice" not in streamed


@pytest.mark.parametrize(("surface", "body"), [("responses", b"event: x\ndata: {}\n\n"), ("messages", b": ping\n\n")])
def test_a_stream_that_says_nothing_isn_t_kept(surface: Any, body: bytes) -> None:
    assert keep(surface, "sse", body) is None
