"""Every built-in kind of provider, by its vendor's public examples, against the contract of all."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson
import pytest

from kaname.gateway.dialects.model import Document
from kaname.gateway.providers.registry import ADAPTERS
from kaname.testing.provider import ProviderContract
from kaname.testing.provider_talk import ProviderWire, SaidCall
from unit.gateway.dialects.event_stream import frame
from unit.gateway.dialects.wire_data import DATA, cases

WEATHER, NOW = SaidCall(name="get_weather", arguments={"location": "東京"}), SaidCall(name="now", arguments={})
TOO_HIGH = "temperature is too high"
MALFORMED = b"data: {oops\n\n"


def events(name: str) -> list[bytes]:
    return [event + b"\n\n" for event in (DATA / name).read_bytes().split(b"\n\n") if event.strip()]


def errors(write: "dict[int, Document]") -> Mapping[int, bytes]:
    return {status: orjson.dumps(body) for status, body in write.items()}


def openai_error(message: str, kind: str, code: object, param: str | None = None) -> Document:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def flat(**more: object) -> Mapping[int, bytes]:
    words = {400: TOO_HIGH, 401: "bad key secret", 429: "slow down", 500: "internal error"}
    return errors({status: {"message": message, **more} for status, message in words.items()})


OPENAI_TEXT, OPENAI_TOOLS = cases("openai/chat_responses.json")
OPENAI = ProviderWire(
    adapter=ADAPTERS.get("openai"), model="gpt-4o-mini",
    text=OPENAI_TEXT, text_said="Hello! 何をしましょうか?", tools=OPENAI_TOOLS, tools_said=[WEATHER],
    text_events=events("openai/text.sse"), text_events_said="Hello 世界",
    tool_events=events("openai/tools.sse"), tool_events_said=[WEATHER, NOW], malformed=MALFORMED, needless=2,
    refusal_said=TOO_HIGH, errors=errors({
        400: openai_error(TOO_HIGH, "invalid_request_error", None, "temperature"),
        401: openai_error("Incorrect API key provided: secret", "invalid_request_error", "invalid_api_key"),
        429: openai_error("Rate limit reached", "requests", "rate_limit_exceeded"),
        500: openai_error("The server had an error", "server_error", None),
    }),
)  # fmt: skip


def like_openai(kind: str, options: Mapping[str, str] | None = None, **said: Document) -> ProviderWire:
    written = {**OPENAI.errors, **errors({int(status[1:]): body for status, body in said.items()})}
    return replace(OPENAI, adapter=ADAPTERS.get(kind), errors=written, options=options or {})


def google(status: int, name: str, message: str, **detail: object) -> Document:
    return {"error": {"code": status, "message": message, "status": name, "details": [detail] if detail else []}}


GEMINI = ProviderWire(
    adapter=ADAPTERS.get("gemini"), model="gemini-2.5-flash",
    text=cases("gemini/responses.json")[0]["gemini"], text_said="Once upon",
    tools=cases("gemini/responses.json")[1]["gemini"],
    tools_said=[SaidCall(name="find_theaters", arguments={"movie": "Barbie"}), NOW],
    text_events=events("gemini/text.sse"), text_events_said="こんにちは😀",
    tool_events=events("gemini/tools.sse"), tool_events_said=[WEATHER, NOW], malformed=MALFORMED,
    refusal_said=TOO_HIGH, errors=errors({
        400: google(400, "INVALID_ARGUMENT", TOO_HIGH),
        401: google(400, "INVALID_ARGUMENT", "API key not valid: secret", reason="API_KEY_INVALID"),
        429: google(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", retryDelay="7s"),
        500: google(500, "INTERNAL", "An internal error has occurred"),
    }),
)  # fmt: skip


def anthropic_error(kind: str, message: str) -> Document:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011"}


ANTHROPIC = ProviderWire(
    adapter=ADAPTERS.get("anthropic"), model="claude-opus-4-7",
    text=cases("anthropic/messages_to_chat_responses.json")[0]["anthropic"], text_said="Hi! お元気?",
    tools=cases("anthropic/messages_to_chat_responses.json")[1]["anthropic"],
    tools_said=[SaidCall(name="get_weather", arguments={"city": "東京"})],
    text_events=events("anthropic/text.sse"), text_events_said='Hello 世界 "type":"message_stop"',
    tool_events=events("anthropic/tools.sse"), tool_events_said=[WEATHER, NOW],
    malformed=b"event: content_block_delta\ndata: {oops\n\n",
    refusal_said=TOO_HIGH, errors=errors({
        400: anthropic_error("invalid_request_error", TOO_HIGH),
        401: anthropic_error("authentication_error", "invalid x-api-key secret"),
        429: anthropic_error("rate_limit_error", "slow down"),
        500: anthropic_error("api_error", "Internal server error"),
    }),
)  # fmt: skip
SAID_BY_BEDROCK: Sequence[tuple[str, Document]] = [(name, document) for name, document in cases("bedrock/stream.json")]
BEDROCK_END = [
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": {"inputTokens": 47, "outputTokens": 20, "totalTokens": 67}, "metrics": {"latencyMs": 1}}),
]
BEDROCK = ProviderWire(
    adapter=ADAPTERS.get("bedrock"), model="anthropic.claude-sonnet-4", options={"region": "eu-west-1"},
    text=cases("bedrock/responses.json")[0]["bedrock"], text_said="Here's a list of songs",
    tools=cases("bedrock/responses.json")[1]["bedrock"],
    tools_said=[SaidCall(name="top_song", arguments={"sign": "WZPZ"})],
    text_events=[frame(name, document) for name, document in [*SAID_BY_BEDROCK[:8], *BEDROCK_END]],
    text_events_said="こんにちは😀",
    tool_events=[frame(name, document) for name, document in SAID_BY_BEDROCK],
    tool_events_said=[SaidCall(name="top_song", arguments={"sign": "WZPZ"}), NOW],
    malformed=frame("contentBlockDelta", b"{oops"), needless=1, refusal_said=TOO_HIGH, errors=flat(),
)  # fmt: skip
COHERE = ProviderWire(
    adapter=ADAPTERS.get("cohere"), model="command-a-03-2025",
    text=cases("cohere/responses.json")[0]["cohere"], text_said="LLMs stand for Large Language Models",
    tools=cases("cohere/responses.json")[1]["cohere"],
    tools_said=[SaidCall(name="query", arguments={"day": "2023"})],
    text_events=events("cohere/text.sse"), text_events_said="こんにちは😀",
    tool_events=[event for event in events("cohere/tools.sse") if b"[DONE]" not in event],
    tool_events_said=[SaidCall(name="query", arguments={"city": "東京"}), NOW], malformed=MALFORMED,
    refusal_said=TOO_HIGH, errors=flat(id="0d1c"),
)  # fmt: skip
MISTRAL = ProviderWire(
    adapter=ADAPTERS.get("mistral"), model="mistral-small-latest",
    text=cases("mistral/responses.json")[0], text_said="Bonjour 世界",
    tools=cases("mistral/responses.json")[1], tools_said=[WEATHER, NOW],
    text_events=events("mistral/text.sse"), text_events_said="Bonjour 世界",
    tool_events=events("mistral/tools.sse"), tool_events_said=[WEATHER, NOW], malformed=MALFORMED, needless=1,
    refusal_said=TOO_HIGH, errors=flat(object="error", type="invalid_request_error", param=None, code=None),
)  # fmt: skip
VERTEX_OPTIONS = {"project": "p-1", "region": "europe-west4"}
WIRES = {
    "openai": OPENAI,
    "openai_compatible": like_openai("openai_compatible"),
    "local": like_openai("local"),
    "azure": like_openai("azure", {"api_version": "2024-10-21"}, s401={"statusCode": 401, "message": "secret"}),
    "azure v1": like_openai("azure"),
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "vertex": replace(GEMINI, adapter=ADAPTERS.get("vertex"), options=VERTEX_OPTIONS),
    "vertex claude": replace(ANTHROPIC, adapter=ADAPTERS.get("vertex"), options=VERTEX_OPTIONS),
    "bedrock": BEDROCK,
    "mistral": MISTRAL,
    "cohere": COHERE,
    "vllm": like_openai(
        "vllm",
        s400={"object": "error", "message": TOO_HIGH, "type": "BadRequestError", "param": None, "code": 400},
    ),
    "llama_cpp": like_openai(
        "llama_cpp", s400={"error": {"code": 400, "message": TOO_HIGH, "type": "invalid_request_error"}}
    ),
    "ollama": like_openai("ollama", s400={"error": TOO_HIGH}),
}


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> ProviderWire:
    return WIRES[request.param]


class TestProviderKinds(ProviderContract):
    """All kinds."""


def test_no_kind_is_left_out() -> None:
    assert {wire.adapter.type for wire in WIRES.values()} == set(ADAPTERS.names())
