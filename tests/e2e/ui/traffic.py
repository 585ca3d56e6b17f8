"""Made-up traffic of an assistant, as OTLP JSON: agent, retriever, embedding, two generations, a tool. Deterministic."""

import json
import random
import time
from typing import Any

from live import LiveServer

QUESTIONS = [
    ("How do I rotate the master key without downtime?", "Add the new key, then run `kaname secrets rotate`.\n\n1. new data\n2. old data"),
    ("Which port does the server listen on by default?", "Port **8700**. Set `server.port` to change it."),
    ("サーバーは既定でどのポートを使いますか？", "既定では **8700** 番ポートです。`server.port` で変えられます。"),
    ("Write a SQL query that counts users by country.", "```sql\nSELECT country, count(*) FROM users GROUP BY country;\n```"),
    ("料金表はどこで編集できますか？", "設定 → 料金 で編集できます。"),
]  # fmt: skip
SYSTEM = "You answer questions about Kaname from the documents you are given."
MODELS = [("openai", "gpt-4o-mini"), ("anthropic", "claude-3-5-haiku-20241022"), ("kaname", "smollm2")]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return {"arrayValue": {"values": [_value(v) for v in value]}}
    return {"stringValue": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    """OTLP key-value pairs."""
    return [{"key": k, "value": _value(v)} for k, v in values.items()]


def text(role: str, content: str) -> dict[str, Any]:
    """A chat message in the OpenTelemetry GenAI shape."""
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def make_trace(number: int, start_ns: int) -> list[dict[str, Any]]:
    """The spans of one question."""
    chance = random.Random(number)
    trace_id = f"{chance.getrandbits(128):032x}"
    ids = [f"{chance.getrandbits(64) | 1:016x}" for _ in range(7)]
    question, answer = QUESTIONS[number % len(QUESTIONS)]
    provider, model = MODELS[number % len(MODELS)]
    total = int(chance.uniform(0.4, 5.0) * 1e9)
    failed = number % 9 == 4
    shared = {"session.id": f"chat-{number // 4}", "user.id": f"user-{number % 7}"}
    call = {"type": "tool_call", "id": "call_1", "name": "lookup_setting", "arguments": {"name": "server.port"}}
    result = {"type": "tool_call_response", "id": "call_1", "response": {"name": "server.port", "value": 8700}}
    history = [text("system", SYSTEM), text("user", question)]
    asked = {"role": "assistant", "parts": [call]}

    def span(at: int, name: str, begin: float, length: float, parent: int, values: dict[str, Any]) -> dict[str, Any]:
        begin_ns = start_ns + int(total * begin)
        return {
            "traceId": trace_id,
            "spanId": ids[at],
            "parentSpanId": ids[parent] if parent >= 0 else "",
            "name": name,
            "kind": 1,
            "startTimeUnixNano": str(begin_ns),
            "endTimeUnixNano": str(begin_ns + int(total * length)),
            "attributes": attributes({**shared, **values}),
            "status": {},
        }

    def chat(at: int, begin: float, length: float, inputs: list[Any], output: dict[str, Any]) -> dict[str, Any]:
        return span(at, f"chat {model}", begin, length, 0, {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": model,
            "gen_ai.response.model": model,
            "gen_ai.request.temperature": 0.2,
            "gen_ai.response.finish_reasons": ["tool_call" if output is asked else "stop"],
            "gen_ai.usage.input_tokens": 200 + chance.randrange(900),
            "gen_ai.usage.output_tokens": 20 + chance.randrange(200),
            "gen_ai.input.messages": inputs,
            "gen_ai.output.messages": [output],
        })  # fmt: skip

    spans = [
        span(0, "answer_question", 0, 1, -1, {
            "openinference.span.kind": "AGENT", "input.value": question, "output.value": answer,
        }),
        span(1, "search_documents", 0.02, 0.1, 0, {"openinference.span.kind": "RETRIEVER", "input.value": question,
            "retrieval.documents.0.document.id": "docs/en/settings.md", "retrieval.documents.0.document.score": 0.91,
            "retrieval.documents.0.document.content": "server.port (default 8700) is the port.",
        }),
        span(2, "embed query", 0.03, 0.04, 1, {"openinference.span.kind": "EMBEDDING", "input.value": question}),
        chat(3, 0.15, 0.3, history, asked),
        span(4, "lookup_setting", 0.48, 0.05, 0, {
            "openinference.span.kind": "TOOL", "tool.name": "lookup_setting",
            "input.value": '{"name": "server.port"}', "output.value": '{"value": 8700}',
        }),
        chat(5, 0.58, 0.38, [*history, asked, {"role": "tool", "parts": [result]}], text("assistant", answer)),
        span(6, "exact_match", 0.97, 0.01, 0, {"openinference.span.kind": "EVALUATOR", "output.value": "0.0"}),
    ]  # fmt: skip
    if failed:
        spans[4]["status"] = {"code": 2, "message": "TimeoutError: lookup_setting took longer than 2 s"}
        spans[4]["events"] = [
            {
                "name": "exception",
                "timeUnixNano": spans[4]["endTimeUnixNano"],
                "attributes": attributes({"exception.type": "TimeoutError", "exception.message": "2 s"}),
            }
        ]
    return spans


def send(server: LiveServer, spans: list[dict[str, Any]], *, service: str = "assistant") -> None:
    """Sends spans as one OTLP batch and expects the acknowledgement."""
    resource = {"attributes": attributes({"service.name": service, "deployment.environment.name": "production"})}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "e2e"}, "spans": spans}]}]}
    answer = server.with_key("POST", "/v1/traces", body)
    assert answer.status == 200, answer.body


def seed(server: LiveServer, traces: int = 60) -> list[list[dict[str, Any]]]:
    """Traffic of the last hours; waits until all of it can be read. Returns the spans by trace."""
    now = time.time_ns()
    made = [make_trace(n, now - n * 240_000_000_000 - 10_000_000_000) for n in range(traces)]
    for start in range(0, traces, 20):
        send(server, [span for trace in made[start : start + 20] for span in trace])
    deadline = time.monotonic() + 30
    while server.with_key("GET", server.project_path("spans/facets?fields=kind")).json()["total"] < traces * 7:
        assert time.monotonic() < deadline, "the spans didn't become visible"
        time.sleep(0.2)
    for n, trace in enumerate(made[:30]):
        target = {"trace_id": trace[0]["traceId"], "span_id": trace[0]["spanId"]}
        thumb = {"name": "thumbs", "data_type": "boolean", "value": n % 3 != 0, "source": "user", "target": target}
        f1 = {"name": "f1", "data_type": "numeric", "value": (n % 11) / 10, "source": "code", "target": target}
        for score in (thumb, f1):
            assert server.with_key("POST", server.project_path("scores"), score).status == 201
    return made
