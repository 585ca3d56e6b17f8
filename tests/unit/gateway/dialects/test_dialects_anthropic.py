"""The hub in Anthropic's words and back: public examples, refusals with their path, and models by age."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.dialects.anthropic.codec import MessagesCodec
from kaname.gateway.dialects.anthropic.models import traits_of
from kaname.gateway.dialects.anthropic.stream import MessagesDecoder
from kaname.gateway.dialects.model import Document
from kaname.kernel.errors import InvalidInputError, UpstreamError
from unit.gateway.dialects.wire_data import DATA, assemble, cases, chunks_of

CODEC = MessagesCodec()
TEXT = (DATA / "anthropic" / "text.sse").read_bytes()
TOOLS = (DATA / "anthropic" / "tools.sse").read_bytes()
USER: Document = {"role": "user", "content": "Hi"}


def encode(chat: Document, model: str = "claude-opus-4-7", **options: bool) -> Document:
    return CODEC.encode_request(
        {"messages": [USER], **chat}, model, **{"stream": False, "strict": False, **options}
    ).document


@pytest.mark.parametrize("case", cases("anthropic/chat_to_messages.json"), ids=lambda case: case["name"])
def test_requests(case: Document) -> None:
    encoded = CODEC.encode_request(case["chat"], case["model"], stream=False, strict=False)
    assert encoded.document == case["messages"]
    assert encoded.warnings == case["warnings"]
    assert encode(case["chat"], case["model"], stream=True) == {**case["messages"], "stream": True}
    if case["warnings"]:
        with pytest.raises(InvalidInputError) as refused:
            encode(case["chat"], case["model"], strict=True)
        assert refused.value.code == "unsupported_parameter"
        assert case["warnings"][0].startswith(f"{refused.value.param}: ")


@pytest.mark.parametrize("case", cases("anthropic/messages_to_chat_responses.json"), ids=lambda case: case["name"])
def test_responses(case: Document) -> None:
    chat = CODEC.decode_response(case["anthropic"])
    assert chat.pop("created") > 1_700_000_000
    assert chat == case["chat"]


@pytest.mark.parametrize(
    ("chat", "param", "code"),
    [
        ({"n": 2}, "n", "unsupported_parameter"),
        ({"n": "2"}, "n", "invalid_input"),
        ({"logprobs": True}, "logprobs", "unsupported_parameter"),
        ({"functions": [{}]}, "functions", "unsupported_parameter"),
        ({"modalities": ["text", "audio"]}, "modalities", "unsupported_parameter"),
        ({"max_tokens": 0}, "max_tokens", "invalid_input"),
        ({"temperature": "hot"}, "temperature", "invalid_input"),
        ({"reasoning_effort": "huge"}, "reasoning_effort", "invalid_input"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "invalid_input"),
        ({"tools": [{"type": "custom"}]}, "tools[0].type", "unsupported_parameter"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name", "invalid_input"),
        ({"tool_choice": "required"}, "tools", "invalid_input"),
        ({"tool_choice": "sometimes"}, "tool_choice", "invalid_input"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages", "invalid_input"),
        ({"messages": ["x"]}, "messages[0]", "invalid_input"),
        ({"messages": [{"role": "robot"}]}, "messages[0].role", "invalid_input"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id", "invalid_input"),
        (
            {"messages": [USER, {"role": "assistant", "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":"}}]}]},
            "messages[1].tool_calls[0].function.arguments", "invalid_input",
        ),
        (
            {"messages": [USER, {"role": "assistant", "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "[1]"}}]}]},
            "messages[1].tool_calls[0].function.arguments", "invalid_input",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://x"}}]}]},
            "messages[0].content[0].image_url.url", "invalid_input",
        ),
        (
            {"messages": [{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA"}}]}]},
            "messages[0].content[0].image_url.url", "unsupported_parameter",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
            "messages[0].content[0].file.file_id", "unsupported_parameter",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages[0].content[0].type", "unsupported_parameter",
        ),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_input"),
    ],
)  # fmt: skip
def test_what_cant_be_said_is_refused_with_its_path(chat: Document, param: str, code: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        encode(chat)
    assert (refused.value.param, refused.value.code) == (param, code)


def test_a_model_that_cant_be_made_to_call_a_tool_refuses() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    for model in ("claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1"):
        with pytest.raises(InvalidInputError) as refused:
            encode({"tools": tools, "tool_choice": "required"}, model)
        assert refused.value.param == "tool_choice"
    for model in ("claude-sonnet-5", "claude-haiku-5-5", "claude-fable-5", "claude-opus-4-8"):
        assert encode({"tools": tools, "tool_choice": "required"}, model)["tool_choice"] == {"type": "any"}


def test_allowed_tools_leave_the_others_out() -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in "abc"]
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "b"}}]}
    request = encode({"tools": tools, "tool_choice": {"type": "allowed_tools", "allowed_tools": allowed}})
    assert [tool["name"] for tool in request["tools"]] == ["b"]
    assert request["tool_choice"] == {"type": "any"}


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "config"),
    [
        ("claude-3-5-sonnet-20241022", "high", None, None),
        ("claude-opus-4-20250514", "low", {"type": "enabled", "budget_tokens": 2048}, None),
        ("claude-sonnet-4-6", "xhigh", {"type": "adaptive"}, {"effort": "high"}),
        ("claude-sonnet-4-6", "minimal", {"type": "adaptive"}, {"effort": "low"}),
        ("claude-4.8-opus", "max", {"type": "adaptive"}, {"effort": "max"}),
        ("claude-opus-4-8", "none", None, None),
        ("claude-opus-5", "none", {"type": "disabled"}, None),
        ("claude-sonnet-5-5", "none", {"type": "between_tools"}, None),
        ("claude-haiku-5-5", "none", {"type": "disabled"}, None),
        ("claude-opus-5-5", "none", None, {"effort": "low"}),
        ("claude-mythos-preview", "none", None, {"effort": "low"}),
    ],
)
def test_effort_by_age(model: str, effort: str, thinking: Document | None, config: Document | None) -> None:
    request = encode({"reasoning_effort": effort}, model)
    assert (request.get("thinking"), request.get("output_config")) == (thinking, config)


@pytest.mark.parametrize(
    ("names", "max_tokens", "sampling"),
    [
        (["claude-3-haiku-20240307", "anthropic.claude-3-opus-20240229-v1:0"], 4096, "both"),
        (["claude-3-5-haiku-latest", "anthropic/claude-3.5-sonnet"], 8192, "both"),
        (["claude-opus-4-1@20250805", "claude-opus-4-1", "us.anthropic.claude-opus-4-1-20250805-v1:0"], 32_000, "one"),
        (["claude-sonnet-4-20250514", "claude-4-sonnet"], 64_000, "both"),
        (["claude-opus-4-6", "claude-4.6-opus"], 128_000, "one"),
        (["claude-opus-4-7", "claude-opus-latest", "claude-fable-5"], 128_000, "none"),
        (["claude-haiku-5-5", "claude-sonnet-5"], 128_000, "none"),
        (["claude-sonnet-4-6"], 64_000, "one"),
        (["kimi-k2", "deepseek-chat"], 8192, "both"),
    ],
)
def test_models_are_told_apart_on_every_platform(names: list[str], max_tokens: int, sampling: str) -> None:
    assert {(traits_of(name).max_tokens, traits_of(name).sampling) for name in names} == {(max_tokens, sampling)}


def test_thinking_stops_where_its_blocks_were_lost() -> None:
    messages = [
        USER,
        {
            "role": "assistant",
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": ""}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "x"},
    ]
    tools = [{"type": "function", "function": {"name": "f"}}]
    encoded = CODEC.encode_request(
        {"messages": messages, "tools": tools, "reasoning_effort": "low"},
        "claude-sonnet-4-5",
        stream=False,
        strict=False,
    )
    assert "thinking" not in encoded.document
    assert encoded.warnings == ["reasoning_effort: the thinking before the last tool calls wasn't sent back"]


def test_what_the_client_says_in_anthropics_words_is_kept() -> None:
    thinking = {"type": "enabled", "budget_tokens": 2000}
    encoded = CODEC.encode_request(
        {"messages": [USER], "thinking": thinking, "reasoning_effort": "low", "user": "u" * 300},
        "claude-sonnet-4-5", stream=False, strict=False,
    )  # fmt: skip
    assert encoded.document["thinking"] == thinking
    assert encoded.warnings == ["reasoning_effort: `thinking` says it already"]
    assert len(encoded.document["metadata"]["user_id"]) == 64


def test_warnings_are_bounded_and_fit_a_header() -> None:
    messages = [{"role": "user", "name": "佐藤", "content": "Hi"}] * 50
    unknown = {f"unknown_キー_{i}": 1 for i in range(100)}
    warnings = CODEC.encode_request(
        {"messages": messages, **unknown}, "claude-opus-5", stream=False, strict=False
    ).warnings
    assert warnings[0] == "messages[].name: messages have no names"
    assert len(warnings) == 16
    assert all(warning.isascii() and warning.isprintable() for warning in warnings)


@pytest.mark.parametrize(
    "document",
    [{}, {"type": "message"}, {"type": "message", "content": "x"}, {"type": "completion", "content": []}],
)
def test_rubbish_is_an_invalid_response(document: Document) -> None:
    with pytest.raises(UpstreamError) as refused:
        CODEC.decode_response(document)
    assert refused.value.code == "upstream_invalid_response"


def test_an_error_in_a_success_is_an_upstream_error() -> None:
    with pytest.raises(UpstreamError, match="Overloaded"):
        CODEC.decode_response({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


# ---- streams

TOOLS_MEAN = {
    "message": {
        "content": "Okay",
        "reasoning_content": "Let me think",
        "thinking_blocks": [
            {"type": "thinking", "thinking": "Let me think", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"},
            {"type": "redacted_thinking", "data": "EmwKAhgB"},
        ],
        "tool_calls": [
            {"id": "toolu_01T1x1fJ34qAmk2tNTrN7Up6", "name": "get_weather", "arguments": '{"location": "東京"}'},
            {"id": "toolu_02", "name": "now", "arguments": "{}"},
        ],
    },
    "finish_reason": "tool_calls",
    "usage": {
        "prompt_tokens": 472, "completion_tokens": 89, "total_tokens": 561,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 40},
    },
}  # fmt: skip


def test_every_split_point_gives_the_same_chunks() -> None:
    for stream in (TEXT, TEXT.replace(b"\n", b"\r\n"), TOOLS):
        whole = [{**chunk, "created": 0} for chunk in chunks_of(stream, MessagesDecoder())]
        for at in range(len(stream)):
            assert [{**chunk, "created": 0} for chunk in chunks_of(stream, MessagesDecoder(), [at])] == whole


@given(st.lists(st.integers(0, 10_000), max_size=30))
def test_any_splits_give_the_same_message(cuts: list[int]) -> None:
    assert assemble(chunks_of(TOOLS, MessagesDecoder(), cuts)) == TOOLS_MEAN


def test_chunks_are_whole_and_stable() -> None:
    chunks = chunks_of(TEXT, MessagesDecoder())
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    assert all(chunk["created"] and chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    assert [chunk["choices"] for chunk in chunks][-1] == []
    assert chunks[-1]["usage"]["prompt_tokens"] == 35
    assert assemble(chunks)["message"]["content"] == 'Hello 世界 "type":"message_stop"'


@pytest.mark.parametrize("at", range(len(TEXT.split(b"\n\n")) - 2))
def test_a_cut_is_noticed(at: int) -> None:
    stream = b"\n\n".join(TEXT.split(b"\n\n")[:at])
    with pytest.raises(UpstreamError) as cut:
        chunks_of(stream + b"\n\n" if stream else b"", MessagesDecoder())
    assert cut.value.code == "upstream_cut"


def test_malformed_events_are_counted_and_left_out() -> None:
    decoder = MessagesDecoder()
    stream = TEXT.replace(
        b"event: ping\n", b'event: content_block_delta\ndata: {"type":\n\nevent: x\ndata: [1]\n\nevent: ping\n'
    )
    assert assemble(chunks_of(stream, decoder)) == assemble(chunks_of(TEXT, MessagesDecoder()))
    assert decoder.malformed == 2


def test_an_error_event_is_raised() -> None:
    decoder = MessagesDecoder()
    with pytest.raises(UpstreamError, match="Overloaded"):
        decoder.feed("error", b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')


KEYS = ["type", "message", "delta", "usage", "content_block", "index", "text", "stop_reason", "thinking", "input"]
KINDS = ["message_start", "content_block_start", "content_block_delta", "message_delta", "error", "message_stop"]
BLOCKS = st.sampled_from(["text", "tool_use", "thinking", "text_delta", "input_json_delta", "signature_delta"])
ODD = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=5) | BLOCKS,
    lambda x: st.lists(x) | st.dictionaries(st.sampled_from(KEYS), x),
    max_leaves=12,
)


@given(st.lists(st.tuples(st.sampled_from(KINDS), ODD), max_size=6))
def test_odd_events_never_break_the_decoder(events: list[tuple[str, object]]) -> None:
    decoder = MessagesDecoder()
    for kind, value in events:
        document = {**value, "type": kind} if isinstance(value, dict) else value
        try:
            decoder.feed("", orjson.dumps(document))
            decoder.feed("", b'{"type":"content_block_stop"}')
        except UpstreamError:
            assert kind == "error"
