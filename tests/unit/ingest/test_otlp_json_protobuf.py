"""decode(JSON) == decode(protobuf) for the same content, spelled in every way that senders spell it."""

import base64
import json
import math

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kaname.traces.otlp import density
from kaname.traces.otlp import json as otlp_json
from kaname.traces.otlp import protobuf as otlp_protobuf
from kaname.traces.otlp.limits import OtlpLimits

NOW = 1_760_000_000 * 10**9
NO_SHRINK = (Phase.explicit, Phase.reuse, Phase.generate)  # requests are too big to shrink in reasonable time
LIMITS = OtlpLimits(max_attributes=6, max_events=3)

text = st.text(max_size=8)
u32 = st.integers(0, 2**32 - 1)
values = st.recursive(
    st.one_of(
        st.builds(lambda v: {"string_value": v}, text),
        st.builds(lambda v: {"bool_value": v}, st.booleans()),
        st.builds(lambda v: {"int_value": v}, st.integers(-(2**63), 2**63 - 1)),
        st.builds(lambda v: {"double_value": v}, st.floats(allow_nan=False)),
        st.builds(lambda v: {"bytes_value": v}, st.binary(max_size=6)),
        st.just({}),
    ),
    lambda inner: st.one_of(
        st.builds(lambda v: {"array_value": {"values": v}}, st.lists(inner, max_size=3)),
        st.builds(
            lambda v: {"kvlist_value": {"values": [{"key": k, "value": x} for k, x in v.items()]}},
            st.dictionaries(text, inner, max_size=3),
        ),
    ),
    max_leaves=6,
)
attributes = st.dictionaries(text, values, max_size=8).map(lambda d: [{"key": k, "value": v} for k, v in d.items()])
trace_ids = st.one_of(st.binary(min_size=16, max_size=16), st.binary(max_size=17), st.just(bytes(16)))
span_ids = st.one_of(st.binary(min_size=8, max_size=8), st.binary(max_size=9), st.just(bytes(8)))
times = st.one_of(st.integers(NOW - 10**9, NOW + 10**9), st.integers(0, 2**64 - 1))
events = st.lists(st.fixed_dictionaries({"name": text, "time_unix_nano": times, "attributes": attributes}), max_size=4)
links = st.lists(
    st.fixed_dictionaries({"trace_id": trace_ids, "span_id": span_ids, "trace_state": text, "attributes": attributes}),
    max_size=2,
)
spans = st.fixed_dictionaries(
    {
        "trace_id": trace_ids,
        "span_id": span_ids,
        "parent_span_id": st.one_of(st.just(b""), st.binary(min_size=8, max_size=8)),
        "name": text,
        "kind": st.integers(0, 5),
        "start_time_unix_nano": times,
        "end_time_unix_nano": times,
        "attributes": attributes,
        "events": events,
        "links": links,
        "trace_state": text,
        "flags": u32,
        "dropped_attributes_count": u32,
        "dropped_events_count": st.integers(0, 9),
        "dropped_links_count": u32,
        "status": st.fixed_dictionaries({"code": st.integers(0, 2), "message": text}),
    }
)
resources = st.fixed_dictionaries({"attributes": attributes})
scopes = st.fixed_dictionaries({"name": text, "version": text, "attributes": attributes})


def scope_spans(items, name):
    return st.fixed_dictionaries({"scope": scopes, "schema_url": text, name: st.lists(items, max_size=3)})


requests = st.lists(
    st.fixed_dictionaries({"resource": resources, "scope_spans": st.lists(scope_spans(spans, "spans"), max_size=2)}),
    max_size=2,
)
records = st.fixed_dictionaries(
    {
        "trace_id": trace_ids,
        "span_id": st.one_of(span_ids, st.just(b"")),
        "time_unix_nano": times,
        "observed_time_unix_nano": times,
        "severity_number": st.integers(0, 24),
        "severity_text": text,
        "event_name": text,
        "body": values,
        "attributes": st.one_of(
            attributes, st.just([{"key": "event.name", "value": {"string_value": "gen_ai.choice"}}])
        ),
    }
)
log_requests = st.lists(
    st.fixed_dictionaries(
        {"resource": resources, "scope_logs": st.lists(scope_spans(records, "log_records"), max_size=2)}
    ),
    max_size=2,
)


def otlp_json_of(message, *, hex_case, keep_names: bool, numbers: bool) -> bytes:
    """The message in OTLP's JSON: protobuf's mapping, but hex ids, and optionally numbers instead of text."""
    tree = MessageToDict(message, preserving_proto_field_name=keep_names, use_integers_for_enums=numbers)

    def walk(node):
        if isinstance(node, list):
            return [walk(n) for n in node]
        if not isinstance(node, dict):
            return node
        out = {}
        for key, value in node.items():
            if key in ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"):
                value = hex_case(base64.b64decode(value)) if hex_case is not None else value
            elif (numbers and key in ("intValue", "int_value")) or (numbers and key.endswith(("Nano", "_nano"))):
                value = int(value)
            else:
                value = walk(value)
            out[key] = value
        return {"unknownKey": {"x": 1}, **out} if numbers else out

    out = walk(tree)
    out.pop("unknownKey", None)  # a body of nothing but unknown keys is refused, with the key's name
    return json.dumps(out).encode()


spellings = st.fixed_dictionaries(
    {
        "hex_case": st.sampled_from([lambda b: b.hex(), lambda b: b.hex().upper(), None]),
        "keep_names": st.booleans(),
        "numbers": st.booleans(),
    }
)


@given(
    st.one_of(
        requests.map(lambda r: ExportTraceServiceRequest(resource_spans=r).SerializeToString()), st.binary(max_size=200)
    )
)
@settings(max_examples=150, phases=NO_SHRINK)
def test_counting_before_decoding_counts_messages_and_never_crashes(body):
    count = count_messages(body)
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        return
    if request.SerializeToString(deterministic=True) == body or len(body) < 3:
        assert count == messages_in(request)


def count_messages(body: bytes) -> int:
    """What the guard counts, found by lowering its limit until it refuses."""
    low, high = 0, 4096
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(density, "UNCOUNTED_BYTES", -1)
        while low < high:
            middle = (low + high) // 2
            patch.setattr(density, "MAX_OBJECTS", middle)
            try:
                density.check_protobuf(body, "traces")
                high = middle
            except density.TooManyError:
                low = middle + 1
    return low


def messages_in(message) -> int:
    total = 0
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if field.is_repeated else [value]:
                total += 1 + messages_in(inner)
    return total


@given(requests, spellings)
@settings(max_examples=150, phases=NO_SHRINK)
def test_spans_are_the_same_from_json_and_protobuf(resource_spans, spelling):
    message = ExportTraceServiceRequest(resource_spans=resource_spans)
    check(message, spelling, otlp_protobuf.decode_traces, otlp_json.decode_traces)
    body = message.SerializeToString()
    try:
        seen = otlp_protobuf.inspect_traces(body, LIMITS, NOW)
    except otlp_protobuf.MalformedError:
        return
    decoded = otlp_protobuf.decode_traces(body, LIMITS, NOW)
    assert seen == decoded.outcome
    assert len(decoded.spans) == seen.accepted


@given(log_requests, spellings)
@settings(max_examples=100, phases=NO_SHRINK)
def test_records_are_the_same_from_json_and_protobuf(resource_logs, spelling):
    message = ExportLogsServiceRequest(resource_logs=resource_logs)
    check(message, spelling, otlp_protobuf.decode_logs, otlp_json.decode_logs)


def check(message, spelling, from_protobuf, from_json):
    try:
        expected, expected_outcome = from_protobuf(message.SerializeToString(), LIMITS, NOW)
    except otlp_protobuf.MalformedError:
        return
    got, outcome = from_json(otlp_json_of(message, **spelling), LIMITS, NOW)
    assert got == expected
    assert outcome.total == expected_outcome.total
    assert outcome.rejected == expected_outcome.rejected
    if spelling["hex_case"] is not None:
        assert outcome.faults == expected_outcome.faults


def span_body(**fields) -> bytes:
    span = {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "startTimeUnixNano": str(NOW)}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{**span, **fields}]}]}]}).encode()


def one(body: bytes):
    spans, outcome = otlp_json.decode_traces(body, OtlpLimits(), NOW)
    assert outcome.rejected == 0, outcome
    return spans[0]


def test_loose_json_values():
    span = one(
        span_body(
            kind="SPAN_KIND_SERVER",
            status={"code": "STATUS_CODE_ERROR", "message": "boom"},
            attributes=[
                {"key": "nan", "value": {"doubleValue": "NaN"}},
                {"key": "inf", "value": {"doubleValue": "-Infinity"}},
                {"key": "big", "value": {"intValue": "9" * 400}},
                {"key": "neg", "value": {"intValue": "-5"}},
                {"key": "bare", "value": "text"},
                {"key": "list", "value": {"arrayValue": {}}},
                {"key": "odd", "value": {"mysteryValue": 1}},
                {"key": "__proto__", "value": {"stringValue": "harmless"}},
                {"value": {"stringValue": "no key"}, "key": 5},
                "not a pair",
            ],
        )
    )
    assert (span.otel_kind, span.status, span.status_message) == (2, "error", "boom")
    assert math.isnan(span.attributes.pop("nan"))
    assert span.attributes == {
        "inf": -math.inf, "big": 0, "neg": -5, "bare": "text", "list": [], "odd": None, "__proto__": "harmless",
    }  # fmt: skip


def test_lone_surrogates_and_nan_literals_are_tolerated():
    body = span_body(name="SURROGATE").replace(b"SURROGATE", rb"cut \ud83d here")
    assert one(body).name == "cut ? here"
    body = span_body(attributes=[{"key": "k", "value": {"doubleValue": 0}}]).replace(b": 0}", b": NaN}")
    assert math.isnan(one(body).attributes["k"])


def test_deep_values_are_cut_not_fatal():
    value: dict = {"stringValue": "core"}
    for _ in range(200):
        value = {"arrayValue": {"values": [value]}}
    attribute = one(span_body(attributes=[{"key": "deep", "value": value}])).attributes["deep"]
    depth = 0
    while isinstance(attribute, list):
        attribute, depth = attribute[0], depth + 1
    assert (attribute, depth) == ("…", 32)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"attributes": {"a": 1}}, "attributes must be a list of {key, value}, not an object (1)"),
        ({"events": "x"}, "events must be a list, not a string (1)"),
        ({"attributes": {"length": 10**9}}, "not an object"),
        ({"traceId": "xyz"}, "trace_id must be 16 bytes (1)"),
        ({"traceId": "0" * 32}, "trace_id is all zeros (1)"),
        ({"spanId": 5}, "span_id must be 8 bytes (1)"),
        ({"spanId": "0" * 16}, "span_id is all zeros (1)"),
        ({"startTimeUnixNano": "0"}, "start time is outside the accepted window (1)"),
        ({"startTimeUnixNano": "1e30"}, "start time is outside the accepted window (1)"),
    ],
)
def test_bad_spans_are_counted_with_their_reason_beside_good_ones(fields, reason):
    tree = json.loads(span_body(**fields))
    good = json.loads(span_body())["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    tree["resourceSpans"][0]["scopeSpans"][0]["spans"].append(good)
    tree["resourceSpans"][0]["scopeSpans"][0]["scope"] = {"name": "lib"}
    spans, outcome = otlp_json.decode_traces(json.dumps(tree).encode(), OtlpLimits(), NOW)
    assert len(spans) == 1
    assert outcome.rejected == 1
    assert reason in outcome.message("traces")
    assert "[scope 'lib']" in outcome.message("traces")


@pytest.mark.parametrize("length", [22, 24])
def test_base64_ids(length):
    raw = bytes(range(1, 17))
    span = one(span_body(traceId=base64.b64encode(raw).decode()[:length], spanId="AQIDBAUGBwg="))
    assert (span.trace_id, span.span_id) == (raw.hex(), "0102030405060708")


@given(
    st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=5),
            st.sampled_from(["traceId", "0af7651916cd43dd8448eb211c80319c", str(NOW)]),
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.one_of(
                    st.sampled_from(
                        [
                            "resourceSpans",
                            "scopeSpans",
                            "spans",
                            "attributes",
                            "key",
                            "value",
                            "events",
                            "traceId",
                            "spanId",
                            "startTimeUnixNano",
                            "resource",
                            "scope",
                            "links",
                            "status",
                            "resourceLogs",
                            "scopeLogs",
                            "logRecords",
                            "stringValue",
                            "arrayValue",
                            "values",
                            "kvlistValue",
                            "body",
                            "__proto__",
                            "length",
                        ]
                    ),
                    st.text(max_size=3),
                ),
                inner,
                max_size=4,
            ),
        ),
        max_leaves=25,
    )
)
@settings(max_examples=300)
def test_any_json_is_decoded_or_refused_never_a_crash(tree):
    """fuzz: whatever JSON comes, the outcome is consistent or the body is called malformed."""
    for wrapped in (
        tree,
        {"resourceSpans": tree},
        {"resourceSpans": [{"scopeSpans": [{"spans": [tree]}]}]},
        {"resourceLogs": [{"scopeLogs": [{"logRecords": tree}]}]},
    ):
        body = json.dumps(wrapped).encode()
        for decode in (otlp_json.decode_traces, otlp_json.decode_logs):
            try:
                items, outcome = decode(body, LIMITS, NOW)
            except otlp_json.MalformedError as e:
                assert str(e)
                continue
            assert len(items) == outcome.accepted
            assert outcome.message("traces")


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_bytes_are_decoded_or_refused_never_a_crash(body):
    for module in (otlp_protobuf, otlp_json):
        for decode in (module.decode_traces, module.decode_logs):
            try:
                items, outcome = decode(body, LIMITS, NOW)
            except otlp_protobuf.MalformedError:
                continue
            assert len(items) == outcome.accepted


@given(requests, st.data())
@settings(max_examples=150)
def test_mutated_protobuf_never_crashes(resource_spans, data):
    raw = bytearray(ExportTraceServiceRequest(resource_spans=resource_spans).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    test_any_bytes_are_decoded_or_refused_never_a_crash.hypothesis.inner_test(bytes(raw))
