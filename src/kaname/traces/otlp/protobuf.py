"""OTLP protobuf bodies → raw spans and log records.

The attribute loop dominates the worker's decoding, hence its shape: a field of a message that isn't set costs less to
read than asking which one is set.
"""

from collections.abc import Iterable
from typing import Literal, cast

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as LogRecordMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from kaname.traces.logs import EVENT_NAME_ATTRIBUTE, LogRecord
from kaname.traces.model import Attributes, AttributeValue, RawEvent, RawLink, RawSpan, Scope, Status
from kaname.traces.otlp.decoding import OtlpFormat, bound_items
from kaname.traces.otlp.density import UNCOUNTED_BYTES, check_protobuf
from kaname.traces.otlp.limits import OtlpLimits
from kaname.traces.otlp.outcome import (
    NO_TRACE,
    SPAN_ID_LENGTH,
    SPAN_ID_ZERO,
    SPAN_SIZE,
    TIME_WINDOW,
    TRACE_ID_LENGTH,
    TRACE_ID_ZERO,
    MalformedError,
    Outcome,
    TooManyError,
)
from kaname.traces.otlp.values import TOO_DEEP, severity_text

_NO_TRACE_ID = bytes(16)
_NO_SPAN_ID = bytes(8)
_STATUS: tuple[Status, ...] = ("unset", "ok", "error")
_MAX_KIND = 5


def count_data_points(body: bytes) -> int:
    """How many data points a metrics request holds."""
    if len(body) > UNCOUNTED_BYTES:
        raise TooManyError(f"a metrics request of {len(body)} bytes isn't counted: metrics aren't stored yet")
    try:
        request = ExportMetricsServiceRequest.FromString(body)
    except DecodeError as e:
        raise MalformedError(f"the body isn't an OTLP metrics request: {e}") from e
    points = 0
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                if kind is not None:
                    points += len(getattr(metric, kind).data_points)
    return points


def _read_traces(body: bytes, limits: OtlpLimits, received_ns: int, into: list[RawSpan] | None) -> Outcome:
    check_protobuf(body, "traces")
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as e:
        raise MalformedError(_describe(body, "traces", e)) from e
    outcome = Outcome()
    bound_items(len(request.resource_spans), "resources", limits)
    earliest, latest = limits.window(received_ns)
    measure = len(body) > limits.max_span_bytes
    for resource_spans in request.resource_spans:
        resource: Attributes | None = None
        bound_items(len(resource_spans.scope_spans), "scopes", limits)
        for scope_spans in resource_spans.scope_spans:
            outcome.total += len(scope_spans.spans)
            bound_items(outcome.total, "spans", limits)
            scope: Scope | None = None
            for span in scope_spans.spans:
                fault = _id_fault(span.trace_id, span.span_id)
                if not fault and not earliest <= span.start_time_unix_nano <= latest:
                    fault = TIME_WINDOW
                if not fault and measure and span.ByteSize() > limits.max_span_bytes:
                    fault = SPAN_SIZE
                if fault:
                    outcome.missing_ids += not span.trace_id and not span.span_id
                    outcome.reject(fault, scope_spans.scope.name)
                elif into is not None:
                    if scope is None:
                        if resource is None:
                            resource = _attributes(resource_spans.resource.attributes, limits.max_attributes, limits)
                        scope = _scope(scope_spans.scope, resource, scope_spans.schema_url, limits)
                    into.append(_span(span, scope, limits))
    if outcome.total and outcome.missing_ids == outcome.total:
        raise MalformedError(_describe(body, "traces", None))
    return outcome


def _read_logs(body: bytes, limits: OtlpLimits, received_ns: int, into: list[LogRecord] | None) -> Outcome:
    check_protobuf(body, "logs")
    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError as e:
        raise MalformedError(_describe(body, "logs", e)) from e
    outcome = Outcome()
    bound_items(len(request.resource_logs), "resources", limits)
    earliest, latest = limits.window(received_ns)
    measure = len(body) > limits.max_span_bytes
    empty = 0
    for resource_logs in request.resource_logs:
        resource: Attributes | None = None
        bound_items(len(resource_logs.scope_logs), "scopes", limits)
        for scope_logs in resource_logs.scope_logs:
            outcome.total += len(scope_logs.log_records)
            bound_items(outcome.total, "log records", limits)
            scope: Scope | None = None
            for record in scope_logs.log_records:
                time_ns = record.time_unix_nano or record.observed_time_unix_nano or received_ns
                fault = _record_fault(record)
                if not fault and not earliest <= time_ns <= latest:
                    fault = TIME_WINDOW
                if not fault and measure and record.ByteSize() > limits.max_span_bytes:
                    fault = SPAN_SIZE
                if fault:
                    empty += not (record.time_unix_nano or record.observed_time_unix_nano or record.HasField("body"))
                    outcome.reject(fault, scope_logs.scope.name)
                elif into is not None:
                    if scope is None:
                        if resource is None:
                            resource = _attributes(resource_logs.resource.attributes, limits.max_attributes, limits)
                        scope = _scope(scope_logs.scope, resource, scope_logs.schema_url, limits)
                    into.append(_record(record, time_ns, scope, limits))
    if outcome.total and empty == outcome.total and _is(body, "traces"):
        raise MalformedError("this is a traces payload, use /v1/traces")
    return outcome


def _id_fault(trace_id: bytes, span_id: bytes) -> str:
    if len(trace_id) != 16:
        return TRACE_ID_LENGTH
    if len(span_id) != 8:
        return SPAN_ID_LENGTH
    if trace_id == _NO_TRACE_ID:
        return TRACE_ID_ZERO
    if span_id == _NO_SPAN_ID:
        return SPAN_ID_ZERO
    return ""


def _record_fault(record: LogRecordMessage) -> str:
    if record.trace_id in (b"", _NO_TRACE_ID):
        return NO_TRACE
    if len(record.trace_id) != 16:
        return TRACE_ID_LENGTH
    if len(record.span_id) not in (0, 8):
        return SPAN_ID_LENGTH
    return ""


def _span(span: Span, scope: Scope, limits: OtlpLimits) -> RawSpan:
    cap = limits.max_attributes
    attributes = span.attributes
    events = span.events
    over = max(len(attributes) - cap, 0)
    parent = span.parent_span_id
    kind = span.kind
    raw = RawSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=parent.hex() if len(parent) == 8 and parent != _NO_SPAN_ID else "",
        name=span.name,
        otel_kind=kind if 0 <= kind <= _MAX_KIND else 0,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=_attributes(attributes, cap, limits),
        scope=scope,
        trace_state=span.trace_state,
        flags=span.flags,
        dropped_attributes=span.dropped_attributes_count + over,
    )
    if span.HasField("status"):
        code = span.status.code
        raw.status = _STATUS[code] if 0 <= code <= 2 else "unset"
        raw.status_message = span.status.message
    if events:
        raw.events = [
            RawEvent(
                name=event.name,
                time_ns=event.time_unix_nano,
                attributes=_attributes(event.attributes, cap, limits),
            )
            for event in events[: limits.max_events]
        ]
        raw.dropped_events = span.dropped_events_count + max(len(events) - limits.max_events, 0)
    else:
        raw.dropped_events = span.dropped_events_count
    if span.links:
        raw.links = _links(span, limits)
    raw.dropped_links = span.dropped_links_count
    return raw


def _links(span: Span, limits: OtlpLimits) -> list[RawLink]:
    return [
        RawLink(
            trace_id=link.trace_id.hex(),
            span_id=link.span_id.hex(),
            trace_state=link.trace_state,
            attributes=_attributes(link.attributes, limits.max_attributes, limits),
        )
        for link in span.links[: limits.max_events]
        if not _id_fault(link.trace_id, link.span_id)
    ]


def _record(record: LogRecordMessage, time_ns: int, scope: Scope, limits: OtlpLimits) -> LogRecord:
    attributes = _attributes(record.attributes, limits.max_attributes, limits)
    name = record.event_name or attributes.get(EVENT_NAME_ATTRIBUTE)
    span_id = record.span_id
    return LogRecord(
        trace_id=record.trace_id.hex(),
        span_id=span_id.hex() if span_id != _NO_SPAN_ID else "",
        time_ns=time_ns,
        event_name=name if isinstance(name, str) else "",
        severity=record.severity_text or severity_text(record.severity_number),
        body=_any_value(record.body, limits.max_depth),
        attributes=attributes,
        scope=scope,
    )


def _scope(scope: InstrumentationScope, resource: Attributes, schema_url: str, limits: OtlpLimits) -> Scope:
    return Scope(
        name=scope.name,
        version=scope.version,
        attributes=_attributes(scope.attributes, limits.max_attributes, limits),
        resource=resource,
        schema_url=schema_url,
    )


def _attributes(pairs: "Iterable[KeyValue]", cap: int, limits: OtlpLimits) -> Attributes:
    out: Attributes = {}
    for pair in pairs:
        value = pair.value
        # Most values are text: reading an unset field is cheaper than WhichOneof.
        out[pair.key] = value.string_value or value.int_value or _any_value(value, limits.max_depth)
        if len(out) >= cap:
            break
    return out


def _any_value(value: AnyValue, depth: int) -> AttributeValue:
    kind = value.WhichOneof("value")
    if kind == "kvlist_value":
        if depth <= 0:
            return TOO_DEEP
        return {pair.key: _any_value(pair.value, depth - 1) for pair in value.kvlist_value.values}
    if kind == "array_value":
        if depth <= 0:
            return TOO_DEEP
        return [_any_value(item, depth - 1) for item in value.array_value.values]
    return None if kind is None else cast("AttributeValue", getattr(value, kind))


def _describe(body: bytes, signal: Literal["traces", "logs"], error: DecodeError | None) -> str:
    """What a body is that isn't this signal: the other one, or where decoding broke."""
    other = "logs" if signal == "traces" else "traces"
    if _is(body, other):
        return f"this is a {other} payload, use /v1/{other}"
    if error is None:
        return "every span lacks trace_id and span_id: is this another signal?"
    return f"the body isn't an OTLP {signal} request: {error}"


def _is(body: bytes, signal: str) -> bool:
    """Whether a body decodes as this signal *and* its first items look like it."""
    try:
        if signal == "traces":
            spans = ExportTraceServiceRequest.FromString(body).resource_spans
            return any(
                len(s.trace_id) == 16 and len(s.span_id) == 8 for r in spans for c in r.scope_spans for s in c.spans[:1]
            )
        logs = ExportLogsServiceRequest.FromString(body).resource_logs
    except DecodeError:
        return False
    return any(
        r.time_unix_nano or r.observed_time_unix_nano or r.HasField("body")
        for g in logs
        for c in g.scope_logs
        for r in c.log_records[:1]
    )


_FORMAT = OtlpFormat(read_traces=_read_traces, read_logs=_read_logs)
inspect_traces, decode_traces = _FORMAT.inspect_traces, _FORMAT.decode_traces
inspect_logs, decode_logs = _FORMAT.inspect_logs, _FORMAT.decode_logs
