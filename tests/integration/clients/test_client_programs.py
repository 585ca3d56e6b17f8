"""Unmodified clients against a real server: messages, tools, tokens and cost arrive complete."""

import base64
import json
import time
import urllib.parse
from datetime import UTC, datetime
from typing import Any

import pytest

from client_calls import (
    ANSWER,
    FIRST_COST,
    FIRST_INPUT,
    FIRST_OUTPUT,
    RESPONSE_MODEL,
    SECOND_COST,
    SECOND_INPUT,
    SECOND_OUTPUT,
    TOOLS,
    run_program,
)
from live import LiveServer

pytestmark = pytest.mark.xdist_group("clients")

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
LATEST = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}
EMIT = {"OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT": "true"}
CASES = {
    "openinference": ("openinference_client", {}),
    "opentelemetry, content on spans": ("otel_genai_client", {**LATEST, CAPTURE: "SPAN_ONLY"}),
    "opentelemetry, content in logs": ("otel_genai_client", {**LATEST, **EMIT, CAPTURE: "EVENT_ONLY"}),
    "langfuse": ("langfuse_client", {}),
    "openai through the gateway": ("openai_client", {}),
}


def environment_of(server: LiveServer, provider: str, program: str) -> dict[str, str]:
    """What a user sets: an endpoint and a key."""
    if program == "openai_client":
        return {"OPENAI_BASE_URL": f"{server.url}/v1", "OPENAI_API_KEY": server.secret_key}
    basic = base64.b64encode(f"{server.public_key}:{server.secret_key}".encode()).decode()
    return {
        "OPENAI_BASE_URL": provider,
        "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Basic%20{urllib.parse.quote(basic)}",
        "LANGFUSE_HOST": server.url,
        "LANGFUSE_BASE_URL": server.url,
        "LANGFUSE_PUBLIC_KEY": server.public_key,
        "LANGFUSE_SECRET_KEY": server.secret_key,
    }


def generations_since(server: LiveServer, since: str, count: int) -> list[dict[str, Any]]:
    """Details of the generations that began since then, oldest first, once they are all there with their content."""
    query = urllib.parse.urlencode({
        "from": since, "limit": 200, "order": "start_time", "dir": "asc",
        "filter": json.dumps([{"field": "kind", "op": "eq", "value": "llm"}]),
    })  # fmt: skip
    deadline = time.monotonic() + 30
    while True:
        answer = server.with_key("GET", server.project_path(f"spans?{query}"))
        assert answer.status == 200, answer.body
        items = answer.json()["items"]
        if len(items) >= count and all(item["input_preview"] for item in items):
            break
        assert time.monotonic() < deadline, f"{len(items)} of {count} generations"
        time.sleep(0.2)
    details = []
    for item in items:
        answer = server.with_key("GET", server.project_path(f"traces/{item['trace_id']}/spans/{item['span_id']}"))
        assert answer.status == 200, answer.body
        details.append(answer.json())
    return details


def without_reasons(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in m.items() if k != "finish_reason" and v is not None} for m in messages]


@pytest.mark.parametrize("case", CASES)
def test_the_conversation_arrives_complete(server: LiveServer, provider: str, case: str) -> None:
    program, extra = CASES[case]
    since = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    run_program(program, {**environment_of(server, provider, program), **extra})
    first, second = generations_since(server, since, 2)
    assert without_reasons(first["input_messages"]) == FIRST_INPUT
    assert without_reasons(first["output_messages"]) == FIRST_OUTPUT
    assert without_reasons(second["input_messages"]) == SECOND_INPUT
    assert without_reasons(second["output_messages"]) == SECOND_OUTPUT
    assert second["output_preview"] == ANSWER
    assert first["tool_definitions"] == [{"type": "function", **TOOLS[0]["function"]}]
    assert (first["model"], second["model"]) == (RESPONSE_MODEL, RESPONSE_MODEL)
    assert first["usage"] == {"input_uncached": 90, "output_text": 20}
    assert second["usage"] == {"input_uncached": 86, "cache_read": 64, "output_text": 32, "reasoning": 8}
    assert (second["input_tokens"], second["output_tokens"]) == (150, 40)
    assert [float(d["cost_usd"]) for d in (first, second)] == [float(FIRST_COST), float(SECOND_COST)]
    assert second["time_to_first_token_ms"] is not None
    assert second["finish_reasons"] == ["stop"]


def test_langfuses_score_and_function_arrive(server: LiveServer, provider: str) -> None:
    since = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    run_program("langfuse_client", environment_of(server, provider, "langfuse_client"))
    generations_since(server, since, 2)
    query = urllib.parse.urlencode({"from": since, "name": "helpful"})
    deadline = time.monotonic() + 20
    while not (scores := server.with_key("GET", server.project_path(f"scores?{query}")).json()["items"]):
        assert time.monotonic() < deadline, "the score didn't arrive"
        time.sleep(0.2)
    (score,) = scores
    assert (score["data_type"], score["value"], score["explanation"]) == ("boolean", 1.0, "said so")
    query = urllib.parse.urlencode({"from": since, "filter": '[{"field":"kind","op":"eq","value":"agent"}]'})
    (agent,) = server.with_key("GET", server.project_path(f"spans?{query}")).json()["items"]
    assert agent["name"] == "weather-bot"
    assert (agent["session_id"], agent["user_id"], agent["tags"]) == ("session-1", "user-1", ["recorded"])
    assert score["trace_id"] == agent["trace_id"]
