"""Responses clients of other targets: requests into the hub, answers and numbered event streams out of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.dialects.anthropic.stream import MessagesDecoder
from kaname.gateway.dialects.chat.decoder import ChatDecoder
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.responses_surface.codec import ResponsesSurface
from kaname.gateway.dialects.responses_surface.items import pack_thinking, unpack_thinking
from kaname.gateway.dialects.responses_surface.response import base_id
from kaname.gateway.dialects.responses_surface.stream import ResponsesEncoder
from kaname.gateway.openai_errors import WireError
from kaname.kernel.errors import InvalidInputError, UpstreamError
from unit.gateway.dialects.wire_data import DATA, cases, chunks_of, events_of, written

SURFACE = ResponsesSurface()
TEXT = (DATA / "openai" / "text.sse").read_bytes()
TOOLS = (DATA / "openai" / "tools.sse").read_bytes()
ANTHROPIC_TOOLS = (DATA / "anthropic" / "tools.sse").read_bytes()
LIFECYCLE = ("response.created", "response.in_progress")


def chunk(delta: Document, **choice: object) -> Document:
    return {"id": "chatcmpl-1", "created": 1, "model": "m", "choices": [{"index": 0, "delta": delta, **choice}]}


@pytest.mark.parametrize("case", cases("openai/responses_to_chat.json"), ids=lambda case: case["name"])
def test_requests(case: Document) -> None:
    encoded = SURFACE.decode_request(case["responses"])
    assert encoded.document == case["chat"]
    assert encoded.warnings == case["warnings"]


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id", "unsupported_parameter"),
        ({"store": True}, "store", "unsupported_parameter"),
        ({"background": True}, "background", "unsupported_parameter"),
        ({"conversation": "conv_1"}, "conversation", "unsupported_parameter"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt", "unsupported_parameter"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "unsupported_parameter"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice.type", "unsupported_parameter"),
        ({"tool_choice": "maybe"}, "tool_choice", "invalid_input"),
        ({"top_logprobs": 3}, "top_logprobs", "unsupported_parameter"),
        ({"input": None}, "input", "invalid_input"),
        ({"input": 5}, "input", "invalid_input"),
        ({"input": [5]}, "input[0]", "invalid_input"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role", "invalid_input"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type", "unsupported_parameter"),
        ({"input": [{"type": "computer_call"}]}, "input[0].type", "unsupported_parameter"),
        ({"input": [{"type": "function_call", "call_id": "c"}]}, "input[0].name", "invalid_input"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "input[0].content[0].file_id", "unsupported_parameter",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://x"}]}]},
            "input[0].content[0].file_url", "unsupported_parameter",
        ),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.name", "invalid_input"),
        ({"max_output_tokens": 0}, "max_output_tokens", "invalid_input"),
        ({"stream": 1}, "stream", "invalid_input"),
    ],
)  # fmt: skip
def test_what_cant_be_bridged_is_refused_with_its_path(change: Document, param: str, code: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        SURFACE.decode_request({"model": "m", "input": "Hi", **change})
    assert (refused.value.param, refused.value.code) == (param, code)


# ---- answers


def test_an_answer_repeats_its_request_and_says_what_happened() -> None:
    request = {"model": "m", "input": "Hi", "temperature": 0.5, "metadata": {"a": "b"}, "tools": []}
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": "Hm", "reasoning_content": "I think", "tool_calls": [call]}
    usage = {
        "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 3},
    }  # fmt: skip
    chat = {
        "id": "chatcmpl-9", "created": 7, "model": "gpt-x", "usage": usage,
        "choices": [{"message": message, "finish_reason": "tool_calls"}],
    }  # fmt: skip
    answer = SURFACE.for_request(request).encode_response(chat)
    assert (answer["id"], answer["object"], answer["status"], answer["created_at"]) == (
        "resp_9",
        "response",
        "completed",
        7,
    )
    assert (answer["temperature"], answer["metadata"], answer["store"]) == (0.5, {"a": "b"}, False)
    assert answer["output"] == [
        {"id": "rs_9", "type": "reasoning", "summary": [{"type": "summary_text", "text": "I think"}]},
        {
            "id": "msg_9", "type": "message", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": "Hm", "annotations": [], "logprobs": []}],
        },
        {
            "id": "fc_9_0", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "f",
            "arguments": "{}",
        },
    ]  # fmt: skip
    assert answer["usage"] == {
        "input_tokens": 10, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 15,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("finish", "status", "details"),
    [
        ("stop", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
    ],
)
def test_status(finish: str, status: str, details: Document | None) -> None:
    answer = SURFACE.encode_response({"choices": [{"message": {"content": "x"}, "finish_reason": finish}]})
    assert (answer["status"], answer["incomplete_details"]) == (status, details)
    name, event = events_of(written([chunk({"content": "x"}, finish_reason=finish)], ResponsesEncoder("m", {})))[-1]
    assert name == f"response.{status}"
    assert event["response"]["incomplete_details"] == details


blocks = st.lists(
    st.builds(lambda t, s: {"type": "thinking", "thinking": t, "signature": s}, st.text(), st.text(min_size=1)),
    max_size=3,
)


@given(blocks)
def test_signed_thinking_travels_in_encrypted_content(thinking: list[Document]) -> None:
    assert unpack_thinking(pack_thinking(thinking)) == thinking
    item = {"type": "reasoning", "summary": [], "encrypted_content": pack_thinking(thinking)}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "x"}
    chat = SURFACE.decode_request({"input": [{"role": "user", "content": "Hi"}, item, call, output]}).document
    assert chat["messages"][1].get("thinking_blocks", []) == thinking


@pytest.mark.parametrize(
    "text", ["", "gAAAAABo", "kaname-thinking-1:", "kaname-thinking-1:!!", "kaname-thinking-1:e30="]
)
def test_foreign_encrypted_content_is_nothing(text: str) -> None:
    assert unpack_thinking(text) == []


def test_ids_cant_break_out_of_their_event() -> None:
    assert base_id('chatcmpl-a"},{\n') == "a"
    assert base_id("") != base_id("")
    assert SURFACE.encode_response({"choices": [{"message": {"content": "x"}}]})["created_at"] > 1_700_000_000


# ---- streams


def test_a_text_stream() -> None:
    events = events_of(written(chunks_of(TEXT, ChatDecoder()), SURFACE.stream_encoder("alias")))
    assert [name for name, _ in events] == [
        *LIFECYCLE, "response.output_item.added", "response.content_part.added", "response.output_text.delta",
        "response.output_text.delta", "response.output_text.done", "response.content_part.done",
        "response.output_item.done", "response.completed",
    ]  # fmt: skip
    assert all(name == document["type"] for name, document in events)
    assert [document["sequence_number"] for _, document in events] == list(range(len(events)))
    assert events[5][1] == {
        "type": "response.output_text.delta", "sequence_number": 5, "item_id": "msg_123", "output_index": 0,
        "content_index": 0, "delta": "世界", "logprobs": [],
    }  # fmt: skip
    response = events[-1][1]["response"]
    assert response["output"][0]["content"][0]["text"] == "Hello 世界"
    assert response["usage"]["input_tokens_details"]["cached_tokens"] == 10


def test_a_stream_with_reasoning_and_tools_ends_with_what_a_whole_answer_would_say() -> None:
    events = events_of(written(chunks_of(TOOLS, ChatDecoder()), SURFACE.stream_encoder("alias")))
    output = events[-1][1]["response"]["output"]
    assert [item["type"] for item in output] == ["reasoning", "message", "function_call", "function_call"]
    assert output[0]["summary"] == [{"type": "summary_text", "text": "Let me think"}]
    assert output[2]["arguments"] == '{"location": "東京"}'
    assert [document["item"] for name, document in events if name == "response.output_item.done"] == output
    assert len({item["id"] for item in output}) == 4


def test_thinking_of_claude_is_packed_into_the_reasoning_item() -> None:
    events = events_of(written(chunks_of(ANTHROPIC_TOOLS, MessagesDecoder()), SURFACE.stream_encoder("alias")))
    reasoning = events[-1][1]["response"]["output"][0]
    assert [block["type"] for block in unpack_thinking(reasoning["encrypted_content"])] == [
        "thinking",
        "redacted_thinking",
    ]


@given(st.lists(st.integers(0, 10_000), max_size=20))
def test_any_splits_give_the_same_stream(cuts: list[int]) -> None:
    whole = written(chunks_of(TOOLS, ChatDecoder()), SURFACE.stream_encoder("m"))
    assert written(chunks_of(TOOLS, ChatDecoder(), cuts), SURFACE.stream_encoder("m")) == whole


texts = st.text(min_size=1, max_size=10)
pieces = st.one_of(
    st.builds(lambda t: {"content": t}, texts),
    st.builds(lambda t: {"refusal": t}, texts),
    st.builds(lambda t: {"reasoning_content": t}, texts),
    st.just({}),
)


@given(st.lists(pieces, max_size=12))
def test_items_are_numbered_and_closed(deltas: list[Document]) -> None:
    events = events_of(written([chunk(delta) for delta in deltas], SURFACE.stream_encoder("m")))
    assert [document["sequence_number"] for _, document in events] == list(range(len(events)))
    added = [document["output_index"] for name, document in events if name == "response.output_item.added"]
    done = [document["output_index"] for name, document in events if name == "response.output_item.done"]
    assert added == done == list(range(len(events[-1][1]["response"]["output"])))
    said = "".join(str(delta.get("content", "")) for delta in deltas)
    parts = [part for item in events[-1][1]["response"]["output"] for part in item.get("content", [])]
    assert said == "".join(part.get("text", "") for part in parts)


def test_an_empty_stream_is_still_whole() -> None:
    events = events_of(ResponsesEncoder("m", {}).finish())
    assert events[-1][0] == "response.completed"
    assert events[-1][1]["response"]["output"][0]["content"][0]["text"] == ""


def test_a_failed_stream_says_so_and_why() -> None:
    encoder = SURFACE.stream_encoder("m")
    encoder.feed(chunk({"content": "x"}))
    failed, error = events_of(encoder.error(WireError(504, "upstream_error", "upstream_timeout", "Late.", None, [])))
    assert failed[0] == "response.failed"
    assert (failed[1]["response"]["status"], failed[1]["response"]["error"]["message"]) == ("failed", "Late.")
    number = failed[1]["sequence_number"] + 1
    fields = {"code": "upstream_timeout", "message": "Late.", "param": None, "sequence_number": number}
    assert error == ("error", {"type": "error", **fields})


def test_interleaved_calls_are_refused_rather_than_mixed_up() -> None:
    encoder = SURFACE.stream_encoder("m")
    for index in (0, 1):
        call = {"index": index, "id": str(index), "function": {"name": "f", "arguments": ""}}
        encoder.feed(chunk({"tool_calls": [call]}))
    with pytest.raises(UpstreamError):
        encoder.feed(chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}))
