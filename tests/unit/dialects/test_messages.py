"""Messages of every provider take one canonical form."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.traces.coerce import dump_json, parse_json
from kaname.traces.messages import parse_messages, preview_text
from kaname.traces.tool_definitions import canonical_tools

CALL = {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}
CHAT = [
    {"role": "system", "parts": [{"type": "text", "content": "s"}]},
    {"role": "user", "parts": [{"type": "text", "content": "q"}]},
    {"role": "assistant", "parts": [CALL]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "21"}]},
]
OPENAI = [
    {"role": "system", "content": "s"},
    {"role": "user", "content": [{"type": "text", "text": "q"}]},
    {"role": "assistant", "content": None,
     "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "21"},
]  # fmt: skip
RESPONSES = {
    "model": "m", "instructions": "s",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "q"}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "21"},
    ],
}  # fmt: skip
LANGCHAIN = [[
    {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", f"{kind}Message"], "kwargs": kwargs}
    for kind, kwargs in (
        ("System", {"content": "s"}),
        ("Human", {"content": "q"}),
        ("AI", {"content": "", "tool_calls": [{"id": "c1", "name": "f", "args": {"a": 1}}]}),
        ("Tool", {"content": "21", "tool_call_id": "c1"}),
    )
]]  # fmt: skip


@pytest.mark.parametrize("body", [CHAT, OPENAI, {"messages": OPENAI, "model": "m"}, RESPONSES, LANGCHAIN])
def test_the_same_chat_from_every_shape(body: Any) -> None:
    assert parse_messages(body) == CHAT


def test_anthropic_blocks() -> None:
    body = {
        "system": "s",
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "21"}]},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}]},
        ],
    }  # fmt: skip
    system, user, assistant, result = parse_messages(body)
    assert (system, user) == (CHAT[0], CHAT[1])
    assert assistant["parts"] == [{"type": "reasoning", "content": "hm", "signature": "sig"}, CALL]
    assert result["parts"] == [
        {"type": "tool_call_response", "id": "c1", "response": "21"},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBO"},
    ]


def test_gemini_contents_and_candidates() -> None:
    body = {
        "systemInstruction": {"parts": [{"text": "s"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "q"}]},
            {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}}]},
            {"role": "tool", "parts": [{"functionResponse": {"id": "c1", "name": "f", "response": "21"}}]},
        ],
    }
    assert parse_messages(body) == CHAT
    answer = {"candidates": [{"content": {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "a"}]},
                              "finishReason": "STOP"}]}  # fmt: skip
    assert parse_messages(answer, role="assistant") == [
        {"role": "assistant", "finish_reason": "STOP",
         "parts": [{"type": "reasoning", "content": "hm"}, {"type": "text", "content": "a"}]}
    ]  # fmt: skip


def test_media_becomes_blob_uri_or_file() -> None:
    content = [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]
    (message,) = parse_messages([{"role": "user", "content": content}])
    assert [p["type"] for p in message["parts"]] == ["uri", "blob", "blob", "file"]
    assert message["parts"][1]["mime_type"] == "image/png"


def test_unknown_parts_are_kept() -> None:
    (message,) = parse_messages([{"role": "user", "content": [{"type": "hologram", "beam": 3}, {"odd": True}]}])
    assert message["parts"] == [{"type": "hologram", "beam": 3}, {"type": "unknown", "odd": True}]


@pytest.mark.parametrize("value", [None, 3, "text", [], {}, ["a"], [1, 2], {"query": "x"}, [{"id": 1}], {"role": "x"}])
def test_what_is_no_chat_gives_nothing(value: Any) -> None:
    assert parse_messages(value) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["role", "content", "parts", "type", "text", "tool_calls", "function", "name", "id", "choices",
                         "message", "messages", "input", "kwargs", "data", "image_url", "url", "thinking"]),
        inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_any_json_is_read_without_an_error(value: Any) -> None:
    messages = parse_messages(value)
    preview_text(messages, of_input=True)
    assert parse_json(dump_json(messages)) == messages
    assert all(isinstance(m["role"], str) and all(isinstance(p, dict) for p in m["parts"]) for m in messages)


def test_tool_definitions_of_every_shape() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    expected = {"type": "function", "name": "f", "description": "d", "parameters": schema}
    shapes = [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}},
        {"name": "f", "description": "d", "input_schema": schema},
        {"functionDeclarations": [{"name": "f", "description": "d", "parameters": schema}]},
        {"toolSpec": {"name": "f", "description": "d", "inputSchema": {"json": schema}}},
    ]
    for shape in shapes:
        assert canonical_tools([shape]) == [expected]
    assert canonical_tools([{"type": "web_search"}]) == [{"type": "web_search"}]


def test_previews_show_the_last_question_and_the_answer() -> None:
    chat = parse_messages(OPENAI)
    assert preview_text(chat, of_input=True) == "q"
    assert preview_text(chat[2:3], of_input=False) == 'f({"a":1})'
