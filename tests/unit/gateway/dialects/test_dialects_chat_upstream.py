"""The hub for upstreams that speak chat completions, when the client doesn't."""

import pytest

from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.dialects.model import Document
from kaname.kernel.errors import InvalidInputError, UpstreamError
from unit.gateway.dialects.wire_data import cases

MARK = {"cache_control": {"type": "ephemeral"}}
CHAT: Document = {
    "model": "alias",
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "s", **MARK}]},
        {"role": "assistant", "content": "x", "reasoning_content": "r", "thinking_blocks": [{"type": "thinking"}]},
        {"role": "user", "content": "Hi"},
    ],
    "tools": [{"type": "function", "function": {"name": "f"}, **MARK}],
    "max_completion_tokens": 5,
    "top_k": 3,
    "reasoning_effort": "low",
    "stream": True,
    **MARK,
}


def test_what_only_the_hub_knows_is_taken_out() -> None:
    encoded = ChatCodec().encode_request(CHAT, "gpt-4o-mini", stream=True, strict=False)
    assert encoded.document == {
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "s"}]},
            {"role": "assistant", "content": "x"},
            {"role": "user", "content": "Hi"},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "max_completion_tokens": 5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert [warning.split(":")[0] for warning in encoded.warnings] == ["top_k", "reasoning_effort"]
    with pytest.raises(InvalidInputError):
        ChatCodec().encode_request(CHAT, "gpt-4o-mini", stream=True, strict=True)


def test_other_servers_get_what_they_know() -> None:
    codec = ChatCodec(max_tokens_field="max_tokens", keeps_reasoning=True, extensions=frozenset({"top_k"}))
    request = codec.encode_request(CHAT, "qwen3", stream=False, strict=True).document
    assert (request["max_tokens"], request["top_k"], request["reasoning_effort"]) == (5, 3, "low")
    assert request["messages"][1] == {"role": "assistant", "content": "x", "reasoning_content": "r"}
    assert "stream" not in request


def test_the_clients_document_isnt_changed() -> None:
    before = repr(CHAT)
    ChatCodec().encode_request(CHAT, "m", stream=True, strict=False)
    assert repr(CHAT) == before


@pytest.mark.parametrize("case", cases("anthropic/messages_to_chat.json"), ids=lambda case: case["name"])
def test_nothing_of_anthropics_is_left_in_a_translated_request(case: Document) -> None:
    request = repr(ChatCodec().encode_request(case["chat"], "gpt-5", stream=False, strict=True).document)
    assert "cache_control" not in request
    assert "thinking" not in request


@pytest.mark.parametrize("error", ["out of memory", {"message": "out of memory"}])
def test_an_error_in_a_success_is_an_upstream_error(error: object) -> None:
    with pytest.raises(UpstreamError, match="out of memory"):
        ChatCodec().decode_response({"error": error})


def test_an_answer_without_choices_is_invalid() -> None:
    with pytest.raises(UpstreamError) as refused:
        ChatCodec().decode_response({"choices": []})
    assert refused.value.code == "upstream_invalid_response"
