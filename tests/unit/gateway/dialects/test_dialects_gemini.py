"""The hub in Gemini's words and back: public examples, refusals with their path, signatures, streams at every split."""

import base64
import struct

import orjson
import pytest

from kaname.gateway.dialects.anthropic.codec import MessagesCodec
from kaname.gateway.dialects.embeddings.google import GeminiEmbeddings, VertexEmbeddings
from kaname.gateway.dialects.embeddings.texts import as_asked
from kaname.gateway.dialects.gemini.codec import GeminiCodec
from kaname.gateway.dialects.gemini.stream import GeminiDecoder
from kaname.gateway.dialects.messages_surface.stream import MessagesEncoder
from kaname.gateway.dialects.model import Document
from kaname.gateway.providers.google_error import google_error
from kaname.kernel.errors import InvalidInputError, UpstreamError
from unit.gateway.dialects.wire_data import DATA, assemble, cases, chunks_of, events_of, written

CODEC = GeminiCodec()
TEXT = (DATA / "gemini" / "text.sse").read_bytes()
TOOLS = (DATA / "gemini" / "tools.sse").read_bytes()
USER: Document = {"role": "user", "content": "Hi"}


def encode(chat: Document, model: str = "gemini-2.5-flash") -> Document:
    return CODEC.encode_request({"messages": [USER], **chat}, model, stream=False, strict=False).document


@pytest.mark.parametrize("case", cases("gemini/requests.json"), ids=lambda case: case["name"])
def test_requests(case: Document) -> None:
    encoded = CODEC.encode_request(case["chat"], case["model"], stream=False, strict=False)
    assert encoded.document == case["gemini"]
    assert encoded.warnings == case["warnings"]
    if case["warnings"]:
        with pytest.raises(InvalidInputError) as refused:
            CODEC.encode_request(case["chat"], case["model"], stream=True, strict=True)
        assert refused.value.code == "unsupported_parameter"


@pytest.mark.parametrize("case", cases("gemini/responses.json"), ids=lambda case: case["name"])
def test_responses(case: Document) -> None:
    chat = CODEC.decode_response(case["gemini"])
    assert chat.pop("created") > 1_700_000_000
    assert chat == case["chat"]


@pytest.mark.parametrize(
    ("chat", "param", "code"),
    [
        ({"n": 2}, "n", "unsupported_parameter"),
        ({"logprobs": True}, "logprobs", "unsupported_parameter"),
        ({"modalities": ["audio"]}, "modalities", "unsupported_parameter"),
        ({"max_tokens": 0}, "max_tokens", "invalid_input"),
        ({"temperature": "hot"}, "temperature", "invalid_input"),
        ({"reasoning_effort": "huge"}, "reasoning_effort", "invalid_input"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_input"),
        ({"tool_choice": "required"}, "tools", "invalid_input"),
        ({"tools": [{"type": "custom"}]}, "tools[0].type", "unsupported_parameter"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages", "invalid_input"),
        ({"messages": [{"role": "robot"}]}, "messages[0].role", "invalid_input"),
        ({"messages": [{"role": "tool", "tool_call_id": "c9", "content": ""}]}, "messages[0].tool_call_id",
         "invalid_input"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://e.com/a"}}]}]},
         "messages[0].content[0].image_url.url", "unsupported_parameter"),
        ({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
         "messages[0].content[0].file.file_id", "unsupported_parameter"),
    ],
)  # fmt: skip
def test_refusals(chat: Document, param: str, code: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        encode(chat)
    assert (refused.value.param, refused.value.code) == (param, code)


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-flash-lite", "high", {"includeThoughts": True, "thinkingBudget": 24_576}),
        ("gemini-3-flash-preview", "minimal", {"includeThoughts": True, "thinkingLevel": "minimal"}),
        ("gemini-3.1-pro-preview", "minimal", {"includeThoughts": True, "thinkingLevel": "low"}),
        ("gemini-3.1-pro-preview", "medium", {"includeThoughts": True, "thinkingLevel": "medium"}),
        ("gemini-3.8-flash", "max", {"includeThoughts": True, "thinkingLevel": "high"}),
        ("gemini-2.0-flash", "high", None),
        ("gemma-3-27b-it", "high", None),
    ],
)
def test_thinking(model: str, effort: str, config: Document | None) -> None:
    assert (encode({"reasoning_effort": effort}, model).get("generationConfig") or {}).get("thinkingConfig") == config


def test_thinking_in_anthropics_words() -> None:
    given = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    assert encode(given)["generationConfig"] == {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 2000}}
    assert encode({"thinking": {"type": "disabled"}})["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 0}}


def test_vertex_knows_no_ids() -> None:
    chat: Document = cases("gemini/requests.json")[1]["chat"]
    document = GeminiCodec(ids=False).encode_request(chat, "gemini-2.5-pro", stream=False, strict=False).document
    assert b'"id"' not in orjson.dumps(document["contents"])


def test_text_stream_at_every_split() -> None:
    whole = assemble(chunks_of(TEXT, GeminiDecoder()))
    assert all(assemble(chunks_of(TEXT, GeminiDecoder(), [cut])) == whole for cut in range(len(TEXT) + 1))
    assert whole["message"]["content"] == "こんにちは😀"
    assert whole["message"]["reasoning_content"] == "Thinking "
    assert whole["finish_reason"] == "stop"
    assert (whole["usage"]["prompt_tokens"], whole["usage"]["completion_tokens"]) == (9, 9)


def test_tool_stream_at_every_split() -> None:
    chunks = chunks_of(TOOLS, GeminiDecoder())
    whole = assemble(chunks)
    assert all(assemble(chunks_of(TOOLS, GeminiDecoder(), [cut, cut + 1])) == whole for cut in range(len(TOOLS) + 1))
    assert [(call["name"], call["arguments"]) for call in whole["message"]["tool_calls"]] == [
        ("get_weather", '{"location":"東京"}'), ("now", "{}"),
    ]  # fmt: skip
    assert len({call["id"] for call in whole["message"]["tool_calls"]}) == 2
    assert whole["finish_reason"] == "tool_calls"
    assert {chunk["id"] for chunk in chunks} == {"s2"}
    assert all(chunk["created"] > 1_700_000_000 and chunk["model"] == "gemini-3-pro" for chunk in chunks)


def test_stream_for_anthropics_client_carries_the_signature_once() -> None:
    events = events_of(written(chunks_of(TOOLS, GeminiDecoder()), MessagesEncoder("alias")))
    kinds = [event["content_block"]["type"] for name, event in events if name == "content_block_start"]
    deltas = [event["delta"] for name, event in events if name == "content_block_delta"]
    assert kinds == ["thinking", "tool_use", "tool_use"]
    assert [delta["thinking"] for delta in deltas if delta["type"] == "thinking_delta"] == ["Let me see"]
    assert [delta["signature"] for delta in deltas if delta["type"] == "signature_delta"] == ["gemini:SigA"]


def test_stream_and_whole_answer_name_calls_alike() -> None:
    streamed = assemble(chunks_of(TOOLS, GeminiDecoder()))["message"]["tool_calls"]
    call = {"functionCall": {"name": "get_weather", "args": {}}}
    whole = CODEC.decode_response({"candidates": [{"content": {"parts": [call]}}], "responseId": "s2"})
    assert whole["choices"][0]["message"]["tool_calls"][0]["id"] == streamed[0]["id"]


@pytest.mark.parametrize("events", [1, 2])
def test_cut_streams(events: int) -> None:
    with pytest.raises(UpstreamError) as cut:
        chunks_of(b"".join(TEXT.split(b"\r\n\r\n")[i] + b"\r\n\r\n" for i in range(events)), GeminiDecoder())
    assert cut.value.code == "upstream_cut"


def test_blocked_and_broken_streams() -> None:
    blocked = assemble(chunks_of(b'data: {"promptFeedback":{"blockReason":"SAFETY"}}\n\n', GeminiDecoder()))
    assert blocked["finish_reason"] == "content_filter"
    decoder = GeminiDecoder()
    assert decoder.feed("", b"{") == decoder.feed("", b"[1]") == []
    assert decoder.malformed == 2
    with pytest.raises(UpstreamError, match="overloaded"):
        decoder.feed("", b'{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}')
    with pytest.raises(UpstreamError, match="MALFORMED_FUNCTION_CALL"):
        decoder.feed("", b'{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}')


@pytest.mark.parametrize("document", [{}, {"candidates": []}, {"candidates": "x"}, {"error": {"message": "no"}}])
def test_unusable_answers(document: Document) -> None:
    with pytest.raises(UpstreamError):
        CODEC.decode_response(document)


def test_errors() -> None:
    key = {
        "error": {
            "code": 400,
            "message": "API key not valid.",
            "status": "INVALID_ARGUMENT",
            "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
        }
    }
    assert google_error(400, key).status == 401
    quota = {
        "error": {
            "code": 429,
            "message": "Quota.",
            "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"}],
        }
    }
    said = google_error(429, quota)
    assert (said.retry_after_s, said.error["code"]) == (34.07, "rate_limit_exceeded")
    long = {
        "error": {"message": "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576)."}
    }
    assert google_error(400, long).error["code"] == "context_length_exceeded"
    assert google_error(400, {"error": {}}) is None


def test_embeddings() -> None:
    request = {"model": "a", "input": ["x", "日本"], "dimensions": 2, "input_type": "search_query"}
    encoded = GeminiEmbeddings().encode_request(request, "gemini-embedding-001", stream=False, strict=False)
    assert encoded.document["requests"][1] == {
        "model": "models/gemini-embedding-001", "content": {"parts": [{"text": "日本"}]}, "taskType": "RETRIEVAL_QUERY",
        "outputDimensionality": 2,
    }  # fmt: skip
    assert encoded.warnings[0].startswith("usage: ")
    answer = GeminiEmbeddings().decode_response({"embeddings": [{"values": [0.5, -1]}, {"values": [1, 2]}]})
    asked = as_asked(answer, {**request, "encoding_format": "base64"})
    assert struct.unpack("<2f", base64.b64decode(asked["data"][0]["embedding"])) == (0.5, -1)
    assert asked["usage"] == {"prompt_tokens": 2, "total_tokens": 2}
    for bad in ({"embeddings": []}, {"embeddings": [{}]}, {"embeddings": [{"values": []}]}):
        with pytest.raises(UpstreamError):
            GeminiEmbeddings().decode_response(bad)
    with pytest.raises(UpstreamError):
        as_asked({"data": [{"embedding": ["x"]}]}, {"input": "x", "encoding_format": "base64"})
    with pytest.raises(InvalidInputError) as refused:
        GeminiEmbeddings().encode_request({"input": [[1, 2]]}, "m", stream=False, strict=False)
    assert refused.value.code == "unsupported_parameter"


def test_vertex_embeddings() -> None:
    encoded = VertexEmbeddings().encode_request({"input": "x", "dimensions": 3}, "m", stream=False, strict=True)
    assert encoded.document == {"instances": [{"content": "x"}], "parameters": {"outputDimensionality": 3}}
    prediction = {"embeddings": {"values": [1.0], "statistics": {"token_count": 4, "truncated": False}}}
    answer = VertexEmbeddings().decode_response({"predictions": [prediction]})
    assert (answer["data"][0]["embedding"], answer["usage"]["prompt_tokens"]) == ([1.0], 4)


def test_geminis_signature_isn_t_sent_to_anthropic() -> None:
    block = {"type": "thinking", "thinking": "Hm", "signature": "gemini:SigA"}
    chat = {"messages": [USER, {"role": "assistant", "content": "Ok", "thinking_blocks": [block]}, USER]}
    encoded = MessagesCodec().encode_request(chat, "claude-opus-4-7", stream=False, strict=False)
    assert encoded.document["messages"][1]["content"] == [{"type": "text", "text": "Ok"}]
    assert encoded.warnings[0].startswith("messages[].thinking_blocks[]: ")
