"""`wrap(client)` around the real OpenAI client: complete spans, unchanged behaviour."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import kaname_sdk
from kaname_sdk import span, wrap

CHAT = "/v1/chat/completions"
USAGE = {
    "prompt_tokens": 30,
    "completion_tokens": 5,
    "total_tokens": 35,
    "prompt_tokens_details": {"cached_tokens": 20},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-test-2026",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "こんにちは", "tool_calls": [CALL]},
        }
    ],
    "usage": USAGE,
}
MESSAGES: list[Any] = [
    {"role": "system", "content": "Be kind."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Hi"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ],
    },
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "2"},
]
TOOLS: list[Any] = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]


def chunk(**delta: Any) -> dict[str, Any]:
    finish = delta.pop("finish", None)
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": "chatcmpl-2",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-test-2026",
        "choices": [choice],
    }


STREAM = [
    chunk(role="assistant", content=""),
    chunk(content="Hel"),
    chunk(content="lo"),
    chunk(
        tool_calls=[{"index": 0, "id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a"'}}]
    ),
    chunk(tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}]),
    chunk(finish="tool_calls"),
    {**chunk(), "choices": [], "usage": USAGE},
    "[DONE]",
]


@pytest.fixture
def client(upstream: Any) -> openai.OpenAI:
    upstream.answer("POST", CHAT, COMPLETION)
    return wrap(openai.OpenAI(base_url=f"{upstream.url}/v1", api_key="k", max_retries=0))


@pytest.fixture
def async_client(upstream: Any) -> Callable[[], openai.AsyncOpenAI]:
    upstream.answer("POST", CHAT, COMPLETION)
    return lambda: wrap(openai.AsyncOpenAI(base_url=f"{upstream.url}/v1", api_key="k", max_retries=0))


def check_complete(attributes: dict[str, Any]) -> None:
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.request.model"] == "gpt-test"
    assert attributes["gen_ai.response.model"] == "gpt-test-2026"
    assert attributes["gen_ai.usage.input_tokens"] == 30
    assert attributes["gen_ai.usage.output_tokens"] == 5
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 20
    assert attributes["gen_ai.usage.reasoning.output_tokens"] == 2


def test_chat(client: openai.OpenAI, recorded: Any) -> None:
    answer = client.chat.completions.create(
        model="gpt-test", messages=MESSAGES, tools=TOOLS, temperature=0, max_tokens=9, stop="X"
    )
    assert answer.choices[0].message.content == "こんにちは"
    attributes = recorded.attributes("chat gpt-test")
    check_complete(attributes)
    assert attributes["gen_ai.request.temperature"] == 0
    assert attributes["gen_ai.request.stop_sequences"] == ("X",)
    system, user, assistant, tool = json.loads(attributes["gen_ai.input.messages"])
    assert system == {"role": "system", "parts": [{"type": "text", "content": "Be kind."}]}
    assert user["parts"][1]["mime_type"] == "image/png"
    assert "AAAA" not in attributes["gen_ai.input.messages"]
    assert assistant["parts"] == [{"type": "tool_call", "id": "call_1", "name": "add", "arguments": '{"a":1}'}]
    assert tool["parts"] == [{"type": "tool_call_response", "id": "call_1", "response": "2"}]
    (output,) = json.loads(attributes["gen_ai.output.messages"])
    assert output["finish_reason"] == "stop"
    assert [p["type"] for p in output["parts"]] == ["text", "tool_call"]
    assert json.loads(attributes["gen_ai.tool.definitions"]) == TOOLS


def test_stream_keeps_its_type_and_is_complete(client: openai.OpenAI, recorded: Any, upstream: Any) -> None:
    upstream.answer("POST", CHAT, STREAM)
    stream = client.chat.completions.create(model="gpt-test", messages=MESSAGES, stream=True)
    assert isinstance(stream, openai.Stream)
    assert recorded.all() == []
    text = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
    assert text == "Hello"
    attributes = recorded.attributes("chat gpt-test")
    check_complete(attributes)
    assert attributes["gen_ai.response.time_to_first_chunk"] >= 0
    (output,) = json.loads(attributes["gen_ai.output.messages"])
    assert output == {
        "role": "assistant",
        "finish_reason": "tool_calls",
        "parts": [
            {"type": "text", "content": "Hello"},
            {"type": "tool_call", "id": "call_1", "name": "add", "arguments": '{"a":1}'},
        ],
    }
    assert "stream_options" not in upstream.asked(CHAT)[0][1]


def test_a_stream_that_is_left_early_ends_its_span(client: openai.OpenAI, recorded: Any, upstream: Any) -> None:
    upstream.answer("POST", CHAT, STREAM)
    with client.chat.completions.create(model="gpt-test", messages=MESSAGES, stream=True) as stream:
        for part in stream:
            if part.choices and part.choices[0].delta.content:
                break
    (output,) = json.loads(recorded.attributes()["gen_ai.output.messages"])
    assert output["parts"] == [{"type": "text", "content": "Hel"}]


def test_an_error_in_a_stream(client: openai.OpenAI, recorded: Any, upstream: Any) -> None:
    upstream.answer("POST", CHAT, [*STREAM[:2], {"error": {"message": "overloaded"}}])
    with pytest.raises(openai.APIError, match="overloaded"):
        list(client.chat.completions.create(model="gpt-test", messages=MESSAGES, stream=True))
    assert recorded.one().status.status_code is StatusCode.ERROR


def test_errors_pass_unchanged(client: openai.OpenAI, recorded: Any, upstream: Any) -> None:
    upstream.answer("POST", CHAT, {"error": {"message": "slow down"}}, status=429)
    with pytest.raises(openai.RateLimitError, match="slow down"):
        client.chat.completions.create(model="gpt-test", messages=MESSAGES)
    failed = recorded.one()
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes["error.type"] == "RateLimitError"


def test_asynchronous(async_client: Callable[[], openai.AsyncOpenAI], recorded: Any, upstream: Any) -> None:
    async def main() -> None:
        async with async_client() as client:
            answer = await client.chat.completions.create(model="gpt-test", messages=MESSAGES)
            assert answer.choices[0].message.content == "こんにちは"
            upstream.answer("POST", CHAT, STREAM)
            stream = await client.chat.completions.create(model="gpt-test", messages=MESSAGES, stream=True)
            assert isinstance(stream, openai.AsyncStream)
            parts = [c.choices[0].delta.content or "" async for c in stream if c.choices]
            assert "".join(parts) == "Hello"

    asyncio.run(main())
    spans = recorded.all()
    assert len(spans) == 2
    for recorded_span in spans:
        check_complete(dict(recorded_span.attributes))


def test_embeddings(client: openai.OpenAI, recorded: Any, upstream: Any) -> None:
    body = {
        "object": "list",
        "model": "e",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    upstream.answer("POST", "/v1/embeddings", body)
    assert client.embeddings.create(model="e", input=["a", "b"], encoding_format="float").data[0].embedding == [0.5]
    attributes = recorded.attributes("embeddings e")
    assert attributes["gen_ai.operation.name"] == "embeddings"
    assert attributes["gen_ai.usage.input_tokens"] == 3
    assert "0.5" not in json.dumps(attributes, default=str)


def test_raw_responses_still_work(client: openai.OpenAI, recorded: Any) -> None:
    raw = client.chat.completions.with_raw_response.create(model="gpt-test", messages=MESSAGES)
    assert raw.parse().choices[0].message.content == "こんにちは"


def test_wrap_twice_is_wrap_once(client: openai.OpenAI, recorded: Any) -> None:
    assert wrap(client) is client
    client.chat.completions.create(model="gpt-test", messages=MESSAGES)
    assert len(recorded.all()) == 1


def test_our_gateway_gets_headers_and_no_second_span(upstream: Any) -> None:
    exporter = InMemorySpanExporter()
    kaname_sdk.instrument(url=upstream.url, secret_key="k", exporter=exporter, environment="staging")
    upstream.answer("POST", CHAT, COMPLETION)
    client = wrap(openai.OpenAI(base_url=f"{upstream.url}/v1", api_key="k"))
    with (
        kaname_sdk.session("s-1"),
        kaname_sdk.user("u-1"),
        kaname_sdk.tags("demo"),
        kaname_sdk.metadata(語="日本"),
        span("turn") as turn,
    ):
        client.chat.completions.create(model="gpt-test", messages=MESSAGES, extra_headers={"x-mine": "1"})
    headers, _ = upstream.asked(CHAT)[0]
    assert headers["traceparent"].startswith(f"00-{turn.trace_id}-{turn.span_id}-")
    assert headers["x-kaname-session-id"] == "s-1"
    assert headers["x-kaname-user-id"] == "u-1"
    assert headers["x-kaname-tags"] == "demo"
    assert headers["x-kaname-environment"] == "staging"
    assert json.loads(headers["x-kaname-metadata"]) == {"語": "日本"}
    assert headers["x-mine"] == "1"
    kaname_sdk.flush()
    assert [s.name for s in exporter.get_finished_spans()] == ["turn"]


def test_ids_that_are_not_ascii_travel_as_json(upstream: Any) -> None:
    kaname_sdk.instrument(url=upstream.url, secret_key="k", exporter=InMemorySpanExporter())
    upstream.answer("POST", CHAT, COMPLETION)
    client = wrap(openai.OpenAI(base_url=f"{upstream.url}/v1", api_key="k"))
    with kaname_sdk.session("会話-1"), kaname_sdk.user("花子"):
        client.chat.completions.create(model="gpt-test", messages=MESSAGES)
    headers, _ = upstream.asked(CHAT)[0]
    assert json.loads(headers["x-kaname-metadata"]) == {"session_id": "会話-1", "user_id": "花子"}


def test_others_get_no_headers_of_ours(client: openai.OpenAI, recorded: Any, upstream: Any) -> None:
    with kaname_sdk.session("s-1"), span("turn"):
        client.chat.completions.create(model="gpt-test", messages=MESSAGES)
    headers, _ = upstream.asked(CHAT)[0]
    assert "traceparent" not in headers
    assert not [h for h in headers if h.startswith("x-kaname")]


def test_other_objects_are_left_alone() -> None:
    thing = object()
    assert wrap(thing) is thing
