"""Anthropic clients of other targets: requests into the hub, answers and streams out of it."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.dialects.anthropic.codec import MessagesCodec
from kaname.gateway.dialects.anthropic.stream import MessagesDecoder
from kaname.gateway.dialects.anthropic.usage import from_hub_usage, to_hub_usage
from kaname.gateway.dialects.chat.decoder import ChatDecoder
from kaname.gateway.dialects.messages_surface.codec import MessagesSurface
from kaname.gateway.dialects.messages_surface.count import count_response, estimate_tokens
from kaname.gateway.dialects.messages_surface.request import check_request
from kaname.gateway.dialects.messages_surface.stream import MessagesEncoder
from kaname.gateway.dialects.model import Document
from kaname.gateway.openai_errors import WireError
from kaname.kernel.errors import InvalidInputError, UpstreamError
from unit.gateway.dialects.wire_data import DATA, assemble, cases, chunks_of, events_of, written

SURFACE = MessagesSurface()
TEXT = (DATA / "openai" / "text.sse").read_bytes()
TOOLS = (DATA / "openai" / "tools.sse").read_bytes()
ANTHROPIC_TOOLS = (DATA / "anthropic" / "tools.sse").read_bytes()
MINIMAL: Document = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
NO_USAGE = {"input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0}


def at(index: int, kind: str) -> Document:
    return {"type": kind, "index": index}


def chunk(delta: Document, **choice: object) -> Document:
    return {"id": "chatcmpl-1", "created": 1, "model": "m", "choices": [{"index": 0, "delta": delta, **choice}]}


@pytest.mark.parametrize("case", cases("anthropic/messages_to_chat.json"), ids=lambda case: case["name"])
def test_requests(case: Document) -> None:
    encoded = SURFACE.decode_request(case["messages"])
    assert encoded.document == case["chat"]
    assert encoded.warnings == case["warnings"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [1]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_use"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"system": 5}, "system"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tool_choice": {"type": "maybe"}}, "tool_choice.type"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"mcp_servers": [{}]}, "mcp_servers"),
        ({"stream": "yes"}, "stream"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}]}
                ]
            },
            "messages[0].content[0].source.type",
        ),
    ],
)
def test_wrong_requests_are_refused_with_their_path(change: Document, param: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        SURFACE.decode_request({**MINIMAL, **change})
    assert refused.value.param == param


def test_counting_needs_no_limit() -> None:
    check_request({"messages": MINIMAL["messages"]}, counts_only=True)
    with pytest.raises(InvalidInputError):
        check_request({"messages": []}, counts_only=True)


def test_a_long_user_id_keeps_its_identity_in_64_characters() -> None:
    users = {
        str(SURFACE.decode_request({**MINIMAL, "metadata": {"user_id": user}}).document["user"])
        for user in ("a" * 200, "a" * 201, "b" * 64)
    }
    assert len(users) == 3
    assert max(map(len, users)) == 64


# ---- round trips

texts = st.text(min_size=1, max_size=20).filter(str.strip)
names = st.from_regex(r"[a-zA-Z0-9_-]{1,20}", fullmatch=True)
inputs = st.dictionaries(texts, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts, max_size=3)
tool_uses = st.builds(
    lambda number, name, value: {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": value},
    st.integers(0, 9), names, inputs,
)  # fmt: skip
thinking = st.builds(lambda t, s: {"type": "thinking", "thinking": t, "signature": s}, texts, texts)
assistants = st.builds(
    lambda thought, text, calls: {"role": "assistant", "content": [*thought, {"type": "text", "text": text}, *calls]},
    st.lists(thinking, max_size=1), texts, st.lists(tool_uses, max_size=2),
)  # fmt: skip
results = st.builds(
    lambda number, text: {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": text},
    st.integers(0, 9), texts,
)  # fmt: skip
users = st.builds(
    lambda found, text: {"role": "user", "content": [*found, {"type": "text", "text": text}]},
    st.lists(results, max_size=2), texts,
)  # fmt: skip


@given(users, st.lists(st.tuples(assistants, users), max_size=3))
def test_conversations_survive_the_hub(first: Document, rest: list[tuple[Document, Document]]) -> None:
    messages = [first, *(message for pair in rest for message in pair)]
    request = {"model": "m", "max_tokens": 7, "messages": messages, "system": [{"type": "text", "text": "s"}]}
    chat = SURFACE.decode_request(request).document
    back = MessagesCodec().encode_request(chat, "claude-opus-4-5", stream=False, strict=False).document
    assert back["messages"] == messages
    assert (back["system"], back["max_tokens"]) == (request["system"], 7)


calls = st.builds(
    lambda number, name, value: {
        "id": f"call_{number}", "type": "function",
        "function": {"name": name, "arguments": orjson.dumps(value).decode()},
    },
    st.integers(0, 9), names, inputs,
)  # fmt: skip
chat_turns = st.one_of(
    st.builds(lambda text: [{"role": "user", "content": text}], texts),
    st.builds(lambda text: [{"role": "assistant", "content": text}], texts),
    st.builds(
        lambda text, call, result: [
            {"role": "assistant", "content": text, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": result},
            {"role": "assistant", "content": result},
        ],
        st.none() | texts, calls, texts,
    ),
)  # fmt: skip


@given(texts, st.lists(chat_turns, max_size=4), texts)
def test_chats_survive_anthropics_format(first: str, turns: list[list[Document]], last: str) -> None:
    user = {"role": "user", "content": first}
    messages = [user, *(message for turn in turns for message in turn), {"role": "user", "content": last}]
    request = MessagesCodec().encode_request(
        {"messages": messages, "max_tokens": 9}, "claude-opus-4-5", stream=False, strict=True
    )
    assert SURFACE.decode_request(request.document).document["messages"] == messages


counts = st.integers(0, 10**9)


@given(counts, counts, counts, counts, counts)
def test_usage_survives_the_hub(fresh: int, read: int, short: int, long: int, out: int) -> None:
    usage = {
        "input_tokens": fresh, "cache_read_input_tokens": read, "cache_creation_input_tokens": short + long,
        "output_tokens": out, "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
    }  # fmt: skip
    hub = to_hub_usage(usage)
    assert hub["prompt_tokens"] == fresh + read + short + long
    assert hub["total_tokens"] == fresh + read + short + long + out
    assert from_hub_usage(hub) == usage


@given(st.lists(thinking, max_size=2), texts, st.lists(tool_uses, max_size=2))
def test_answers_survive_the_hub(thoughts: list[Document], text: str, calls: list[Document]) -> None:
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [*thoughts, {"type": "text", "text": text}, *calls],
        "stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None,
        "usage": {**NO_USAGE, "output_tokens": 2},
    }  # fmt: skip
    assert SURFACE.encode_response(MessagesCodec().decode_response(message)) == message


# ---- answers


def test_an_answer_whose_arguments_arent_an_object_is_the_upstreams_fault() -> None:
    for arguments in ("{", "[1]"):
        call = {"id": "1", "function": {"name": "f", "arguments": arguments}}
        with pytest.raises(UpstreamError) as refused:
            SURFACE.encode_response({"choices": [{"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]})
        assert refused.value.code == "upstream_invalid_response"
    with pytest.raises(UpstreamError):
        SURFACE.encode_response({"choices": []})


@pytest.mark.parametrize(
    ("message", "finish", "reason"),
    [
        ({"content": "x"}, "stop", "end_turn"),
        ({"content": "x"}, "length", "max_tokens"),
        ({"content": "x"}, "content_filter", "refusal"),
        ({"content": None, "refusal": "No"}, "stop", "refusal"),
        ({"tool_calls": [{"id": "1", "function": {"name": "f", "arguments": ""}}]}, "stop", "tool_use"),
        ({"content": "x"}, "something new", "end_turn"),
    ],
)
def test_stop_reasons(message: Document, finish: str, reason: str) -> None:
    answer = SURFACE.encode_response({"id": "1", "choices": [{"message": message, "finish_reason": finish}]})
    assert answer["stop_reason"] == reason
    encoder = MessagesEncoder("m")
    calls = [{"index": i, **call} for i, call in enumerate(message.get("tool_calls") or [])]
    stream = written([chunk({**message, "tool_calls": calls}, finish_reason=finish)], encoder)
    assert events_of(stream)[-2][1]["delta"] == {"stop_reason": reason, "stop_sequence": None}


# ---- streams


def test_a_text_stream_in_anthropics_order() -> None:
    events = events_of(written(chunks_of(TEXT, ChatDecoder()), MessagesEncoder("alias")))
    assert all(name == document["type"] for name, document in events)
    assert events == [
        ("message_start", {"type": "message_start", "message": {
            "id": "msg_123", "type": "message", "role": "assistant", "model": "gpt-4o-mini", "content": [],
            "stop_reason": None, "stop_sequence": None,
            "usage": NO_USAGE,
        }}),
        ("content_block_start", {**at(0, "content_block_start"), "content_block": {"type": "text", "text": ""}}),
        ("content_block_delta", {**at(0, "content_block_delta"), "delta": {"type": "text_delta", "text": "Hello "}}),
        ("content_block_delta", {**at(0, "content_block_delta"), "delta": {"type": "text_delta", "text": "世界"}}),
        ("content_block_stop", {"type": "content_block_stop", "index": 0}),
        ("message_delta", {
            "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {**NO_USAGE, "input_tokens": 20, "cache_read_input_tokens": 10, "output_tokens": 15},
        }),
        ("message_stop", {"type": "message_stop"}),
    ]  # fmt: skip


def test_a_stream_with_reasoning_and_tools() -> None:
    events = events_of(written(chunks_of(TOOLS, ChatDecoder()), MessagesEncoder("alias")))
    blocks = [(name, document) for name, document in events if name.startswith("content_block")]
    shape = [
        (
            name.removeprefix("content_block_"),
            document["index"],
            (document.get("content_block") or document.get("delta") or {}).get("type"),
        )
        for name, document in blocks
    ]
    assert shape == [
        ("start", 0, "thinking"), ("delta", 0, "thinking_delta"), ("delta", 0, "thinking_delta"), ("stop", 0, None),
        ("start", 1, "text"), ("delta", 1, "text_delta"), ("stop", 1, None),
        ("start", 2, "tool_use"), ("delta", 2, "input_json_delta"), ("delta", 2, "input_json_delta"), ("stop", 2, None),
        ("start", 3, "tool_use"), ("delta", 3, "input_json_delta"), ("stop", 3, None),
    ]  # fmt: skip
    assert events[-2][1]["delta"]["stop_reason"] == "tool_use"
    assert events[-2][1]["usage"]["output_tokens_details"] == {"thinking_tokens": 40}


def test_signatures_survive_the_hub_in_a_stream() -> None:
    chunks = chunks_of(ANTHROPIC_TOOLS, MessagesDecoder())
    again = chunks_of(written(chunks, MessagesEncoder("m")), MessagesDecoder())
    assert assemble(again) == assemble(chunks)


@given(st.lists(st.integers(0, 10_000), max_size=20))
def test_any_splits_give_the_same_stream(cuts: list[int]) -> None:
    whole = written(chunks_of(TOOLS, ChatDecoder()), MessagesEncoder("m"))
    assert written(chunks_of(TOOLS, ChatDecoder(), cuts), MessagesEncoder("m")) == whole


pieces = st.one_of(
    st.builds(lambda t: {"content": t}, texts),
    st.builds(lambda t: {"reasoning_content": t}, texts),
    st.builds(lambda t, s: {"thinking_blocks": [{"type": "thinking", "thinking": t, "signature": s}]}, texts, texts),
    st.just({"thinking_blocks": [{"type": "redacted_thinking", "data": "x"}]}),
    st.just({}),
)


@given(st.lists(pieces, max_size=12))
def test_blocks_are_opened_and_closed_one_at_a_time(deltas: list[Document]) -> None:
    events = events_of(written([chunk(delta) for delta in deltas], MessagesEncoder("m")))
    assert [name for name, _ in (events[0], *events[-2:])] == ["message_start", "message_delta", "message_stop"]
    open_block, last = None, -1
    for name, document in events[1:-2]:
        if name == "content_block_start":
            assert open_block is None
            assert document["index"] == last + 1
            open_block = last = document["index"]
        else:
            assert document["index"] == open_block
            if name == "content_block_stop":
                open_block = None
    assert open_block is None
    text = "".join(str(delta.get("content", "")) for delta in deltas)
    assert text == "".join(document.get("delta", {}).get("text", "") for _, document in events)


def test_calls_that_share_an_index_are_told_apart_by_id() -> None:
    calls = [{"index": 0, "id": str(i), "function": {"name": "f", "arguments": "{}"}} for i in range(3)]
    events = events_of(written([chunk({"tool_calls": [call]}) for call in calls], MessagesEncoder("m")))
    started = [document["content_block"]["id"] for name, document in events if name == "content_block_start"]
    assert started == ["0", "1", "2"]


def test_interleaved_calls_are_refused_rather_than_mixed_up() -> None:
    encoder = MessagesEncoder("m")
    for index in (0, 1):
        encoder.feed(
            chunk({"tool_calls": [{"index": index, "id": str(index), "function": {"name": "f", "arguments": ""}}]})
        )
    with pytest.raises(UpstreamError):
        encoder.feed(chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}))


def test_an_error_ends_the_stream() -> None:
    encoder = MessagesEncoder("m")
    encoder.feed(chunk({"content": "x"}))
    error = encoder.error(WireError(502, "upstream_error", "upstream_cut", "It ended.", None, []))
    expected = {"type": "error", "error": {"type": "api_error", "message": "It ended."}}
    assert events_of(error) == [("error", expected)]


# ---- counting


def test_counting_is_by_bytes_and_script() -> None:
    def count(content: object) -> int:
        return estimate_tokens({"messages": [{"role": "user", "content": content}]}) - 4

    assert count("x" * 400) == 100
    assert count("語" * 100) == 100
    assert (
        count([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 10**6}}]) < 1700
    )
    assert count_response({}) == {"input_tokens": 1}
    tools = [{"name": "f", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]
    assert estimate_tokens({"tools": tools, "messages": []}) > 10
    assert orjson.dumps(count_response(MINIMAL))
