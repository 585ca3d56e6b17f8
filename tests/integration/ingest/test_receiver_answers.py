"""Every answer of the OTLP routes, in both formats, and that a refused request leaves nothing behind."""

import asyncio
import gzip
import json
import secrets
import time
import zlib

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from kaname.storage.journal import JournalSettings

PROTOBUF = "application/x-protobuf"
JSON = "application/json; charset=utf-8"


def traces(n: int = 2, *, good: bool = True, name: str = "s") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    scope.scope.name = "test.scope"
    for _ in range(n):
        span = scope.spans.add()
        span.trace_id = secrets.token_bytes(16 if good else 15)
        span.span_id = secrets.token_bytes(8)
        span.name = name
        span.start_time_unix_nano = time.time_ns()
    return request


def logs() -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.trace_id, record.span_id = secrets.token_bytes(16), secrets.token_bytes(8)
    record.time_unix_nano = time.time_ns()
    record.body.string_value = "é" * 200
    return request


def json_traces(**fields) -> dict:
    span = {"traceId": secrets.token_hex(16), "spanId": secrets.token_hex(8), "startTimeUnixNano": time.time_ns()}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [{**span, **fields}]}]}]}


def status_of(answer) -> tuple[int, str]:
    """(code, message) of a google.rpc.Status in the answer's format."""
    if answer.headers["content-type"] == "application/json":
        body = json.loads(answer.body)
        return body["code"], body["message"]
    from google.rpc.status_pb2 import Status

    status = Status.FromString(answer.body)
    return status.code, status.message


@pytest.mark.parametrize("path", ["/v1/traces", "/api/public/otel/v1/traces"])
@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "deflate", "raw deflate"])
def test_success_is_empty_in_protobuf(ingest, path, encoding):
    body = traces().SerializeToString()
    sent = {"gzip": gzip.compress, "deflate": zlib.compress}.get(encoding, lambda b: b)(body)
    if encoding == "raw deflate":
        raw = zlib.compressobj(wbits=-15)
        sent = raw.compress(body) + raw.flush()
    answer = ingest.post(path, sent, content_encoding=encoding.removeprefix("raw "))
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", PROTOBUF)
    (entry,) = ingest.entries()
    assert (entry.kind, entry.payload, entry.project_id) == ("otlp_traces_protobuf", body, "prj_test")


def test_success_is_an_empty_object_in_json(ingest):
    answer = ingest.post("/v1/traces", json.dumps(json_traces()).encode(), content_type=JSON)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"{}", "application/json")
    assert ingest.entries()[0].kind == "otlp_traces_json"


def test_concatenated_gzip_members_and_pieces(ingest):
    body = traces().SerializeToString()
    sent = gzip.compress(body[:50]) + gzip.compress(body[50:])
    answer = ingest.post("/v1/traces", [sent[:30], sent[30:60], b"", sent[60:]], content_encoding="gzip")
    assert answer.status == 200
    assert ingest.entries()[0].payload == body


def test_an_empty_request_is_a_success_and_stores_nothing(ingest):
    assert ingest.post("/v1/traces", b"").status == 200
    assert ingest.post("/v1/traces", b"{}", content_type=JSON).status == 200
    assert ingest.entries() == []


@pytest.mark.parametrize(
    ("headers", "status", "says"),
    [
        ({"authorization": ""}, 401, "no API key was sent"),
        ({"authorization": "Bearer nonsense"}, 401, "isn't an API key"),
        ({"authorization": "Bearer kn-sk-" + "0" * 20 + "-" + "0" * 40}, 401, "isn't valid here"),
        ({"authorization": "Basic !!!"}, 401, "isn't an API key"),
        ({"authorization": "reader"}, 403, "traces:write"),
        ({"content_type": ""}, 415, "is missing"),
        ({"content_type": "text/plain"}, 415, "text/plain"),
        ({"content_encoding": "br"}, 415, "'br'"),
        ({"content_length": str(1 << 40)}, 413, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
    ],
)
def test_refused_by_headers(ingest, headers, status, says):
    if headers.get("authorization") == "reader":
        headers = {"authorization": f"Bearer {ingest.keys.reader.text}"}
    answer = ingest.post("/v1/traces", traces().SerializeToString(), **headers)
    assert answer.status == status
    assert says in status_of(answer)[1]
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert ingest.entries() == []


def test_basic_authentication(ingest):
    import base64

    token = ingest.keys.writer
    pair = base64.b64encode(f"kn-pk-{token.public_part}:{token.text}".encode()).decode()
    assert ingest.post("/v1/traces", traces().SerializeToString(), authorization=f"Basic {pair}").status == 200


def test_method_and_path(ingest):
    answer = ingest.post("/v1/traces", b"", method="GET")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert ingest.post("/api/public/otel/v1/profiles", b"").status == 404


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
def test_partial_success_keeps_the_good_ones(ingest, content_type):
    if content_type == PROTOBUF:
        request = traces(2)
        request.MergeFrom(traces(1, good=False))
        body = request.SerializeToString()
    else:
        tree = json_traces()
        tree["resourceSpans"] += [*json_traces()["resourceSpans"], *json_traces(traceId="12")["resourceSpans"]]
        body = json.dumps(tree).encode()
    answer = ingest.post("/v1/traces", body, content_type=content_type)
    assert answer.status == 200
    if content_type == PROTOBUF:
        partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
        rejected, message = partial.rejected_spans, partial.error_message
        assert "[scope 'test.scope']" in message
    else:
        partial = json.loads(answer.body)["partialSuccess"]
        assert partial["rejectedSpans"] == "1"
        rejected, message = int(partial["rejectedSpans"]), partial["errorMessage"]
    assert rejected == 1
    assert message.startswith("1 of 3 spans rejected: trace_id must be 16 bytes (1)")
    assert len(ingest.entries()) == 1


def test_all_outside_the_window_is_partial_success_not_an_error(ingest):
    answer = ingest.post("/v1/traces", json.dumps(json_traces(startTimeUnixNano="5")).encode(), content_type=JSON)
    assert answer.status == 200
    assert "outside the accepted window" in json.loads(answer.body)["partialSuccess"]["errorMessage"]


@pytest.mark.parametrize(
    ("path", "content_type", "body", "says"),
    [
        ("/v1/traces", PROTOBUF, traces(3, good=False).SerializeToString(), "3 of 3 spans rejected: trace_id must be"),
        ("/v1/traces", PROTOBUF, b"\xff\xff\xff not protobuf", "isn't an OTLP traces request"),
        ("/v1/traces", PROTOBUF, traces(1, name="ok").SerializeToString()[:-3], "isn't an OTLP traces request"),
        ("/v1/traces", PROTOBUF, traces(1, name="bad").SerializeToString().replace(b"bad", b"b\xffd"), "isn't an OTLP"),
        ("/v1/traces", PROTOBUF, logs().SerializeToString(), "this is a logs payload, use /v1/logs"),
        ("/v1/logs", PROTOBUF, traces().SerializeToString(), "this is a traces payload, use /v1/traces"),
        ("/v1/traces", JSON, b"{", "isn't JSON"),
        ("/v1/traces", JSON, b"[]", "must be a JSON object, not a list"),
        ("/v1/traces", JSON, b"\xff\xfe", "isn't JSON"),
        ("/v1/traces", JSON, b"[" * 100_000, "isn't JSON"),
        ("/v1/traces", JSON, b'{"a\\u0020":' * 100_000, "isn't JSON"),
        ("/v1/traces", JSON, b'{"spans": []}', "resourceSpans is missing; the body has 'spans'"),
        ("/v1/traces", JSON, b'{"resourceLogs": []}', "this is a logs payload, use /v1/logs"),
        ("/v1/traces", JSON, b'{"resourceMetrics": []}', "this is a metrics payload, use /v1/metrics"),
        ("/v1/logs", JSON, b'{"resourceSpans": []}', "this is a traces payload, use /v1/traces"),
        ("/v1/traces", JSON, b'{"resourceSpans": {"length": 9}}', "resourceSpans must be a list, not an object (1)"),
        ("/v1/traces", JSON, b'{"resourceSpans": [{"scopeSpans": 3}]}', "scopeSpans must be a list, not a number"),
        ("/v1/traces", JSON, json.dumps(json_traces(attributes={"a": 1})).encode(), "a list of {key, value}, not an"),
    ],
    # Bodies hold random ids: named after them, the workers of one run would collect different tests.
    ids=range(18),
)
def test_malformed_is_400_with_the_reason_and_writes_nothing(ingest, path, content_type, body, says):
    answer = ingest.post(path, body, content_type=content_type)
    assert answer.status == 400
    code, message = status_of(answer)
    assert code == 3
    assert says in message
    assert ingest.entries() == []


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"x" * 1000, mtime=0)[:-9]),
        ("gzip", b"plain"),
        ("gzip", b""),
        ("deflate", b"plain"),
        ("deflate", zlib.compress(b"x" * 1000)[:-6]),
    ],
)
def test_broken_compression_is_400(ingest, encoding, body):
    answer = ingest.post("/v1/traces", body, content_encoding=encoding)
    assert answer.status == 400
    assert f"the {encoding} body is broken" in status_of(answer)[1]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_stopped_at_the_limit(make_ingest, encoding):
    ingest = make_ingest(max_body_bytes=1 << 20)
    bomb = {"gzip": gzip.compress, "deflate": zlib.compress}[encoding](bytes(200 << 20))
    answer = ingest.post("/v1/traces", bomb, content_encoding=encoding)
    assert answer.status == 413
    code, message = status_of(answer)
    assert code == 11
    assert "more than 1048576 bytes" in message
    assert "lower otel_bsp_max_export_batch_size" in message.lower()


def test_a_long_body_without_a_length_is_stopped(make_ingest):
    ingest = make_ingest(max_body_bytes=1000)
    assert ingest.post("/v1/traces", [b"x" * 600, b"x" * 600]).status == 413


def test_too_many_items_are_refused_before_they_are_walked(ingest):
    answer = ingest.post("/v1/traces", b"\x0a\x00" * 70_000)
    assert answer.status == 413
    assert "70000 resources" in status_of(answer)[1]


def nested(tag: int, body: bytes) -> bytes:
    length, size = b"", len(body)
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([tag]) + length + bytes([size]) + body


@pytest.mark.parametrize("where", ["resources", "scopes", "spans", "attributes", "values", "json", "json texts"])
def test_a_body_that_would_explode_in_memory_is_refused_before_it_is_decoded(ingest, where):
    """8 MB that would become 4 million objects; compressed it is a few kilobytes."""
    empties, count = b"\x0a\x00", 4 << 20
    if where.startswith("json"):
        item = b"{}," if where == "json" else b'"a",'
        body = b'{"resourceSpans":[' + item * (2 * count) + b"{}]}"
    elif where == "resources":
        body = empties * count
    else:
        inner = {"scopes": b"\x12\x00", "spans": b"\x12\x00", "attributes": b"\x4a\x00", "values": empties}[
            where
        ] * count
        if where == "values":  # attribute → value → array
            inner = nested(0x4A, nested(0x12, nested(0x2A, inner)))
        for _ in range({"scopes": 1, "spans": 2, "attributes": 3, "values": 3}[where]):
            inner = nested(0x12, inner)
        body = b"\x0a" + inner[1:]
    content_type = JSON if where.startswith("json") else PROTOBUF
    answer = ingest.post("/v1/traces", gzip.compress(body, 1), content_encoding="gzip", content_type=content_type)
    assert answer.status == 413
    assert "values" in status_of(answer)[1]


def test_a_span_over_the_limit_is_rejected_alone(make_ingest):
    ingest = make_ingest(max_span_bytes=10_000)
    request = traces(1)
    request.MergeFrom(traces(1, name="x" * 20_000))
    answer = ingest.post("/v1/traces", request.SerializeToString())
    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_spans) == (200, 1)
    assert "over the size limit" in partial.error_message


def test_logs(ingest):
    answer = ingest.post("/v1/logs", logs().SerializeToString())
    assert (answer.status, answer.body) == (200, b"")
    assert ingest.entries()[0].kind == "otlp_logs_protobuf"


def test_logs_without_a_trace_are_rejected_with_the_reason(ingest):
    request = logs()
    request.resource_logs[0].scope_logs[0].log_records[0].trace_id = b""
    request.MergeFrom(logs())
    answer = ingest.post("/v1/logs", request.SerializeToString())
    partial = ExportLogsServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_log_records) == (200, 1)
    assert "belongs to no span" in partial.error_message


def test_metrics_are_counted_as_rejected_never_dropped_silently(ingest):
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add()
    for _ in range(3):
        metric.gauge.data_points.add()
    answer = ingest.post("/v1/metrics", request.SerializeToString())
    partial = ExportMetricsServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_data_points) == (200, 3)
    tree = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"sum": {"dataPoints": [{}, {}]}}]}]}]}
    answer = ingest.post("/v1/metrics", json.dumps(tree).encode(), content_type=JSON)
    assert json.loads(answer.body)["partialSuccess"]["rejectedDataPoints"] == "2"
    assert ingest.entries() == []


def test_a_full_journal_is_503_with_retry_after(make_ingest):
    ingest = make_ingest(JournalSettings(min_free_bytes=0, max_bytes=3000))
    body = traces(20).SerializeToString()
    answers = [ingest.post("/v1/traces", body) for _ in range(5)]
    assert answers[0].status == 200
    assert answers[-1].status == 503
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert status_of(answers[-1])[0] == 14


def test_a_full_disk_and_a_closed_journal_are_503(make_ingest):
    ingest = make_ingest(JournalSettings(min_free_bytes=1 << 60))
    assert ingest.post("/v1/traces", traces().SerializeToString()).status == 503
    ingest.journal.close()
    answer = ingest.post("/v1/traces", traces().SerializeToString())
    assert (answer.status, "retry-after" in answer.headers) == (503, True)


def test_slow_bodies_and_too_many_requests(make_ingest):
    ingest = make_ingest(max_concurrent=2, body_timeout_s=0.3)

    async def go():
        body = traces().SerializeToString()
        slow = [asyncio.ensure_future(ingest.send("/v1/traces", body, hang=True)) for _ in range(2)]
        await asyncio.sleep(0.05)
        busy = await ingest.send("/v1/traces", body)
        return busy, [await s for s in slow], await ingest.send("/v1/traces", body)

    busy, slow, after = asyncio.run(go())
    assert (busy.status, busy.headers["retry-after"]) == (429, "1")
    assert [s.status for s in slow] == [408, 408]
    assert after.status == 200


def test_bodies_in_flight_are_bounded(make_ingest):
    ingest = make_ingest(max_in_flight_bytes=1000)
    assert ingest.post("/v1/traces", traces(40).SerializeToString()).status == 429
    assert ingest.post("/v1/traces", traces(5).SerializeToString()).status == 200


def test_a_client_that_leaves_gets_no_answer_and_stores_nothing(ingest):
    answer = ingest.post("/v1/traces", [])
    assert answer.status == 200 or answer.status == 0
    assert ingest.entries() == []
