"""Spans as an OTLP trace export request in protobuf: what the decoder reads, the other way round.

Structured values become JSON text, as the conventions for generative AI allow, because few backends show nested ones.
Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""

from collections.abc import Mapping, Sequence

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from kaname.traces.coerce import dump_json
from kaname.traces.model import AttributeValue, RawSpan

_STATUS = {"unset": Status.STATUS_CODE_UNSET, "ok": Status.STATUS_CODE_OK, "error": Status.STATUS_CODE_ERROR}
_INT64 = 1 << 63


def encode_traces(spans: Sequence[RawSpan]) -> bytes:
    """One request. Spans of equal scope and resource stand together."""
    request = ExportTraceServiceRequest()
    groups: dict[tuple[str, str], list[RawSpan]] = {}
    for span in spans:
        groups.setdefault((dump_json(span.scope.resource), span.scope.name), []).append(span)
    for group in groups.values():
        scope = group[0].scope
        resource_spans = request.resource_spans.add()
        resource_spans.resource.attributes.extend(_pairs(scope.resource))
        scope_spans = resource_spans.scope_spans.add()
        scope_spans.scope.name = scope.name
        scope_spans.spans.extend(_span(span) for span in group)
    return request.SerializeToString()


def _span(span: RawSpan) -> Span:
    return Span(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_span_id),
        trace_state=span.trace_state,
        flags=span.flags,
        name=span.name,
        kind=Span.SpanKind.Name(span.otel_kind),  # pyright: ignore[reportArgumentType] - the stubs want the name
        start_time_unix_nano=span.start_ns,
        end_time_unix_nano=span.end_ns,
        attributes=_pairs(span.attributes),
        status=Status(code=_STATUS[span.status], message=span.status_message),
    )


def _pairs(attributes: Mapping[str, AttributeValue]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items() if value is not None]


def _value(value: AttributeValue) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value) if -_INT64 <= value < _INT64 else AnyValue(string_value=str(value))
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case str():
            return AnyValue(string_value=value.encode("utf-8", "replace").decode())
        case list() if all(isinstance(item, str) for item in value):
            out = AnyValue()
            out.array_value.values.extend(_value(item) for item in value)
            return out
        case _:
            return AnyValue(string_value=dump_json(value))
