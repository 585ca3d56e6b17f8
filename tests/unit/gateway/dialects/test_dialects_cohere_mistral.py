"""The hub in Cohere's and Mistral's words and back: public examples, refusals, streams at every split, embeddings."""

import pytest

from kaname.gateway.dialects.cohere.codec import CohereCodec
from kaname.gateway.dialects.cohere.stream import CohereDecoder
from kaname.gateway.dialects.embeddings.cohere import CohereEmbeddings
from kaname.gateway.dialects.embeddings.mistral import MistralEmbeddings
from kaname.gateway.dialects.mistral.codec import MistralCodec, MistralDecoder, short_id
from kaname.gateway.dialects.model import Document, ProviderCodec
from kaname.gateway.providers.cohere import COHERE
from kaname.gateway.providers.mistral import MISTRAL
from kaname.kernel.errors import InvalidInputError, UpstreamError
from unit.gateway.dialects.wire_data import DATA, assemble, cases, chunks_of

TEXT = (DATA / "cohere" / "text.sse").read_bytes()
TOOLS = (DATA / "cohere" / "tools.sse").read_bytes()
REASONING = (DATA / "mistral" / "reasoning.sse").read_bytes()
USER: Document = {"role": "user", "content": "Hi"}
CODECS: dict[str, ProviderCodec] = {"cohere": CohereCodec(), "mistral": MistralCodec()}
REQUESTS = [(name, case) for name in CODECS for case in cases(f"{name}/requests.json")]


@pytest.mark.parametrize(("name", "case"), REQUESTS, ids=[case["name"] for _, case in REQUESTS])
def test_requests(name: str, case: Document) -> None:
    encoded = CODECS[name].encode_request(case["chat"], case["model"], stream=False, strict=False)
    assert encoded.document == case[name]
    assert encoded.warnings == case["warnings"]
    streamed = CODECS[name].encode_request(case["chat"], case["model"], stream=True, strict=False)
    assert streamed.document == {**case[name], "stream": True}
    if case["warnings"]:
        with pytest.raises(InvalidInputError) as refused:
            CODECS[name].encode_request(case["chat"], case["model"], stream=False, strict=True)
        assert refused.value.code == "unsupported_parameter"


@pytest.mark.parametrize("case", cases("cohere/responses.json"), ids=lambda case: case["name"])
def test_cohere_responses(case: Document) -> None:
    chat = CODECS["cohere"].decode_response(case["cohere"])
    assert chat.pop("created") > 1_700_000_000
    assert chat == case["chat"]


@pytest.mark.parametrize(
    ("name", "chat", "param", "code"),
    [
        ("cohere", {"n": 2}, "n", "unsupported_parameter"),
        ("cohere", {"logprobs": True}, "logprobs", "unsupported_parameter"),
        ("cohere", {"messages": [{"role": "user", "content": [{"type": "file"}]}]}, "messages[0].content[0].type",
         "unsupported_parameter"),
        ("cohere", {"messages": [{"role": "robot"}]}, "messages[0].role", "invalid_input"),
        ("cohere", {"reasoning_effort": "huge"}, "reasoning_effort", "invalid_input"),
        ("mistral", {"web_search_options": {"a": 1}}, "web_search_options", "unsupported_parameter"),
        ("mistral", {"messages": [{"role": "user", "content": [{"type": "file"}]}]}, "messages[0].content[0].type",
         "unsupported_parameter"),
        ("mistral", {"messages": [{"role": "assistant", "tool_calls": [1]}]}, "messages[0].tool_calls[0]",
         "invalid_input"),
    ],
)  # fmt: skip
def test_refusals(name: str, chat: Document, param: str, code: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        CODECS[name].encode_request({"messages": [USER], **chat}, "m", stream=False, strict=False)
    assert (refused.value.param, refused.value.code) == (param, code)


def test_cohere_streams_at_every_split() -> None:
    text, tools = assemble(chunks_of(TEXT, CohereDecoder())), assemble(chunks_of(TOOLS, CohereDecoder()))
    assert (text["message"]["content"], text["message"]["reasoning_content"]) == ("こんにちは😀", "Hm")
    assert (text["finish_reason"], text["usage"]["total_tokens"]) == ("length", 13)
    assert tools["message"]["tool_calls"] == [
        {"id": "q_1", "name": "query", "arguments": '{"city": "東京"}'},
        {"id": "n_1", "name": "now", "arguments": "{}"},
    ]
    assert (tools["message"]["reasoning_content"], tools["finish_reason"]) == ("I will look.", "tool_calls")
    assert tools["usage"]["prompt_tokens"] == 37
    for stream, whole in ((TEXT, text), (TOOLS, tools)):
        assert all(assemble(chunks_of(stream, CohereDecoder(), [cut])) == whole for cut in range(len(stream) + 1))


def test_cohere_failures() -> None:
    with pytest.raises(UpstreamError) as cut:
        chunks_of(TEXT[: TEXT.index(b"event: message-end")], CohereDecoder())
    assert cut.value.code == "upstream_cut"
    with pytest.raises(UpstreamError, match="boom"):
        CohereDecoder().feed("", b'{"type":"message-end","delta":{"finish_reason":"ERROR","error":"boom"}}')
    with pytest.raises(UpstreamError, match="TIMEOUT"):
        CODECS["cohere"].decode_response({"message": {}, "finish_reason": "TIMEOUT"})
    with pytest.raises(UpstreamError):
        CODECS["cohere"].decode_response({"message": "invalid request"})
    decoder = CohereDecoder()
    assert decoder.feed("", b"nope") == decoder.feed("x", b'{"type":"debug"}') == []
    assert decoder.malformed == 1


def test_mistral_stream_at_every_split() -> None:
    whole = assemble(chunks_of(REASONING, MistralDecoder()))
    assert (whole["message"]["content"], whole["message"]["reasoning_content"]) == ("Okay", "Hm 考")
    assert (whole["finish_reason"], whole["usage"]["total_tokens"]) == ("length", 12)
    assert all(assemble(chunks_of(REASONING, MistralDecoder(), [cut])) == whole for cut in range(len(REASONING) + 1))


def test_mistral_answers() -> None:
    chunks = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}, {"type": "text", "text": "Ok"}]
    choice = {"index": 0, "message": {"role": "assistant", "content": chunks}, "finish_reason": "stop"}
    message = CODECS["mistral"].decode_response({"choices": [choice]})["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "Ok", "reasoning_content": "Hm"}
    with pytest.raises(UpstreamError):
        CODECS["mistral"].decode_response({"choices": [{**choice, "finish_reason": "error"}]})
    assert short_id("abcDEF123") == "abcDEF123"
    assert len({short_id(f"call_{i}") for i in range(1000)}) == 1000


def test_embeddings() -> None:
    asked = {"input": ["a"], "input_type": "search_query"}
    encoded = CohereEmbeddings().encode_request(asked, "embed-v4.0", stream=False, strict=True)
    assert encoded.document == {
        "model": "embed-v4.0", "texts": ["a"], "input_type": "search_query", "embedding_types": ["float"],
    }  # fmt: skip
    answer = {"embeddings": {"float": [[0.1]]}, "meta": {"billed_units": {"input_tokens": 2}}}
    assert CohereEmbeddings().decode_response(answer)["usage"]["prompt_tokens"] == 2
    asked = {"input": "a", "dimensions": 8, "user": "u"}
    encoded = MistralEmbeddings().encode_request(asked, "m", stream=False, strict=True)
    assert encoded.document == {"model": "m", "input": ["a"], "output_dimension": 8}
    assert MistralEmbeddings().decode_response({"data": [{"embedding": [1]}], "usage": {"prompt_tokens": 3}})["usage"]
    for codec in (CohereEmbeddings(), MistralEmbeddings()):
        with pytest.raises(UpstreamError):
            codec.decode_response({})


@pytest.mark.parametrize(
    ("document", "message", "param"),
    [
        ({"message": "model 'x' not found"}, "model 'x' not found", None),
        ({"object": "error", "message": {"detail": [{"loc": ["body", "stop"], "msg": "Extra"}]}}, "Extra", "stop"),
        ({"detail": [{"loc": ["body", "n"], "msg": "Input should be > 0"}]}, "Input should be > 0", "n"),
        ({"detail": "Unauthorized"}, "Unauthorized", None),
    ],
)
def test_errors(document: Document, message: str, param: str | None) -> None:
    said = MISTRAL.read_error(422, {}, document)
    assert said is not None
    assert (said.error["message"], said.error["param"], said.error["type"]) == (message, param, "invalid_request_error")
    assert COHERE.read_error(500, {}, {}) is None
