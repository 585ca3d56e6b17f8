"""The export of gateway spans: what is sent, how a failing backend is treated, and that the queue is bounded."""

import time
from collections.abc import Iterator

import pytest

from kaname.kernel.errors import ConfigurationError
from kaname.traces.ingest_settings import IngestSettings
from kaname.traces.model import RawSpan, Scope
from kaname.traces.otlp.encode import encode_traces
from kaname.traces.otlp.protobuf import decode_traces
from kaname.traces.otlp_export import MAX_QUEUE, ExportTarget, OtlpExporter, prepare
from otlp_collector import Collector


@pytest.fixture
def collect() -> Iterator[object]:
    made: list[Collector] = []

    def make(*statuses: int) -> Collector:
        made.append(Collector(*statuses))
        return made[-1]

    yield make
    for collector in made:
        collector.close()


def span(number: int = 1) -> RawSpan:
    return RawSpan(
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        name="chat m",
        otel_kind=3,
        start_ns=time.time_ns(),
        end_ns=time.time_ns() + 5,
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "secret"}]}],
            "kaname.gateway.usage": {"prompt_tokens": 7, "completion_tokens": 3},
            "gen_ai.response.finish_reasons": ["stop"],
            "flag": True,
            "many": 1 << 70,
            "half": 0.5,
        },
        scope=Scope(name="kaname.gateway", resource={"service.name": "kaname-gateway"}),
        flags=1,
    )


def exporter(url: str, **options: object) -> OtlpExporter:
    target = ExportTarget.parse(url, "authorization=Bearer x, x-team=a", content=False)
    made = OtlpExporter(target, gather_s=0.01, backoff_s=0.01, **options)  # type: ignore[arg-type]
    made.start()
    return made


def until_counted(made: OtlpExporter, total: int) -> tuple[int, int]:
    sent = dropped = 0
    deadline = time.monotonic() + 10
    while sent + dropped < total:
        assert time.monotonic() < deadline
        count = made.take_count()
        sent, dropped = sent + count.sent, dropped + count.dropped
        time.sleep(0.01)
    return sent, dropped


def test_spans_arrive_with_usage_and_without_content(collect) -> None:
    collector = collect()
    made = exporter(collector.url)
    made.offer([span(1), span(2)])
    assert until_counted(made, 2) == (2, 0)
    path, headers, request = collector.requests[0]
    assert path == "/v1/traces"
    assert (headers["authorization"], headers["x-team"]) == ("Bearer x", "a")
    assert request.resource_spans[0].resource.attributes[0].value.string_value == "kaname-gateway"
    sent = request.resource_spans[0].scope_spans[0].spans[0]
    values = {pair.key: pair.value for pair in sent.attributes}
    assert values["gen_ai.usage.input_tokens"].int_value == 7
    assert "gen_ai.input.messages" not in values
    assert collector.span_ids() == [f"{n:016x}" for n in (1, 2)]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_backend_that_recovers_gets_everything(collect, status: int) -> None:
    collector = collect(status, status)
    made = exporter(collector.url)
    made.offer([span()])
    assert until_counted(made, 1) == (1, 0)
    assert len(collector.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_what_a_backend_refuses_is_dropped_and_not_repeated(collect, status: int) -> None:
    collector = collect(status)
    made = exporter(collector.url)
    made.offer([span()])
    assert until_counted(made, 1) == (0, 1)
    assert len(collector.requests) == 1


def test_the_queue_is_bounded_while_the_backend_is_away() -> None:
    made = exporter("http://127.0.0.1:1")
    made.offer([span()] * (MAX_QUEUE + 500))
    made.offer([span()] * 10)
    assert made.take_count().dropped >= 10
    made.stop()


def test_what_is_encoded_decodes_to_the_same() -> None:
    (decoded,), outcome = decode_traces(encode_traces([span()]), IngestSettings().limits(), time.time_ns())
    assert not outcome.rejected
    original = span()
    for name in ("trace_id", "span_id", "name", "otel_kind", "status", "flags"):
        assert getattr(decoded, name) == getattr(original, name)
    assert decoded.scope.name == "kaname.gateway"
    assert decoded.attributes["flag"] is True
    assert decoded.attributes["half"] == 0.5
    assert decoded.attributes["many"] == str(1 << 70)
    assert decoded.attributes["gen_ai.response.finish_reasons"] == ["stop"]


def test_content_is_sent_where_that_is_wanted() -> None:
    assert "gen_ai.input.messages" in prepare(span(), content=True).attributes


def test_a_wrong_target_is_refused_without_showing_headers() -> None:
    with pytest.raises(ConfigurationError, match="isn't a URL"):
        ExportTarget.parse("collector:4318", "", content=False)
    with pytest.raises(ConfigurationError) as caught:
        ExportTarget.parse("http://c", "authorization: Bearer hidden", content=False)
    assert "hidden" not in str(caught.value)
