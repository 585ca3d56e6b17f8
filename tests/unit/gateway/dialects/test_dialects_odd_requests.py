"""Whatever a client sends is either translated or refused with a path: never a crash, never a changed document."""

import copy
from collections.abc import Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.dialects.anthropic.codec import MessagesCodec
from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.dialects.messages_surface.codec import MessagesSurface
from kaname.gateway.dialects.messages_surface.count import count_response
from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.responses_surface.codec import ResponsesSurface
from kaname.kernel.errors import InvalidInputError, UpstreamError
from unit.gateway.dialects.wire_data import cases, events_of

REQUESTS = {
    "chat": [case["chat"] for case in cases("anthropic/chat_to_messages.json")],
    "messages": [case["messages"] for case in cases("anthropic/messages_to_chat.json")],
    "responses": [case["responses"] for case in cases("openai/responses_to_chat.json")],
}


def to_anthropic(chat: Document) -> Encoded:
    return MessagesCodec().encode_request(chat, "claude-sonnet-4-5", stream=False, strict=False)


def to_chat(chat: Document) -> Encoded:
    return ChatCodec().encode_request(chat, "gpt-x", stream=True, strict=False)


CODECS: dict[str, Callable[[Document], Encoded]] = {
    "chat": to_anthropic,
    "messages": MessagesSurface().decode_request,
    "responses": ResponsesSurface().decode_request,
}
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False), st.text(max_size=4),
    st.just([]), st.just({}), st.just([[]]), st.just([{}]), st.just([None]), st.just({"type": "text"}),
)  # fmt: skip


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


def replaced(document: Document, path: tuple[str | int, ...], value: object) -> Document:
    changed = copy.deepcopy(document)
    inner: object = changed
    for key in path[:-1]:
        inner = inner[key]  # type: ignore[index]
    inner[path[-1]] = value  # type: ignore[index]
    return changed


@given(st.data())
@pytest.mark.parametrize("surface", list(REQUESTS))
def test_one_odd_value_anywhere(surface: str, data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(REQUESTS[surface]))
    path = data.draw(st.sampled_from(places(document)[1:]))
    odd = replaced(document, path, data.draw(ODD))
    before = orjson.dumps(odd)
    try:
        encoded = CODECS[surface](odd)
    except InvalidInputError as e:
        assert e.param
    else:
        assert orjson.dumps(encoded.document)
        if surface != "chat":
            try:
                to_anthropic(encoded.document)
                to_chat(encoded.document)
            except InvalidInputError as e:
                assert e.param
    assert orjson.dumps(odd) == before
    if surface == "messages":
        assert count_response(odd)["input_tokens"]


def nested(depth: int) -> object:
    return orjson.loads(b'{"a":' * depth + b"1" + b"}" * depth)


def test_deep_nesting_is_refused() -> None:
    deep = nested(900)
    call = {"type": "tool_use", "id": "1", "name": "f", "input": deep}
    messages = [{"role": "assistant", "content": [call]}]
    with pytest.raises(InvalidInputError):
        MessagesSurface().decode_request({"max_tokens": 1, "messages": messages})
    with pytest.raises(InvalidInputError):
        count_response({"messages": messages})
    assert count_response({"messages": [{"role": "user", "content": deep}]})
    answer = {"type": "message", "content": [call], "stop_reason": "tool_use"}
    with pytest.raises(UpstreamError):
        MessagesCodec().decode_response(answer)


CHUNK: Document = {
    "id": "chatcmpl-1",
    "created": 1,
    "model": "m",
    "usage": {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}},
    "choices": [
        {
            "index": 0,
            "finish_reason": None,
            "delta": {
                "content": "x",
                "reasoning_content": "r",
                "refusal": "n",
                "thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "s"}],
                "tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}],
            },
        }
    ],
}


@given(st.data())
@pytest.mark.parametrize("surface", [MessagesSurface(), ResponsesSurface()], ids=["messages", "responses"])
def test_one_odd_value_from_an_upstream(surface: MessagesSurface | ResponsesSurface, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(places(CHUNK)[1:]))
    odd = replaced(CHUNK, path, data.draw(ODD))
    try:
        encoder = surface.stream_encoder("m")
        events = events_of(encoder.feed(odd) + encoder.feed(CHUNK) + encoder.finish())
        assert all(name == document["type"] for name, document in events)
    except UpstreamError as e:
        assert e.code == "upstream_invalid_response"
    choices = odd.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        whole = {**odd, "choices": [{**choices[0], "message": choices[0].get("delta")}]}
        try:
            assert orjson.dumps(surface.encode_response(whole))
        except UpstreamError as e:
            assert e.code == "upstream_invalid_response"
