"""The hub in Bedrock's Converse and back: public examples, binary frames at every split, checksums, signatures."""

import asyncio
import struct
from datetime import UTC, datetime
from itertools import pairwise
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.dialects.converse.codec import ConverseCodec
from kaname.gateway.dialects.converse.stream import ConverseDecoder
from kaname.gateway.dialects.embeddings.cohere import CohereEmbeddings
from kaname.gateway.dialects.embeddings.titan import TitanEmbeddings
from kaname.gateway.dialects.model import Document
from kaname.gateway.providers.bedrock import BEDROCK
from kaname.gateway.providers.framing import EventStreamFramer
from kaname.gateway.providers.model import OutgoingRequest
from kaname.gateway.providers.sigv4 import AwsCredentials, SigningScope, sign
from kaname.kernel.errors import InvalidInputError, UpstreamError
from unit.gateway.dialects.event_stream import frame, frames, text_header
from unit.gateway.dialects.wire_data import assemble, cases

CODEC = ConverseCodec()
STREAM = frames([tuple(message) for message in cases("bedrock/stream.json")])
CLAUDE = "anthropic.claude-opus-4-7"
USER: Document = {"role": "user", "content": "Hi"}


def encode(chat: Document, model: str = CLAUDE) -> Document:
    return CODEC.encode_request({"messages": [USER], **chat}, model, stream=False, strict=False).document


@pytest.mark.parametrize("case", cases("bedrock/requests.json"), ids=lambda case: case["name"])
def test_requests(case: Document) -> None:
    encoded = CODEC.encode_request(case["chat"], case["model"], stream=True, strict=False)
    assert encoded.document == case["converse"]
    assert encoded.warnings == case["warnings"]
    if case["warnings"]:
        with pytest.raises(InvalidInputError) as refused:
            CODEC.encode_request(case["chat"], case["model"], stream=False, strict=True)
        assert refused.value.code == "unsupported_parameter"


@pytest.mark.parametrize("case", cases("bedrock/responses.json"), ids=lambda case: case["name"])
def test_responses(case: Document) -> None:
    chat = CODEC.decode_response(case["bedrock"])
    assert chat.pop("created") > 1_700_000_000
    assert chat.pop("id").startswith("chatcmpl-")
    assert chat == case["chat"]


@pytest.mark.parametrize(
    ("chat", "param", "code"),
    [
        ({"n": 2}, "n", "unsupported_parameter"),
        ({"logprobs": True}, "logprobs", "unsupported_parameter"),
        ({"tool_choice": "required"}, "tools", "invalid_input"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://e.com/a.png"}}]}]},
         "messages[0].content[0].image_url.url", "unsupported_parameter"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,#"}]}]},
         "messages[0].content[0].image_url.url", "invalid_input"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0].type",
         "unsupported_parameter"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "["}}]}
         ]}, "messages[0].tool_calls[0].function.arguments", "invalid_input"),
    ],
)  # fmt: skip
def test_refusals(chat: Document, param: str, code: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        encode(chat)
    assert (refused.value.param, refused.value.code) == (param, code)


def test_tool_choice() -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in "fg"]
    forced = encode({"tools": tools, "tool_choice": {"type": "function", "function": {"name": "g"}}})
    assert forced["toolConfig"]["toolChoice"] == {"tool": {"name": "g"}}
    assert encode({"tools": tools, "tool_choice": "required"})["toolConfig"]["toolChoice"] == {"any": {}}
    assert "toolConfig" not in encode({"tools": tools, "tool_choice": "none"})
    adaptive = encode({"reasoning_effort": "high", "temperature": 1})
    assert adaptive["additionalModelRequestFields"]["thinking"] == {"type": "adaptive"}


# ---- streams


def decode(stream: bytes, cuts: tuple[int, ...] = ()) -> Document:
    framer, decoder, chunks = EventStreamFramer(10_000), ConverseDecoder(), []
    edges = [0, *sorted(cuts), len(stream)]
    for start, end in pairwise(edges):
        for name, data in framer.feed(stream[start:end]):
            chunks += decoder.feed(name, data)
    assert decoder.done
    chunks += decoder.finish()
    assert len({chunk["id"] for chunk in chunks}) == 1
    return assemble(chunks)


def test_stream_at_every_split() -> None:
    whole = decode(STREAM)
    assert all(decode(STREAM, (cut,)) == whole for cut in range(len(STREAM) + 1))
    assert whole["message"] == {
        "content": "こんにちは😀",
        "reasoning_content": "Let me see",
        "thinking_blocks": [{"type": "thinking", "thinking": "Let me see", "signature": "EqQB"}],
        "tool_calls": [
            {"id": "tooluse_1", "name": "top_song", "arguments": '{"sign": "WZPZ"}'},
            {"id": "tooluse_2", "name": "now", "arguments": "{}"},
        ],
    }
    assert whole["finish_reason"] == "tool_calls"
    assert (whole["usage"]["prompt_tokens"], whole["usage"]["completion_tokens"]) == (57, 20)


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_stream_in_many_pieces(cuts: list[int]) -> None:
    assert decode(STREAM, tuple(cuts)) == decode(STREAM)


@pytest.mark.parametrize("position", [0, 5, 8, 11, 12, 40, 100, -1, -5])
def test_a_flipped_bit_is_noticed(position: int) -> None:
    message = bytearray(frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "x" * 60}}))
    message[position] ^= 1
    with pytest.raises(UpstreamError) as broken:
        list(EventStreamFramer(10_000).feed(bytes(message)))
    assert broken.value.code == "upstream_invalid_response"


def test_lengths_are_checked() -> None:
    with pytest.raises(UpstreamError) as large:
        EventStreamFramer(100).feed(frame("x", {"a": "b" * 200})[:12])
    assert large.value.code == "upstream_response_too_large"
    for total, headers in ((8, 0), (40, 30)):
        prelude = struct.pack(">II", total, headers)
        with pytest.raises(UpstreamError, match="shorter"):
            EventStreamFramer(100).feed(prelude + struct.pack(">I", crc32(prelude)))


def test_headers_of_every_type() -> None:
    numbers = b"".join(
        bytes([1]) + b"h" + bytes([kind]) + b"\0" * size
        for kind, size in {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}.items()
    )
    blob = b"\x01b\x06\x00\x02ab"
    assert EventStreamFramer(1000).feed(frame("metadata", {}, extra=numbers + blob)) == [("metadata", b"{}")]
    for bad in (b"\x05ab", b"\x01a", b"\x01a\x0b\0\0", b"\x01a\x07\xff\xff", b"\x02\xff\xfe\x07\0\0"):
        with pytest.raises(UpstreamError, match="headers"):
            EventStreamFramer(1000).feed(frame("metadata", {}, extra=bad))


def test_exceptions_end_a_stream() -> None:
    [(name, data)] = EventStreamFramer(1000).feed(
        frame("throttlingException", {"message": "Slow down"}, kind="exception")
    )
    with pytest.raises(UpstreamError, match=r"throttlingException.*Slow down"):
        ConverseDecoder().feed(name, data)
    with pytest.raises(UpstreamError, match="Broke"):
        EventStreamFramer(1000).feed(frame("", {}, kind="error", extra=text_header(":error-message", "Broke")))


def test_incomplete_streams() -> None:
    messages = [tuple(message) for message in cases("bedrock/stream.json")]
    decoder = ConverseDecoder()
    for name, data in EventStreamFramer(9999).feed(frames(messages[:-2])):
        decoder.feed(name, data)
    with pytest.raises(UpstreamError) as cut:
        decoder.finish()
    assert cut.value.code == "upstream_cut"
    decoder.feed("messageStop", b'{"stopReason":"end_turn"}')
    assert [chunk["choices"][0]["finish_reason"] for chunk in decoder.finish()] == ["stop"]
    assert decoder.feed("contentBlockDelta", b"{") == []
    assert decoder.malformed == 1
    assert decoder.feed("somethingNew", b"{}") == []
    with pytest.raises(UpstreamError, match="malformed_tool_use"):
        ConverseDecoder().feed("messageStop", b'{"stopReason":"malformed_tool_use"}')
    with pytest.raises(UpstreamError, match="no message"):
        CODEC.decode_response({})


# ---- signatures: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-test-suite.html

SUITE = AwsCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SCOPE = SigningScope("us-east-1", "service")
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx"
    "7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d"
    "+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "body", "signature"),
    [
        ("GET", "/", "", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", "", [], b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("GET", "/", "Param2=value2&Param1=value1", [], b"",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("GET", "/ሴ", "", [], b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        ("GET", "/example space/", "", [], b"", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        ("POST", "/", "", [("My-Header1", "VALUE1")], b"",
         "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"),
        ("POST", "/", "", [("Content-Type", "application/x-www-form-urlencoded")], b"Param1=value1",
         "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
    ],
)  # fmt: skip
def test_published_signatures(
    method: str, path: str, query: str, headers: list[tuple[str, str]], body: bytes, signature: str
) -> None:
    lines = dict(sign((method, "example.amazonaws.com", path, query), headers, body, SUITE, SCOPE, AT))
    assert lines["x-amz-date"] == "20150830T123600Z"
    assert lines["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders="
    )
    assert lines["authorization"].endswith(f", Signature={signature}")


def test_published_signature_with_a_session() -> None:
    credentials = SUITE._replace(session=TOKEN)
    lines = dict(sign(("POST", "example.amazonaws.com", "/", ""), [], b"", credentials, SCOPE, AT))
    assert lines["x-amz-security-token"] == TOKEN
    assert lines["authorization"].endswith("85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead")


def test_bedrock_signs_only_with_an_access_key() -> None:
    assert BEDROCK.signer is not None

    async def fetch(host: str, path: str, form: bytes) -> None: ...

    signer = BEDROCK.signer(fetch)  # type: ignore[arg-type]
    request = OutgoingRequest(
        "bedrock-runtime.us-east-1.amazonaws.com", "/model/a%3A0/converse", b"{}", "application/json"
    )
    options = {"region": "us-east-1"}
    signed = dict(asyncio.run(signer.headers(request, "AKIDEXAMPLE000000:s/e+c:tok", options)))
    assert set(signed) == {"x-amz-date", "x-amz-security-token", "authorization"}
    assert "/us-east-1/bedrock/aws4_request" in signed["authorization"]
    assert asyncio.run(signer.headers(request, "ABSKbearer", options)) == []
    assert BEDROCK.headers("ABSKbearer", options) == [("authorization", "Bearer ABSKbearer")]
    assert BEDROCK.headers("AKIDEXAMPLE000000:s/e+c", options) == []
    assert BEDROCK.key_problem("AKIDEXAMPLE000000:") != ""
    assert BEDROCK.key_problem("AKIDEXAMPLE000000:s/e+c:tok") == BEDROCK.key_problem("ABSKbearer=") == ""


def test_errors() -> None:
    said = BEDROCK.read_error(400, {}, {"message": "Input is too long for requested model."})
    assert said is not None
    assert (said.status, said.error["code"]) == (400, "context_length_exceeded")
    failed = BEDROCK.read_error(424, {}, {"message": "The model failed."})
    assert failed is not None
    assert failed.status == 502
    assert BEDROCK.read_error(500, {}, {}) is None


# ---- embeddings


def test_titan() -> None:
    codec = TitanEmbeddings()
    encoded = codec.encode_request(
        {"input": ["Hi"], "dimensions": 256}, "amazon.titan-embed-text-v2:0", stream=False, strict=True
    )
    assert encoded.document == {"inputText": "Hi", "dimensions": 256}
    answer = codec.decode_response({"embedding": [0.5], "inputTextTokenCount": 3})
    assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    with pytest.raises(InvalidInputError) as refused:
        codec.encode_request({"input": ["a", "b"]}, "m", stream=False, strict=False)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "input")


def test_cohere_on_bedrock() -> None:
    codec = CohereEmbeddings(on_bedrock=True)
    encoded = codec.encode_request({"input": "Hi"}, "cohere.embed-v4:0", stream=False, strict=False)
    assert encoded.document == {"texts": ["Hi"], "input_type": "search_document", "embedding_types": ["float"]}
    for embeddings in ([[0.5]], {"float": [[0.5]]}):
        assert codec.decode_response({"embeddings": embeddings})["data"][0]["embedding"] == [0.5]
