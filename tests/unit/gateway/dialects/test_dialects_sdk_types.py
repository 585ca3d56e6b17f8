"""What the codecs write has the types that the official SDKs declare. The SDKs themselves don't check them."""

from collections.abc import Iterable

import anthropic.types
import openai.types.chat
import openai.types.chat.completion_create_params
import openai.types.responses
import pytest
from anthropic.types import message_create_params
from pydantic import TypeAdapter

from kaname.gateway.dialects.anthropic.codec import MessagesCodec
from kaname.gateway.dialects.anthropic.stream import MessagesDecoder
from kaname.gateway.dialects.chat.decoder import ChatDecoder
from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.dialects.messages_surface.codec import MessagesSurface
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.responses_surface.codec import ResponsesSurface
from kaname.gateway.openai_errors import WireError
from unit.gateway.dialects.wire_data import DATA, cases, chunks_of, events_of, written

MESSAGES_REQUEST = TypeAdapter(message_create_params.MessageCreateParamsNonStreaming)
CHAT_REQUEST = TypeAdapter(openai.types.chat.completion_create_params.CompletionCreateParamsNonStreaming)
MESSAGES_EVENT = TypeAdapter(anthropic.types.RawMessageStreamEvent)
RESPONSES_EVENT = TypeAdapter(openai.types.responses.ResponseStreamEvent)
STREAMS = [
    chunks_of((DATA / "openai" / "text.sse").read_bytes(), ChatDecoder()),
    chunks_of((DATA / "openai" / "tools.sse").read_bytes(), ChatDecoder()),
    chunks_of((DATA / "anthropic" / "tools.sse").read_bytes(), MessagesDecoder()),
]


def validate(adapter: TypeAdapter[object], document: object) -> None:
    """pydantic checks an `Iterable` only when it is read."""
    waiting = [adapter.validate_python(document)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
            waiting += list(value)


ANSWERS = [
    MessagesCodec().decode_response(case["anthropic"]) for case in cases("anthropic/messages_to_chat_responses.json")
]


@pytest.mark.parametrize("case", cases("anthropic/chat_to_messages.json"), ids=lambda case: case["name"])
@pytest.mark.parametrize("model", ["claude-3-5-haiku-latest", "claude-sonnet-4-5", "claude-opus-4-7"])
def test_messages_requests(case: Document, model: str) -> None:
    chat = {key: value for key, value in case["chat"].items() if key != "response_format"}
    request = MessagesCodec().encode_request(chat, model, stream=False, strict=False).document
    validate(MESSAGES_REQUEST, request)


@pytest.mark.parametrize("case", cases("anthropic/messages_to_chat.json"), ids=lambda case: case["name"])
def test_chat_requests_of_messages(case: Document) -> None:
    chat = MessagesSurface().decode_request(case["messages"]).document
    validate(CHAT_REQUEST, ChatCodec().encode_request(chat, "gpt-x", stream=False, strict=False).document)


@pytest.mark.parametrize("case", cases("openai/responses_to_chat.json"), ids=lambda case: case["name"])
def test_chat_requests_of_responses(case: Document) -> None:
    chat = ResponsesSurface().decode_request(case["responses"]).document
    validate(CHAT_REQUEST, ChatCodec().encode_request(chat, "gpt-x", stream=False, strict=False).document)


@pytest.mark.parametrize("answer", ANSWERS)
def test_answers(answer: Document) -> None:
    openai.types.chat.ChatCompletion.model_validate(answer)
    anthropic.types.Message.model_validate(MessagesSurface().encode_response(answer))
    openai.types.responses.Response.model_validate(ResponsesSurface().encode_response(answer))


@pytest.mark.parametrize("chunks", STREAMS)
def test_streams(chunks: list[Document]) -> None:
    for chunk in chunks:
        openai.types.chat.ChatCompletionChunk.model_validate(chunk)
    for _, event in events_of(written(chunks, MessagesSurface().stream_encoder("m"))):
        MESSAGES_EVENT.validate_python(event)
    encoder = ResponsesSurface().stream_encoder("m")
    failure = encoder.error(WireError(502, "upstream_error", "upstream_cut", "It ended.", None, []))
    for _, event in events_of(written(chunks, ResponsesSurface().stream_encoder("m")) + failure):
        RESPONSES_EVENT.validate_python(event)
