"""OTLP JSON bodies → raw spans and log records: the same results as `protobuf.py` for the same content.

Unknown keys are ignored. A list that is something else makes the items it should hold malformed: they are counted with
a reason, and the good ones beside them are kept.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple, cast

import orjson

from kaname.traces.logs import EVENT_NAME_ATTRIBUTE, LogRecord
from kaname.traces.model import Attributes, RawEvent, RawLink, RawSpan, Scope, Status
from kaname.traces.otlp.decoding import OtlpFormat, bound_items
from kaname.traces.otlp.density import check_json
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
)
from kaname.traces.otlp.values import (
    JsonObject,
    field,
    load_json,
    severity_text,
    to_attributes,
    to_enum,
    to_id,
    to_int,
    to_str,
    to_value,
)

_STATUS: tuple[Status, ...] = ("unset", "ok", "error")
_STATUS_NAMES = ("UNSET", "OK", "ERROR")
_KIND_NAMES = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_U32 = 2**32 - 1
_LISTS = ("attributes", "events", "links")
_SIGNAL_KEYS = {
    "traces": ("resourceSpans", "resource_spans"),
    "logs": ("resourceLogs", "resource_logs"),
    "metrics": ("resourceMetrics", "resource_metrics"),
}
JsonSignal = Literal["traces", "logs", "metrics"]


class _Group(NamedTuple):
    """Items that share a resource and scope, still undecoded."""

    resource: JsonObject
    scope: JsonObject
    schema_url: str
    items: list[object]

    @property
    def scope_name(self) -> str:
        return to_str(self.scope.get("name"))


def count_data_points(body: bytes, limits: OtlpLimits) -> int:
    """How many data points a metrics request holds."""
    outcome = Outcome()
    points = 0
    for group in _groups(body, "metrics", ("scopeMetrics", "scope_metrics"), "metrics", outcome, limits):
        for metric in group.items:
            if isinstance(metric, dict):
                for data in cast("JsonObject", metric).values():
                    if isinstance(data, dict):
                        listed = field(cast("JsonObject", data), "dataPoints", "data_points")
                        points += len(cast("list[object]", listed)) if isinstance(listed, list) else 0
    return points


def _read_traces(body: bytes, limits: OtlpLimits, received_ns: int, into: list[RawSpan] | None) -> Outcome:
    outcome = Outcome()
    earliest, latest = limits.window(received_ns)
    measure = len(body) > limits.max_span_bytes
    for group in _groups(body, "traces", ("scopeSpans", "scope_spans"), "spans", outcome, limits):
        scope: Scope | None = None
        for item in group.items:
            fault = _span_fault(item, earliest, latest)
            if not fault and measure and len(orjson.dumps(item, default=str)) > limits.max_span_bytes:
                fault = SPAN_SIZE
            if fault:
                outcome.reject(fault, group.scope_name)
            elif into is not None:
                scope = scope or _scope(group, limits)
                into.append(_span(cast("JsonObject", item), scope, limits))
    return outcome


def _read_logs(body: bytes, limits: OtlpLimits, received_ns: int, into: list[LogRecord] | None) -> Outcome:
    outcome = Outcome()
    earliest, latest = limits.window(received_ns)
    measure = len(body) > limits.max_span_bytes
    for group in _groups(body, "logs", ("scopeLogs", "scope_logs"), "logRecords", outcome, limits):
        scope: Scope | None = None
        for item in group.items:
            fault = _record_fault(item)
            time_ns = _record_time(cast("JsonObject", item), received_ns) if not fault else 0
            if not fault and not earliest <= time_ns <= latest:
                fault = TIME_WINDOW
            if not fault and measure and len(orjson.dumps(item, default=str)) > limits.max_span_bytes:
                fault = SPAN_SIZE
            if fault:
                outcome.reject(fault, group.scope_name)
            elif into is not None:
                scope = scope or _scope(group, limits)
                into.append(_record(cast("JsonObject", item), time_ns, scope, limits))
    return outcome


def _groups(
    body: bytes, signal: JsonSignal, inner: tuple[str, str], items: str, outcome: Outcome, limits: OtlpLimits
) -> Iterator[_Group]:
    """Every scope of the body with its items; what isn't shaped so is counted as one malformed item each."""
    check_json(body)
    top = load_json(body)
    if not isinstance(top, dict):
        raise MalformedError(f"the body must be a JSON object, not {_name(top)}")
    request = cast("JsonObject", top)
    keys = _SIGNAL_KEYS[signal]
    resources = field(request, *keys)
    if resources is None:
        for other, (camel, snake) in _SIGNAL_KEYS.items():
            if other != signal and (camel in request or snake in request):
                raise MalformedError(f"this is a {other} payload, use /v1/{other}")
        if request:
            raise MalformedError(f"{keys[0]} is missing; the body has {', '.join(map(repr, list(request)[:5]))}")
        return
    for resource in _objects(resources, keys[0], outcome, "", limits):
        attributes = resource.get("resource")
        shared = cast("JsonObject", attributes) if isinstance(attributes, dict) else {}
        for scope in _objects(field(resource, *inner), inner[0], outcome, "", limits):
            described = scope.get("scope")
            head = cast("JsonObject", described) if isinstance(described, dict) else {}
            listed = scope.get(items, scope.get("log_records") if items == "logRecords" else None)
            group = _Group(shared, head, to_str(field(scope, "schemaUrl", "schema_url")), [])
            if listed is None:
                continue
            if not isinstance(listed, list):
                outcome.total += 1
                outcome.reject(f"{items} must be a list, not {_name(listed)}", group.scope_name)
                continue
            group = group._replace(items=cast("list[object]", listed))
            outcome.total += len(group.items)
            bound_items(outcome.total, items, limits)
            yield group


def _objects(value: object, name: str, outcome: Outcome, scope: str, limits: OtlpLimits) -> list[JsonObject]:
    if value is None:
        return []
    if not isinstance(value, list):
        outcome.total += 1
        outcome.reject(f"{name} must be a list, not {_name(value)}", scope)
        return []
    listed = cast("list[object]", value)
    bound_items(len(listed), name, limits)
    good = [cast("JsonObject", item) for item in listed if isinstance(item, dict)]
    if len(good) < len(listed):
        outcome.total += len(listed) - len(good)
        outcome.reject(f"{name} must hold objects", scope, len(listed) - len(good))
    return good


def _span_fault(item: object, earliest: int, latest: int) -> str:
    if not isinstance(item, dict):
        return "spans must hold objects"
    span = cast("JsonObject", item)
    for name in _LISTS:
        value = span.get(name)
        if value is not None and not isinstance(value, list):
            return _list_fault(name, value)
    trace_id = to_id(field(span, "traceId", "trace_id"), 16)
    span_id = to_id(field(span, "spanId", "span_id"), 8)
    if not trace_id:
        return TRACE_ID_LENGTH
    if not span_id:
        return SPAN_ID_LENGTH
    if not any(trace_id):
        return TRACE_ID_ZERO
    if not any(span_id):
        return SPAN_ID_ZERO
    start = to_int(field(span, "startTimeUnixNano", "start_time_unix_nano"))
    return "" if earliest <= start <= latest else TIME_WINDOW


def _record_fault(item: object) -> str:
    if not isinstance(item, dict):
        return "logRecords must hold objects"
    record = cast("JsonObject", item)
    attributes = record.get("attributes")
    if attributes is not None and not isinstance(attributes, list):
        return _list_fault("attributes", attributes)
    trace_id = to_id(field(record, "traceId", "trace_id"), 16)
    if trace_id is None:
        return TRACE_ID_LENGTH
    if not any(trace_id):
        return NO_TRACE
    return SPAN_ID_LENGTH if to_id(field(record, "spanId", "span_id"), 8) is None else ""


def _list_fault(name: str, value: object) -> str:
    shape = " of {key, value}" if name == "attributes" else ""
    return f"{name} must be a list{shape}, not {_name(value)}"


def _span(span: JsonObject, scope: Scope, limits: OtlpLimits) -> RawSpan:
    cap = limits.max_attributes
    attributes = cast("list[object]", span.get("attributes") or [])
    events = cast("list[object]", span.get("events") or [])
    status = span.get("status")
    told = cast("JsonObject", status) if isinstance(status, dict) else {}
    return RawSpan(
        trace_id=_hex(field(span, "traceId", "trace_id"), 16),
        span_id=_hex(field(span, "spanId", "span_id"), 8),
        parent_span_id=_hex(field(span, "parentSpanId", "parent_span_id"), 8),
        name=to_str(span.get("name")),
        otel_kind=to_enum(span.get("kind"), "SPAN_KIND_", _KIND_NAMES),
        start_ns=to_int(field(span, "startTimeUnixNano", "start_time_unix_nano")),
        end_ns=to_int(field(span, "endTimeUnixNano", "end_time_unix_nano")),
        status=_STATUS[to_enum(told.get("code"), "STATUS_CODE_", _STATUS_NAMES)],
        status_message=to_str(told.get("message")),
        attributes=to_attributes(attributes, cap, limits) or {},
        events=[
            RawEvent(
                name=to_str(event.get("name")),
                time_ns=to_int(field(event, "timeUnixNano", "time_unix_nano")),
                attributes=to_attributes(event.get("attributes"), cap, limits) or {},
            )
            for event in _dicts(events[: limits.max_events])
        ],
        links=_links(cast("list[object]", span.get("links") or []), limits),
        scope=scope,
        trace_state=to_str(field(span, "traceState", "trace_state")),
        flags=to_int(span.get("flags"), 0, _U32),
        dropped_attributes=to_int(field(span, "droppedAttributesCount", "dropped_attributes_count"), 0, _U32)
        + max(len(attributes) - cap, 0),
        dropped_events=to_int(field(span, "droppedEventsCount", "dropped_events_count"), 0, _U32)
        + max(len(events) - limits.max_events, 0),
        dropped_links=to_int(field(span, "droppedLinksCount", "dropped_links_count"), 0, _U32),
    )


def _links(links: list[object], limits: OtlpLimits) -> list[RawLink]:
    out: list[RawLink] = []
    for link in _dicts(links[: limits.max_events]):
        trace_id = _hex(field(link, "traceId", "trace_id"), 16)
        span_id = _hex(field(link, "spanId", "span_id"), 8)
        if trace_id and span_id:
            out.append(
                RawLink(
                    trace_id=trace_id,
                    span_id=span_id,
                    trace_state=to_str(field(link, "traceState", "trace_state")),
                    attributes=to_attributes(link.get("attributes"), limits.max_attributes, limits) or {},
                )
            )
    return out


def _record(record: JsonObject, time_ns: int, scope: Scope, limits: OtlpLimits) -> LogRecord:
    attributes = to_attributes(record.get("attributes"), limits.max_attributes, limits) or {}
    name = to_str(field(record, "eventName", "event_name")) or attributes.get(EVENT_NAME_ATTRIBUTE)
    return LogRecord(
        trace_id=_hex(field(record, "traceId", "trace_id"), 16),
        span_id=_hex(field(record, "spanId", "span_id"), 8),
        time_ns=time_ns,
        event_name=name if isinstance(name, str) else "",
        severity=to_str(field(record, "severityText", "severity_text")) or _severity(record),
        body=to_value(record.get("body"), limits.max_depth),
        attributes=attributes,
        scope=scope,
    )


def _record_time(record: JsonObject, received_ns: int) -> int:
    return (
        to_int(field(record, "timeUnixNano", "time_unix_nano"))
        or to_int(field(record, "observedTimeUnixNano", "observed_time_unix_nano"))
        or received_ns
    )


def _severity(record: JsonObject) -> str:
    value = field(record, "severityNumber", "severity_number")
    if isinstance(value, str) and value.startswith("SEVERITY_NUMBER_"):
        return value.removeprefix("SEVERITY_NUMBER_").replace("UNSPECIFIED", "")
    return severity_text(to_int(value))


def _scope(group: _Group, limits: OtlpLimits) -> Scope:
    resource: Attributes | None = to_attributes(group.resource.get("attributes"), limits.max_attributes, limits)
    return Scope(
        name=group.scope_name,
        version=to_str(group.scope.get("version")),
        attributes=to_attributes(group.scope.get("attributes"), limits.max_attributes, limits) or {},
        resource=resource or {},
        schema_url=group.schema_url,
    )


def _hex(value: object, n_bytes: int) -> str:
    raw = to_id(value, n_bytes)
    return raw.hex() if raw and any(raw) else ""


def _dicts(values: list[object]) -> list[JsonObject]:
    return [cast("JsonObject", v) for v in values if isinstance(v, dict)]


def _name(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, bool):
        return "a boolean"
    return "a list" if isinstance(value, list) else "a string" if isinstance(value, str) else "a number"


_FORMAT = OtlpFormat(read_traces=_read_traces, read_logs=_read_logs)
inspect_traces, decode_traces = _FORMAT.inspect_traces, _FORMAT.decode_traces
inspect_logs, decode_logs = _FORMAT.inspect_logs, _FORMAT.decode_logs
