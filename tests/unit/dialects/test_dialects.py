"""Single rules of the dialects: kind precedence, field order, renames, aggregates, the small dialects."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.kernel.registry import Registry
from kaname.traces.dialects.context import environment_name
from kaname.traces.dialects.dialect import Dialect
from kaname.traces.model import RawEvent, RawSpan
from kaname.traces.normalise import Normaliser

START_NS = 1_780_000_000_000_000_000


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({}, "span"),
        ({"model": "m"}, "llm"),
        ({"gen_ai.request.model": "m"}, "llm"),
        ({"gen_ai.tool.name": "f", "gen_ai.request.model": "m"}, "tool"),
        ({"gen_ai.operation.name": "chat"}, "llm"),
        ({"gen_ai.operation.name": "retrieval"}, "retriever"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool"),
        ({"gen_ai.operation.name": "invoke_workflow"}, "agent"),
        ({"gen_ai.operation.name": "plan"}, "chain"),
        ({"gen_ai.operation.name": "unheard_of", "gen_ai.request.model": "m"}, "llm"),
        ({"openinference.span.kind": "RERANKER", "gen_ai.operation.name": "chat"}, "reranker"),
        ({"openinference.span.kind": "UNKNOWN"}, "span"),
        ({"langfuse.observation.type": "guardrail", "openinference.span.kind": "LLM"}, "guardrail"),
        ({"langfuse.observation.type": "generation"}, "llm"),
        ({"genkit:metadata:subtype": "embedder", "model": "m"}, "embedding"),
        ({"ai.operationId": "ai.generateText.doGenerate"}, "llm"),
        ({"operation.name": "ai.toolCall my-function"}, "tool"),
        ({"traceloop.span.kind": "agent", "gen_ai.request.model": "m"}, "agent"),
        ({"mlflow.spanType": '"RETRIEVER"'}, "retriever"),
        ({"lmnr.span.type": "TOOL"}, "tool"),
        ({"span.type": "llm_request"}, "llm"),
        ({"flue.tool.arguments": "{}"}, "tool"),
    ],
)
def test_kind_precedence(normalise: Any, attributes: Any, kind: str) -> None:
    assert normalise(attributes).kind == kind


def test_old_langfuse_spans_with_a_model_are_generations(normalise: Any) -> None:
    attributes = {"langfuse.observation.type": "span", "langfuse.observation.model.name": "m"}
    assert normalise(attributes, scope="langfuse-sdk", scope_version="3.3.0").kind == "llm"
    assert normalise(attributes, scope="langfuse-sdk", scope_version="3.4.0").kind == "span"


@pytest.mark.parametrize("operation", ["invoke_agent", "invoke_workflow", "agent_step"])
def test_aggregates_cost_nothing(normalise: Any, operation: str) -> None:
    row = normalise(
        {
            "gen_ai.operation.name": operation, "gen_ai.request.model": "gpt-4o", "gen_ai.provider.name": "openai",
            "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10, "gen_ai.usage.cost": 0.5,
        }
    )  # fmt: skip
    assert (row.usage, row.input_tokens, row.cost_usd, row.cost_source) == ({}, 0, None, "")
    assert row.usage_reported == {"input_tokens": 100, "output_tokens": 10}


def test_sent_cost_outranks_computed(normalise: Any) -> None:
    row = normalise(
        {
            "openinference.span.kind": "LLM", "llm.model_name": "gpt-4o", "llm.token_count.prompt": 10,
            "llm.token_count.completion": 2, "llm.cost.prompt": 0.1, "llm.cost.completion": 0.2, "llm.cost.total": 0.3,
        }
    )  # fmt: skip
    assert (row.cost_source, row.cost_usd) == ("sent", Decimal("0.3"))
    assert row.cost == {"input": Decimal("0.1"), "output": Decimal("0.2")}


def test_unknown_models_are_unpriced_not_free(normalise: Any) -> None:
    row = normalise({"gen_ai.request.model": "no-such-model", "gen_ai.usage.input_tokens": 5})
    assert (row.cost_usd, row.cost_source) == (None, "unpriced")


def test_renamed_attributes_are_read(normalise: Any) -> None:
    old = normalise(
        {
            "gen_ai.system": "az.ai.openai", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.prompt_tokens": 100,
            "gen_ai.usage.completion_tokens": 30, "gen_ai.usage.cache_read_input_tokens": 40,
            "gen_ai.usage.reasoning_tokens": 10, "gen_ai.openai.request.seed": 7,
            "gen_ai.response.finish_reasons": '["stop"]',
        }
    )  # fmt: skip
    assert old.provider == "azure.ai.openai"
    assert old.usage == {"input_uncached": 60, "cache_read": 40, "output_text": 20, "reasoning": 10}
    assert json.loads(old.model_parameters) == {"seed": 7}
    assert old.finish_reasons == ["stop"]


def test_system_instructions_come_first_once(normalise: Any) -> None:
    system = '[{"type":"text","content":"Be brief."}]'
    asked = '[{"role":"user","parts":[{"type":"text","content":"q"}]}]'
    row = normalise({"gen_ai.system_instructions": system, "gen_ai.input.messages": asked})
    assert [m["role"] for m in json.loads(row.input)] == ["system", "user"]
    both = '[{"role":"system","parts":[{"type":"text","content":"Own."}]},{"role":"user","parts":[]}]'
    row = normalise({"gen_ai.system_instructions": system, "gen_ai.input.messages": both})
    assert json.loads(row.input)[0]["parts"][0]["content"] == "Own."


def test_arrays_of_json_texts_are_messages(normalise: Any) -> None:
    asked = '{"role":"user","parts":[{"type":"text","content":"検索は？"}]}'
    answered = '{"role":"assistant","parts":[{"type":"text","content":"はい"}],"finish_reason":"stop"}'
    row = normalise(
        {
            "gen_ai.system_instructions": ['{"type":"text","content":"Be brief."}'],
            "gen_ai.input.messages": [asked, asked], "gen_ai.output.messages": [answered],
            "gen_ai.tool.definitions": ['{"type":"function","name":"f","parameters":{}}'],
        }
    )  # fmt: skip
    assert row.input_format == row.output_format == "messages"
    assert [m["role"] for m in json.loads(row.input)] == ["system", "user", "user"]
    assert json.loads(row.input)[0]["parts"] == [{"type": "text", "content": "Be brief."}]
    assert (row.input_preview, row.output_preview, row.finish_reasons) == ("検索は？", "はい", ["stop"])
    assert json.loads(row.tool_definitions)[0]["name"] == "f"


def test_arrays_of_plain_texts_stay_json(normalise: Any) -> None:
    row = normalise({"gen_ai.input.messages": ["{not json", "hello"]})
    assert (row.input_format, row.input) == ("json", '["{not json","hello"]')


def test_messages_outrank_the_lossy_input_value(normalise: Any) -> None:
    row = normalise(
        {
            "input.value": "q", "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.contents.0.message_content.type": "text",
            "llm.input_messages.0.message.contents.0.message_content.text": "q",
            "llm.input_messages.0.message.contents.1.message_content.type": "image",
            "llm.input_messages.0.message.contents.1.message_content.image.image.url": "https://example.com/a.png",
        }
    )  # fmt: skip
    (message,) = json.loads(row.input)
    assert [p["type"] for p in message["parts"]] == ["text", "uri"]


def test_openinference_documents_and_json_only_by_mime_type(normalise: Any) -> None:
    row = normalise(
        {
            "openinference.span.kind": "RETRIEVER", "input.value": '{"not": "json"}', "input.mime_type": "text/plain",
            "retrieval.documents.1.document.content": "b", "retrieval.documents.0.document.content": "a",
            "retrieval.documents.0.document.score": -0.5, "retrieval.documents.0.document.id": 7,
            "retrieval.documents.0.document.metadata": '{"page": 3}',
        }
    )  # fmt: skip
    assert row.input_format == "text"
    assert json.loads(row.documents) == [
        {"id": "7", "score": -0.5, "content": "a", "metadata": {"page": 3}}, {"content": "b"},
    ]  # fmt: skip


def test_embedding_vectors_are_not_stored(normalise: Any) -> None:
    row = normalise(
        {
            "openinference.span.kind": "EMBEDDING", "embedding.model_name": "e",
            "embedding.embeddings.0.embedding.text": "東京", "embedding.embeddings.0.embedding.vector": [0.25] * 9,
        }
    )  # fmt: skip
    assert (row.input, "0.25" in row.attributes) == ("東京", False)


def test_over_budget_keys_are_flagged_and_kept_raw(normalise: Any) -> None:
    row = normalise({"openinference.span.kind": "LLM", "llm.input_messages.999999999.message.content": "x"})
    assert row.flags == ["attributes_over_budget"]
    assert "999999999" in row.attributes


def test_context_order_and_fallbacks(normalise: Any) -> None:
    row = normalise(
        {"langfuse.session.id": "a", "session.id": "b", "gen_ai.conversation.id": "c", "enduser.id": "e",
         "tag.tags": "x, y", "deployment.environment": "Staging"},
        resource={"service.name": "svc", "service.version": "1.2", "deployment.environment.name": "production"},
    )  # fmt: skip
    assert (row.session_id, row.user_id, row.tags) == ("a", "e", ["x", "y"])
    assert (row.environment, row.version, row.service_name) == ("staging", "1.2", "svc")


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [("Production", "production"), ("langfuse-langfuse-x", "x"), ("langfuse", "default"), ("a b", "default"),
     ("x" * 41, "default"), ("", "default"), ("本番", "default")],
)  # fmt: skip
def test_environment_names(given_name: str, expected: str) -> None:
    assert environment_name(given_name) == expected


def test_errors_set_the_level_and_say_why(normalise: Any) -> None:
    event = RawEvent(name="exception", time_ns=1, attributes={"exception.message": "boom", "exception.type": "E"})
    row = normalise({"langfuse.observation.level": "WARNING"}, events=[event], status="error")
    assert (row.level, row.status_message) == ("error", "boom")
    assert normalise({"error.type": "timeout"}).level == "error"
    assert normalise({"langfuse.observation.level": "WARNING"}).level == "warning"


def test_end_before_start_is_kept_with_a_flag(normalise: Any) -> None:
    row = normalise({}, end_ns=START_NS - 5)
    assert (row.duration_ns, row.flags) == (0, ["end_before_start"])


def test_prompts_link_only_on_generations(normalise: Any) -> None:
    prompt = {"langfuse.observation.prompt.name": "greet", "langfuse.observation.prompt.version": 3}
    row = normalise({"langfuse.observation.type": "generation", **prompt})
    assert (row.prompt_name, row.prompt_version) == ("greet", "3")
    assert normalise({"langfuse.observation.type": "tool", **prompt}).prompt_name == ""


def test_vercel(normalise: Any) -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "q"}]}]
    row = normalise(
        {
            "ai.operationId": "ai.streamText.doStream", "ai.model.id": "gpt-4o", "ai.model.provider": "openai.chat",
            "ai.prompt.messages": json.dumps(messages), "ai.response.text": "a", "ai.response.finishReason": "stop",
            "ai.response.toolCalls": '[{"toolCallId":"c","toolName":"f","args":"{\\"x\\":1}"}]',
            "ai.usage.inputTokens": '{"intValue":100}', "ai.usage.outputTokens": 30, "ai.usage.cachedInputTokens": 40,
            "ai.usage.reasoningTokens": 10, "ai.usage.totalTokens": 130, "ai.response.msToFirstChunk": 12.5,
            "ai.telemetry.metadata.userId": "u", "ai.telemetry.metadata.team": "red",
        },
        scope="ai",
    )  # fmt: skip
    assert (row.kind, row.provider, row.user_id, row.metadata) == ("llm", "openai", "u", {"team": "red"})
    assert json.loads(row.output)[0]["parts"] == [
        {"type": "text", "content": "a"}, {"type": "tool_call", "id": "c", "name": "f", "arguments": {"x": 1}},
    ]  # fmt: skip
    assert row.usage == {"input_uncached": 60, "cache_read": 40, "output_text": 20, "reasoning": 10}
    assert row.time_to_first_token_ns == 12_500_000
    outer = normalise({"ai.operationId": "ai.streamText", "ai.usage.inputTokens": 100}, scope="ai")
    assert (outer.kind, outer.usage, outer.usage_reported) == ("chain", {}, {"inputTokens": 100})


def test_vercel_prefers_the_providers_own_numbers(normalise: Any) -> None:
    usage = {"input_tokens": 5, "cache_read_input_tokens": 100, "output_tokens": 9,
             "cache_creation": {"ephemeral_1h_input_tokens": 7}}  # fmt: skip
    row = normalise(
        {
            "ai.operationId": "ai.generateText.doGenerate", "ai.usage.inputTokens": 5, "ai.usage.outputTokens": 9,
            "ai.response.providerMetadata": json.dumps({"anthropic": {"usage": usage}}),
        }
    )  # fmt: skip
    assert row.usage == {"input_uncached": 5, "cache_read": 100, "cache_write_1h": 7, "output_text": 9}


def test_traceloop_legacy(normalise: Any) -> None:
    row = normalise(
        {
            "llm.request.type": "chat", "gen_ai.system": "OpenAI", "gen_ai.request.model": "gpt-4o",
            "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "s",
            "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": "q",
            "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.finish_reason": "tool_calls",
            "gen_ai.completion.0.tool_calls.0.id": "c", "gen_ai.completion.0.tool_calls.0.name": "f",
            "gen_ai.completion.0.tool_calls.0.arguments": '{"x":1}',
            "gen_ai.usage.prompt_tokens": 10, "gen_ai.usage.completion_tokens": 2, "llm.usage.total_tokens": 12,
            "traceloop.association.properties.session_id": "s1", "traceloop.association.properties.plan": "pro",
        },
        events=[RawEvent(name="llm.content.completion.chunk", time_ns=START_NS + 7)],
    )  # fmt: skip
    assert [m["role"] for m in json.loads(row.input)] == ["system", "user"]
    assert json.loads(row.output)[0]["parts"][0]["arguments"] == {"x": 1}
    assert (row.provider, row.session_id, row.metadata) == ("openai", "s1", {"plan": "pro"})
    assert row.usage == {"input_uncached": 10, "output_text": 2}
    assert (row.time_to_first_token_ns, row.events) == (7, "")


def test_traceloop_entities(normalise: Any) -> None:
    row = normalise(
        {
            "traceloop.span.kind": "tool", "traceloop.entity.name": "search",
            "traceloop.entity.input": '{"inputs": {"q": "x"}}', "traceloop.entity.output": '{"outputs": "found"}',
        }
    )  # fmt: skip
    assert (row.tool_name, json.loads(row.input), row.output) == ("search", {"q": "x"}, "found")


def test_pydantic_ai_runs_are_aggregates(normalise: Any) -> None:
    events = [
        {"event.name": "gen_ai.user.message", "content": "q", "role": "user"},
        {"event.name": "gen_ai.assistant.message", "content": "a", "role": "assistant"},
    ]
    row = normalise(
        {"agent_name": "helper", "final_result": "a", "all_messages_events": json.dumps(events),
         "gen_ai.usage.input_tokens": 10},
        scope="pydantic-ai",
    )  # fmt: skip
    assert (row.kind, row.agent_name, row.usage) == ("agent", "helper", {})
    assert (row.input_preview, row.output_preview) == ("q", "a")


def test_mlflow(normalise: Any) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
    answer = {"choices": [{"message": {"role": "assistant", "content": "a"}}], "usage": usage}
    row = normalise(
        {
            "mlflow.spanType": '"CHAT_MODEL"',
            "mlflow.spanInputs": '{"model": "gpt-4o", "messages": [{"role": "user", "content": "q"}]}',
            "mlflow.spanOutputs": json.dumps(answer),
        }
    )  # fmt: skip
    assert (row.kind, row.input_preview, row.output_preview, row.model) == ("llm", "q", "a", "gpt-4o")
    assert row.usage == {"input_uncached": 10, "output_text": 2}


def test_google_adk(normalise: Any) -> None:
    answer = {"content": {"role": "model", "parts": [{"text": "a"}]},
              "usage_metadata": {"promptTokenCount": 10, "candidatesTokenCount": 2}}  # fmt: skip
    row = normalise(
        {
            "gen_ai.operation.name": "call_llm", "gen_ai.request.model": "gemini-2.5-flash",
            "gcp.vertex.agent.llm_request": '{"contents": [{"role": "user", "parts": [{"text": "q"}]}]}',
            "gcp.vertex.agent.llm_response": json.dumps(answer), "gcp.vertex.agent.tool_response": "{}",
        }
    )  # fmt: skip
    assert (row.input_preview, row.output_preview) == ("q", "a")
    assert row.usage == {"input_uncached": 10, "output_text": 2}


def test_claude_code_counts_as_anthropic_does(normalise: Any) -> None:
    row = normalise(
        {"span.type": "llm_request", "model": "claude-sonnet-4-5", "input_tokens": 5, "output_tokens": 9,
         "cache_read_tokens": 100, "cache_creation_tokens": 7},
        name="claude_code.llm_request",
    )  # fmt: skip
    assert row.usage == {"input_uncached": 5, "cache_read": 100, "cache_write": 7, "output_text": 9}


def test_malformed_events_of_a_stream_are_flagged(normalise: Any) -> None:
    key = "kaname.stream.malformed_events"
    assert normalise({key: 2}).flags == ["malformed_stream_events"]
    assert normalise({key: "3", "kaname.gateway.request_id": "r", "kaname.gateway.incomplete": True}).flags == [
        "malformed_stream_events",
        "incomplete",
    ]
    assert normalise({key: 0}).flags == normalise({key: "x"}).flags == []


def test_azure_event_content(normalise: Any) -> None:
    events = [
        RawEvent(name="gen_ai.user.message", time_ns=1, attributes={"gen_ai.event.content": '{"content": "q"}'}),
        RawEvent(
            name="gen_ai.choice",
            time_ns=2,
            attributes={"gen_ai.event.content": '{"message": {"content": "a"}, "finish_reason": "stop"}'},
        ),
    ]
    row = normalise({"gen_ai.system": "az.ai.inference"}, events=events)
    assert (row.input_preview, row.output_preview, row.finish_reasons) == ("q", "a", ["stop"])


def test_a_third_party_dialect_is_a_registered_reader(normaliser: Normaliser) -> None:
    registry: Registry[Dialect] = Registry("dialect")
    registry.register("acme", Dialect(name="acme", read=lambda _: {"user_id": "u"}, heads=frozenset({"acme"})))
    own = Normaliser(normaliser._prices, registry)
    span = RawSpan(trace_id="a" * 32, span_id="b" * 16, start_ns=1, end_ns=2, attributes={"acme.x": 1})
    row = own.normalise("p", span, received_ns=1)
    assert (row.user_id, row.dialects) == ("u", ["acme"])


KEYS = [
    "gen_ai.input.messages", "gen_ai.usage.input_tokens", "gen_ai.operation.name", "gen_ai.tool.definitions",
    "gen_ai.prompt.0.role", "gen_ai.response.finish_reasons", "langfuse.observation.input", "langfuse.observation.type",
    "langfuse.observation.usage_details", "langfuse.observation.completion_start_time", "langfuse.trace.tags",
    "openinference.span.kind", "llm.input_messages.0.message.role", "llm.input_messages.0.message.contents",
    "llm.token_count.prompt", "llm.tools.0.tool.json_schema", "retrieval.documents.0.document.score", "input.value",
    "input.mime_type", "metadata", "ai.operationId", "ai.prompt.messages", "ai.response.toolCalls",
    "ai.response.providerMetadata", "ai.usage.inputTokens", "mlflow.spanInputs", "mlflow.spanType", "events",
    "gcp.vertex.agent.llm_response", "traceloop.entity.input", "kaname.gateway.request_id", "kaname.gateway.usage",
    "session.id", "error.type", "model", "db.vector.query.top_k",
]  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.binary(max_size=4)
    | st.sampled_from(["LLM", "application/json", "[]", "{}", '[{"role":"user"}]', '{"parts":[1]}', "[[[[]]]]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS), values, max_size=12))
def test_no_attributes_break_the_normaliser(normalise: Any, attributes: Any) -> None:
    row = normalise(attributes)
    json.loads(row.attributes or "{}")
    assert row.input_tokens == sum(n for b, n in row.usage.items() if b.startswith(("input", "cache")))


def test_deeply_nested_json_and_lone_surrogates_are_survived(normalise: Any) -> None:
    deep: Any = {"role": "user", "content": "x"}
    for _ in range(800):
        deep = [deep]
    row = normalise(
        {"gen_ai.input.messages": deep, "input.value": "[" * 5000, "k\ud800": "v\udfff", "n": 2**70, "b": b"\xff"}
    )
    assert json.loads(row.attributes)["n"] == str(2**70)
