"""The same conversation recorded from every client gives the same chat, tools, tokens and cost."""

import json
from decimal import Decimal
from typing import Any

import pytest

from client_calls import (
    ANSWER,
    FIRST_COST,
    FIRST_INPUT,
    FIRST_OUTPUT,
    MODEL,
    RESPONSE_MODEL,
    SECOND_COST,
    SECOND_INPUT,
    SECOND_OUTPUT,
    TOOLS,
)
from kaname.traces.model import SpanRow

RECORDINGS = ["openinference", "otel_genai_spans", "otel_genai_events", "otel_genai_both", "langfuse"]


def _generations(rows: list[SpanRow]) -> tuple[SpanRow, SpanRow]:
    first, second = [row for row in rows if row.kind == "llm"]
    return first, second


def _messages(text: str) -> list[dict[str, Any]]:
    """Messages without `finish_reason`, which only some clients send per message."""
    return [{k: v for k, v in m.items() if k != "finish_reason"} for m in json.loads(text)]


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_client_gives_the_golden_spans(name: str, replay: Any) -> None:
    first, second = _generations(replay(name))
    assert _messages(first.input) == FIRST_INPUT
    assert _messages(first.output) == FIRST_OUTPUT
    assert _messages(second.input) == SECOND_INPUT
    assert _messages(second.output) == SECOND_OUTPUT
    assert (first.input_format, second.output_format) == ("messages", "messages")
    assert second.output_preview == ANSWER
    assert [row.model for row in (first, second)] == [RESPONSE_MODEL] * 2
    assert first.usage == {"input_uncached": 90, "output_text": 20}
    assert second.usage == {"input_uncached": 86, "cache_read": 64, "output_text": 32, "reasoning": 8}
    assert (second.input_tokens, second.output_tokens) == (150, 40)
    assert (first.cost_usd, second.cost_usd) == (Decimal(FIRST_COST), Decimal(SECOND_COST))
    assert second.cost_source == "computed"
    assert second.price_id.endswith(f":openai/{MODEL}")
    assert second.finish_reasons == ["stop"]
    assert second.time_to_first_token_ns is not None
    assert second.flags == []
    assert json.loads(first.tool_definitions) == [{"type": "function", **TOOLS[0]["function"]}]


def test_installed_base_of_otel_sends_messages_as_events(replay: Any) -> None:
    first, second = _generations(replay("otel_genai_legacy"))
    assert _messages(first.input) == FIRST_INPUT
    assert _messages(first.output) == FIRST_OUTPUT
    assert _messages(second.input) == SECOND_INPUT
    assert _messages(second.output) == SECOND_OUTPUT
    # It never sent cached or reasoning tokens.
    assert second.usage == {"input_uncached": 150, "output_text": 40}


@pytest.mark.parametrize("name", ["openinference", "langfuse"])
def test_session_user_tags_and_metadata_arrive(name: str, replay: Any) -> None:
    for row in replay(name):
        assert (row.session_id, row.user_id, row.tags) == ("session-1", "user-1", ["recorded"])
        assert row.metadata["plan"] == "pro"


def test_langfuse_function_is_an_agent_with_readable_previews(replay: Any) -> None:
    agent = next(row for row in replay("langfuse") if row.kind == "agent")
    assert agent.name == "weather-bot"
    assert agent.is_root
    assert agent.input_preview == "What is the weather in Tokyo? 東京の天気は?"
    assert "東京の天気" in agent.input
    assert "天気" in agent.search_cjk
    assert (agent.environment, agent.release) == ("staging", "2026.11")
    assert agent.usage == {}


def test_content_that_comes_twice_is_not_doubled(replay: Any) -> None:
    once, twice = _generations(replay("otel_genai_spans"))[1], _generations(replay("otel_genai_both"))[1]
    assert (once.input, once.output, once.usage) == (twice.input, twice.output, twice.usage)
