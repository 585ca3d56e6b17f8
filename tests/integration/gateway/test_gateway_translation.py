"""Clients of one format before upstreams of another, through the whole gateway: official SDKs, faults, records."""

import asyncio
from collections.abc import Iterator

import anthropic
import openai
import orjson
import pytest

from integration.gateway.conftest import UPSTREAM_KEY, Gateway, running_gateway
from integration.gateway.fault_upstream import BEHAVIOURS, Behaviour, FaultUpstream, Seen, Wire, fixed, stream_of
from unit.gateway.dialects.wire_data import DATA, cases

CLAUDE = (DATA / "anthropic" / "tools.sse").read_bytes()
CLAUDE_EVENTS = [event + b"\n\n" for event in CLAUDE.split(b"\n\n") if event.strip()]
MESSAGE = orjson.dumps(cases("anthropic/messages_to_chat_responses.json")[1]["anthropic"])
OVERLOADED = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
ASK = [{"role": "user", "content": "Weather in Tokyo?"}]
TOOLS = [{"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}]


async def claude(wire: Wire, seen: Seen) -> None:
    """Answers as Anthropic does."""
    if seen.json().get("stream"):
        await stream_of(*CLAUDE_EVENTS)(wire, seen)
    else:
        await wire.reply("200 OK", MESSAGE)


async def claude_error(wire: Wire, seen: Seen) -> None:
    """Fails in the middle of its answer, when the client has some of it."""
    await wire.start_stream()
    for event in CLAUDE_EVENTS[:11]:
        await wire.event(event)
    await asyncio.sleep(0.1)
    await wire.event(CLAUDE_EVENTS[11] + b"event: error\ndata: " + OVERLOADED + b"\n\n")
    await wire.end_stream()


CLAUDES: dict[str, Behaviour] = {
    "claude": claude,
    "claude-cut": stream_of(*CLAUDE_EVENTS[:12]),
    "claude-error": claude_error,
    "claude-400": fixed(
        "400 Bad Request",
        b'{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: too large"}}',
    ),
    "claude-429": fixed(
        "429 Too Many Requests",
        b'{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}',
        extra="retry-after: 7\r\n",
    ),
}
OPENAIS = ("ok", "cut", "stall", "429", "400", "html", "truncated")


def configuration(port: int) -> str:
    url, options = f"http://127.0.0.1:{port}", "allow_private: true, keys: [{env: UP}]"
    lines = ["providers:"]
    lines += [f'  "{name}": {{type: anthropic, base_url: "{url}/{name}/v1", {options}}}' for name in CLAUDES]
    lines += [f'  "{name}": {{base_url: "{url}/{name}/v1", {options}}}' for name in OPENAIS if name in BEHAVIOURS]
    lines.append("models:")
    quick = "timeouts: {connect: 2s, ttft: 300ms, stall: 300ms, total: 1s}, retry: {max: 0}"
    names = [*CLAUDES, *(name for name in OPENAIS if name in BEHAVIOURS)]
    lines += [f'  m-{name}: {{use: "{name}/claude-opus-4-7", {quick}}}' for name in names]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("translation")
    with (
        FaultUpstream({**BEHAVIOURS, **CLAUDES}) as upstream,
        running_gateway(folder, upstream, configuration(upstream.port)) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def claude_client(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    url = gateway.url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=url, api_key="good", max_retries=0, timeout=20) as client:
        yield client


# ---- chat clients, Anthropic behind


def test_chat_to_anthropic(gateway: Gateway) -> None:
    raw = gateway.client().chat.completions.with_raw_response.create(model="m-claude", messages=ASK, seed=3)
    completion = raw.parse()
    assert completion.choices[0].message.tool_calls[0].function.arguments == '{"city":"東京"}'
    assert raw.headers["x-kaname-warnings"].startswith("seed: ")
    seen = gateway.upstream.last("claude")
    assert seen.path == "/claude/v1/messages"
    assert seen.headers["x-api-key"] == UPSTREAM_KEY
    assert seen.headers["anthropic-version"]
    assert seen.json()["model"] == "claude-opus-4-7"
    record = gateway.sink.wait(lambda r: r.request_id == raw.headers["x-request-id"])
    assert (record.outcome, record.finish_reasons, record.target_model) == ("ok", ["tool_calls"], "claude-opus-4-7")
    assert orjson.loads(record.usage)["completion_tokens_details"]["reasoning_tokens"] == 30


def test_chat_stream_to_anthropic(gateway: Gateway) -> None:
    with gateway.client().chat.completions.stream(model="m-claude", messages=ASK) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    assert (message.content, len(message.tool_calls)) == ("Okay", 2)
    record = gateway.sink.wait(lambda r: r.stream and r.provider == "claude" and r.surface == "chat_completions")
    assert (record.outcome, orjson.loads(record.usage)["total_tokens"]) == ("ok", 561)
    assert record.ttft_ns


@pytest.mark.parametrize("name", ["claude-cut", "claude-error"])
def test_a_broken_anthropic_stream_ends_with_an_error_for_a_chat_client(gateway: Gateway, name: str) -> None:
    seen = []
    with pytest.raises(openai.APIError):
        seen.extend(gateway.client().chat.completions.create(model=f"m-{name}", messages=ASK, stream=True))
    assert any(chunk.choices[0].delta.content == "Okay" for chunk in seen)
    assert gateway.sink.wait(lambda r: r.provider == name).outcome == "incomplete"


def test_anthropics_errors_reach_a_chat_client_in_its_shape(gateway: Gateway) -> None:
    with pytest.raises(openai.RateLimitError) as busy:
        gateway.client().chat.completions.create(model="m-claude-429", messages=ASK)
    assert (busy.value.code, busy.value.response.headers["retry-after"]) == ("rate_limit_exceeded", "7")
    with pytest.raises(openai.BadRequestError, match="too large") as bad:
        gateway.client().chat.completions.create(model="m-claude-400", messages=ASK)
    assert set(bad.value.body) == {"message", "type", "param", "code"}


def test_what_anthropic_cant_do_is_refused_before_it_is_called(gateway: Gateway) -> None:
    before = gateway.upstream.count("claude")
    with pytest.raises(openai.BadRequestError) as refused:
        gateway.client().chat.completions.create(model="m-claude", messages=ASK, n=2)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "n")
    assert gateway.upstream.count("claude") == before


# ---- Anthropic clients, OpenAI behind


def test_messages_to_chat(gateway: Gateway, claude_client: anthropic.Anthropic) -> None:
    raw = claude_client.messages.with_raw_response.create(model="m-ok", max_tokens=9, messages=ASK, tools=TOOLS)
    message = raw.parse()
    assert (message.content[0].text, message.stop_reason, message.usage.input_tokens) == ("こんにちは", "end_turn", 9)
    assert gateway.upstream.last("ok").json()["max_tokens"] == 9
    record = gateway.sink.wait(lambda r: r.surface == "messages" and not r.stream and r.provider == "ok")
    assert (record.outcome, orjson.loads(record.usage)["total_tokens"]) == ("ok", 12)


def test_messages_stream_to_chat(gateway: Gateway, claude_client: anthropic.Anthropic) -> None:
    with claude_client.messages.stream(model="m-ok", max_tokens=9, messages=ASK) as stream:
        message = stream.get_final_message()
    assert message.content[0].text == "".join(f"語{i} " for i in range(10))
    assert (message.usage.input_tokens, message.usage.output_tokens) == (9, 10)


@pytest.mark.parametrize(("name", "kind"), [("cut", "api_error"), ("stall", "timeout_error")])
def test_a_broken_chat_stream_ends_with_an_error_event(
    gateway: Gateway, claude_client: anthropic.Anthropic, name: str, kind: str
) -> None:
    events = []
    with pytest.raises(anthropic.APIStatusError) as failed:
        events.extend(claude_client.messages.create(model=f"m-{name}", max_tokens=9, messages=ASK, stream=True))
    assert failed.value.body["error"]["type"] == kind
    kinds = [event.type for event in events]
    assert "content_block_delta" in kinds
    assert "message_stop" not in kinds


def test_openais_errors_reach_an_anthropic_client_in_its_shape(claude_client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.RateLimitError) as busy:
        claude_client.messages.create(model="m-429", max_tokens=9, messages=ASK)
    assert busy.value.body["error"]["type"] == "rate_limit_error"
    assert busy.value.response.headers["retry-after"] == "7"
    assert busy.value.request_id
    with pytest.raises(anthropic.BadRequestError) as bad:
        claude_client.messages.create(model="m-ok", max_tokens=9, messages=[{"role": "robot", "content": "x"}])
    assert "messages[0].role" in bad.value.body["error"]["message"]
    with pytest.raises(anthropic.NotFoundError):
        claude_client.messages.create(model="nowhere/at-all", max_tokens=9, messages=ASK)


def test_counting_before_a_target_that_doesnt_count(claude_client: anthropic.Anthropic) -> None:
    raw = claude_client.messages.with_raw_response.count_tokens(model="m-ok", messages=ASK)
    assert raw.parse().input_tokens > 3
    assert "estimated" in raw.headers["x-kaname-warnings"]


def test_messages_to_anthropic_are_passed_as_they_are(gateway: Gateway, claude_client: anthropic.Anthropic) -> None:
    events = list(claude_client.messages.create(model="m-claude", max_tokens=9, messages=ASK, stream=True))
    assert events[-1].type == "message_stop"
    record = gateway.sink.wait(lambda r: r.surface == "messages" and r.stream and r.provider == "claude")
    assert record.response == CLAUDE
    usage = orjson.loads(record.usage)
    assert (usage["input_tokens"], usage["output_tokens"]) == (472, 89)
    assert record.finish_reasons == ["tool_use"]


# ---- Responses clients


@pytest.mark.parametrize(("model", "types"), [
    ("m-ok", ["message"]), ("m-claude", ["reasoning", "function_call"]),
])  # fmt: skip
def test_responses_are_bridged(gateway: Gateway, model: str, types: list[str]) -> None:
    response = gateway.client().responses.create(model=model, input="Hi")
    assert ([item.type for item in response.output], response.status) == (types, "completed")


def test_a_responses_stream_is_bridged(gateway: Gateway) -> None:
    with gateway.client().responses.stream(model="m-ok", input="Hi") as stream:
        for _ in stream:
            pass
        response = stream.get_final_response()
    assert response.output_text == "".join(f"語{i} " for i in range(10))
    assert response.usage.total_tokens == 19


def test_a_broken_responses_stream_says_so(gateway: Gateway) -> None:
    events = list(gateway.client().responses.create(model="m-cut", input="Hi", stream=True))
    assert [event.type for event in events[-2:]] == ["response.failed", "error"]
    assert events[-1].code
    assert "response.completed" not in [event.type for event in events]
