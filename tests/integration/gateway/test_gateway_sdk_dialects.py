"""The official SDKs read what our codecs write, over HTTP: answers, streams, errors before and inside a stream.

The server is nothing but a surface codec before a recorded upstream, so that what is tested is the bytes.
"""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, cast

import anthropic
import openai
import orjson
import pytest

from kaname.gateway.anthropic_errors import render_anthropic
from kaname.gateway.dialects.anthropic.codec import MessagesCodec
from kaname.gateway.dialects.anthropic.stream import MessagesDecoder
from kaname.gateway.dialects.chat.decoder import ChatDecoder
from kaname.gateway.dialects.chat.encoder import ChatEncoder
from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.dialects.messages_surface.codec import MessagesSurface
from kaname.gateway.dialects.messages_surface.count import count_response
from kaname.gateway.dialects.model import Document, StreamEncoder
from kaname.gateway.dialects.responses_surface.codec import ResponsesSurface
from kaname.gateway.openai_errors import WireError, to_wire
from kaname.kernel.errors import KanameError, UpstreamTimeoutError
from unit.gateway.dialects.wire_data import DATA, cases, chunks_of

LATE = to_wire(UpstreamTimeoutError("it stopped answering"))
TOOL = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
CALL = {"name": "get_weather", "arguments": '{"location":"東京"}'}
MESSAGE = {
    "role": "assistant",
    "content": "Okay",
    "reasoning_content": "Hm",
    "tool_calls": [{"id": "call_1", "type": "function", "function": CALL}],
}
USAGE = {
    "prompt_tokens": 30,
    "completion_tokens": 7,
    "total_tokens": 37,
    "prompt_tokens_details": {"cached_tokens": 10},
}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-x",
    "choices": [{"index": 0, "finish_reason": "tool_calls", "message": MESSAGE}],
    "usage": USAGE,
}


class Handler(BaseHTTPRequestHandler):
    """Model `cut` stops in the middle of a stream; `late`, `busy`, `spent` fail before it."""

    protocol_version = "HTTP/1.1"
    failures: ClassVar = {
        "late": LATE,
        "busy": WireError(429, "requests", "rate_limit_exceeded", "slow down", None, [(b"retry-after", b"1")]),
        "spent": WireError(402, "insufficient_quota", "insufficient_quota", "spent", None, []),
    }

    def do_POST(self) -> None:
        document = orjson.loads(self.rfile.read(int(self.headers["content-length"])))
        style = "anthropic" if self.path.startswith("/v1/messages") else "openai"
        try:
            if failure := self.failures.get(document["model"]):
                self.fail(failure, style)
            elif self.path == "/v1/messages/count_tokens":
                self.reply(200, orjson.dumps(count_response(document)))
            elif self.path == "/v1/messages":
                self.serve(document, MessagesSurface())
            elif self.path == "/v1/responses":
                self.serve(document, ResponsesSurface().for_request(document))
            else:
                self.serve_chat(document)
        except KanameError as e:
            self.fail(to_wire(e), style)

    def serve(self, document: Document, surface: MessagesSurface | ResponsesSurface) -> None:
        chat = surface.decode_request(document).document
        ChatCodec().encode_request(chat, "gpt-x", stream=False, strict=False)
        if not document.get("stream"):
            self.reply(200, orjson.dumps(surface.encode_response(COMPLETION)))
            return
        chunks = chunks_of((DATA / "openai" / "tools.sse").read_bytes(), ChatDecoder())
        self.stream(document, chunks, surface.stream_encoder("alias"))

    def serve_chat(self, document: Document) -> None:
        codec = MessagesCodec()
        codec.encode_request(document, "claude-opus-4-7", stream=False, strict=False)
        if not document.get("stream"):
            message = cases("anthropic/messages_to_chat_responses.json")[1]["anthropic"]
            self.reply(200, orjson.dumps(codec.decode_response(cast("Document", message))))
            return
        chunks = chunks_of((DATA / "anthropic" / "tools.sse").read_bytes(), MessagesDecoder())
        options = cast("Document", document.get("stream_options") or {})
        self.stream(document, chunks, ChatEncoder("m", include_usage=options.get("include_usage") is True))

    def stream(self, document: Document, chunks: list[Document], encoder: StreamEncoder) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        stop = 4 if document["model"] == "cut" else None
        for chunk in chunks[:stop]:
            self.wfile.write(encoder.feed(chunk))
        self.wfile.write(encoder.error(LATE) if stop else encoder.finish())
        self.close_connection = True

    def fail(self, error: WireError, style: str) -> None:
        body = render_anthropic(error, "req_1") if style == "anthropic" else error.body()
        self.reply(error.status, body, error.headers)

    def reply(self, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("request-id", "req_1")
        for name, value in headers or []:
            self.send_header(name.decode(), value.decode())
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def claude(url: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def gpt(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client:
        yield client


ASK = [{"role": "user", "content": "Weather in Tokyo?"}]


# ---- Anthropic's SDK, another target


def test_anthropic_answer(claude: anthropic.Anthropic) -> None:
    message = claude.messages.create(model="m", max_tokens=100, messages=ASK, tools=[TOOL])
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use"]
    assert message.content[-1].input == {"location": "東京"}
    assert (message.stop_reason, message.usage.input_tokens, message.usage.cache_read_input_tokens) == (
        "tool_use",
        20,
        10,
    )


def test_anthropic_stream(claude: anthropic.Anthropic) -> None:
    with claude.messages.stream(model="m", max_tokens=100, messages=ASK, tools=[TOOL]) as stream:
        kinds = [event.type for event in stream]
        message = stream.get_final_message()
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert message.content[0].thinking == "Let me think"
    assert message.content[2].input == {"location": "東京"}
    assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("tool_use", 472, 89)


def test_anthropic_raw_stream(claude: anthropic.Anthropic) -> None:
    events = list(claude.messages.create(model="m", max_tokens=100, messages=ASK, stream=True))
    assert events[0].message.id == "msg_9"
    assert events[-1].type == "message_stop"


def test_anthropic_conversation_can_go_on(claude: anthropic.Anthropic) -> None:
    first = claude.messages.create(model="m", max_tokens=100, messages=ASK, tools=[TOOL])
    result = {"type": "tool_result", "tool_use_id": first.content[-1].id, "content": "18°C"}
    turns = [*ASK, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    assert claude.messages.create(model="m", max_tokens=100, messages=turns, tools=[TOOL]).content


def test_anthropic_counts(claude: anthropic.Anthropic) -> None:
    assert 5 < claude.messages.count_tokens(model="m", messages=ASK).input_tokens < 20


@pytest.mark.parametrize(
    ("model", "error", "kind"),
    [
        ("late", anthropic.InternalServerError, "timeout_error"),
        ("busy", anthropic.RateLimitError, "rate_limit_error"),
        ("spent", anthropic.APIStatusError, "billing_error"),
    ],
)
def test_anthropic_errors(
    claude: anthropic.Anthropic, model: str, error: type[anthropic.APIStatusError], kind: str
) -> None:
    with pytest.raises(error) as raised:
        claude.messages.create(model=model, max_tokens=5, messages=ASK)
    assert (raised.value.body["error"]["type"], raised.value.request_id) == (kind, "req_1")


def test_anthropic_bad_request(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match=r"messages\[0\].role"):
        claude.messages.create(model="m", max_tokens=5, messages=[{"role": "robot", "content": "x"}])


def test_anthropic_error_inside_a_stream(claude: anthropic.Anthropic) -> None:
    seen = []
    with pytest.raises(anthropic.APIStatusError) as raised:
        seen.extend(
            event.type for event in claude.messages.create(model="cut", max_tokens=5, messages=ASK, stream=True)
        )
    assert raised.value.body == {"type": "error", "error": {"type": "timeout_error", "message": "it stopped answering"}}
    assert "message_stop" not in seen


# ---- OpenAI's SDK, Anthropic behind chat


def test_chat_answer(gpt: openai.OpenAI) -> None:
    completion = gpt.chat.completions.create(model="m", messages=ASK)
    message = completion.choices[0].message
    assert message.tool_calls[0].function.arguments == '{"city":"東京"}'
    assert message.model_extra["thinking_blocks"][0]["signature"] == "c2ln"
    assert (completion.choices[0].finish_reason, completion.usage.total_tokens) == ("tool_calls", 45)
    echoed = message.model_dump(exclude_none=True)
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "18°C"}
    assert gpt.chat.completions.create(model="m", messages=[*ASK, echoed, result]).choices


@pytest.mark.parametrize("include_usage", [True, False])
def test_chat_stream(gpt: openai.OpenAI, include_usage: bool) -> None:
    options = {"stream_options": {"include_usage": True}} if include_usage else {}
    with gpt.chat.completions.stream(model="m", messages=ASK, **options) as stream:
        kinds = [event.type for event in stream]
        completion = stream.get_final_completion()
    message = completion.choices[0].message
    assert "content.delta" in kinds
    assert message.content == "Okay"
    assert [call.function.arguments for call in message.tool_calls] == ['{"location": "東京"}', "{}"]
    assert completion.choices[0].finish_reason == "tool_calls"
    assert (completion.usage.total_tokens if completion.usage else None) == (561 if include_usage else None)


def test_chat_errors(gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as busy:
        gpt.chat.completions.create(model="busy", messages=ASK)
    assert busy.value.code == "rate_limit_exceeded"
    with pytest.raises(openai.BadRequestError) as refused:
        gpt.chat.completions.create(model="m", messages=ASK, n=2)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "n")
    with pytest.raises(openai.APIError, match="it stopped answering"):
        list(gpt.chat.completions.create(model="cut", messages=ASK, stream=True))


# ---- OpenAI's SDK, Responses bridged


def test_responses_answer(gpt: openai.OpenAI) -> None:
    response = gpt.responses.create(model="m", input="Weather?", temperature=0.5, store=False)
    assert [item.type for item in response.output] == ["reasoning", "message", "function_call"]
    assert (response.output_text, response.status, response.temperature) == ("Okay", "completed", 0.5)
    assert (response.usage.input_tokens, response.usage.input_tokens_details.cached_tokens) == (30, 10)
    result = {"type": "function_call_output", "call_id": response.output[-1].call_id, "output": "18°C"}
    turns = [*ASK, *(item.model_dump(exclude_none=True) for item in response.output), result]
    assert gpt.responses.create(model="m", input=turns).output_text == "Okay"


def test_responses_stream(gpt: openai.OpenAI) -> None:
    with gpt.responses.stream(model="m", input="Weather?") as stream:
        events = list(stream)
        response = stream.get_final_response()
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Okay"
    assert [item.type for item in response.output] == ["reasoning", "message", "function_call", "function_call"]
    assert response.output[2].arguments == '{"location": "東京"}'
    assert response.usage.total_tokens == 561


def test_responses_errors(gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        gpt.responses.create(model="m", input="Hi", previous_response_id="resp_1")
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "previous_response_id")
    events = list(gpt.responses.create(model="cut", input="Hi", stream=True))
    assert [event.type for event in events[-2:]] == ["response.failed", "error"]
    assert (events[-1].message, events[-1].code) == ("it stopped answering", "upstream_timeout")
