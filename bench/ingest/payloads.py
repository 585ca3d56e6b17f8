"""OTLP batches as an instrumented LLM application sends them: OpenInference spans of 2 to 3 KB, 8 spans a trace."""

import random
import secrets
import time

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

SPANS_PER_TRACE = 8
_TEXT = (
    "the answer depends on which documents were retrieved because retrieval ranks passages by similarity and a model "
    "reads only what fits its context window so chunk size overlap and query rewriting decide whether evidence reaches "
    "generation where temperature sampling and instructions shape style accuracy refusal latency cost and safety of "
    "every reply that customers finally see in production dashboards alerts evaluations reviews and weekly reports"
)
_WORDS = _TEXT.split()
_MODELS = ("gpt-4o-mini", "gpt-4o", "claude-sonnet-4-5", "gemini-2.5-flash")


def build_batch(rng: random.Random, n_spans: int) -> bytes:
    """One export request with fresh ids."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    _put(resource.resource.attributes, "service.name", "shop-assistant")
    _put(resource.resource.attributes, "deployment.environment.name", "production")
    scope = resource.scope_spans.add()
    scope.scope.name = "openinference.instrumentation.openai"
    scope.scope.version = "0.1.66"
    now = time.time_ns() - 2 * 10**9
    for at in range(0, n_spans, SPANS_PER_TRACE):
        trace_id, root = secrets.token_bytes(16), secrets.token_bytes(8)
        session, user = f"session-{rng.randrange(500)}", f"user-{rng.randrange(2000)}"
        for i in range(min(SPANS_PER_TRACE, n_spans - at)):
            span = scope.spans.add()
            span.trace_id, span.span_id = trace_id, root if i == 0 else secrets.token_bytes(8)
            span.parent_span_id = b"" if i == 0 else root
            span.kind = Span.SPAN_KIND_INTERNAL
            span.start_time_unix_nano = now + i * 1_000_000
            span.end_time_unix_nano = span.start_time_unix_nano + rng.randrange(5, 2000) * 1_000_000
            _put(span.attributes, "session.id", session)
            _put(span.attributes, "user.id", user)
            if i % 4 == 0:
                _chain(span, rng)
            else:
                _llm(span, rng)
    return request.SerializeToString()


def _llm(span: Span, rng: random.Random) -> None:
    span.name = "ChatCompletion"
    attributes = span.attributes
    prompt, reply, system = _text(rng, 130), _text(rng, 90), _text(rng, 40)
    n_in, n_out = rng.randrange(200, 4000), rng.randrange(20, 600)
    for key, value in (
        ("openinference.span.kind", "LLM"),
        ("llm.provider", "openai"),
        ("llm.model_name", rng.choice(_MODELS)),
        ("llm.invocation_parameters", '{"temperature": 0.2, "max_tokens": 800, "top_p": 1}'),
        ("llm.input_messages.0.message.role", "system"),
        ("llm.input_messages.0.message.content", system),
        ("llm.input_messages.1.message.role", "user"),
        ("llm.input_messages.1.message.content", prompt),
        ("llm.output_messages.0.message.role", "assistant"),
        ("llm.output_messages.0.message.content", reply),
        ("input.mime_type", "text/plain"),
        ("input.value", prompt[:200]),
        ("output.mime_type", "text/plain"),
        ("output.value", reply[:200]),
        ("llm.token_count.prompt", n_in),
        ("llm.token_count.completion", n_out),
        ("llm.token_count.total", n_in + n_out),
        ("metadata", '{"tenant": "acme", "release": "2026.11.2"}'),
    ):
        _put(attributes, key, value)


def _chain(span: Span, rng: random.Random) -> None:
    span.name = "answer_question"
    attributes = span.attributes
    for key, value in (
        ("openinference.span.kind", "CHAIN"),
        ("input.mime_type", "text/plain"),
        ("input.value", _text(rng, 170)),
        ("output.mime_type", "text/plain"),
        ("output.value", _text(rng, 160)),
        ("metadata", '{"tenant": "acme", "release": "2026.11.2"}'),
    ):
        _put(attributes, key, value)


def _text(rng: random.Random, n_words: int) -> str:
    return " ".join(rng.choices(_WORDS, k=n_words))


def _put(attributes: object, key: str, value: str | int) -> None:
    pair = attributes.add()  # type: ignore[attr-defined]
    pair.key = key
    if isinstance(value, int):
        pair.value.int_value = value
    else:
        pair.value.string_value = value
