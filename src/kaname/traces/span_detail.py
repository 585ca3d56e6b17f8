"""One span in full as the API answers it: long fields cut, JSON parsed, log records and scores beside it."""

from typing import cast

from kaname.storage.columns import ColumnsClient
from kaname.traces import shape
from kaname.traces.queries.scores import scores_of_traces
from kaname.traces.queries.span_detail import JSON_FIELDS, read_log_records, read_span
from kaname.traces.shape import JsonObject, Row, as_object, as_objects, parse_json

_PLAIN = (
    "trace_id", "span_id", "parent_span_id", "external_id", "name", "kind", "otel_kind", "status", "status_message",
    "level", "operation", "model", "provider", "request_model", "response_model", "response_id", "finish_reasons",
    "environment", "service_name", "session_id", "user_id", "tags", "metadata", "release", "version", "input_tokens",
    "output_tokens", "usage", "usage_reported", "cost_source", "price_id", "is_root", "flags", "prompt_name",
    "prompt_version", "agent_name", "tool_name", "tool_call_id", "input_preview", "output_preview", "scope_name",
    "scope_version", "schema_url", "trace_state", "trace_flags", "dropped_attributes", "dropped_events",
    "dropped_links", "dialects", "normaliser_version",
)  # fmt: skip


def build_span_detail(
    columns: ColumnsClient, project_id: str, trace_id: str, span_id: str, at_ns: int | None
) -> JsonObject:
    """The answer of GET traces/{trace_id}/spans/{span_id}; raises NotFoundError."""
    row = read_span(columns, project_id, trace_id, span_id, at_ns)
    first_token = row["time_to_first_token_ns"]
    detail: JsonObject = {name: row[name] for name in _PLAIN}
    detail |= {
        "start_time": shape.to_iso(row["start_ns"]),
        "received_at": shape.to_iso(row["received_ns"]),
        "duration_ms": shape.to_ms(row["duration_ns"]),
        "time_to_first_token_ms": None if first_token is None else shape.to_ms(first_token),
        "total_tokens": cast("int", row["input_tokens"]) + cast("int", row["output_tokens"]),
        "cost": row["cost_parts"],
        "cost_usd": row["cost_total"],
        "input": _payload(row, "input"),
        "output": _payload(row, "output"),
        "input_messages": _messages(row, "input"),
        "output_messages": _messages(row, "output"),
        "cut_fields": [f for f in JSON_FIELDS if _is_cut(row, f)],
    }
    for field in ("model_parameters", "tool_definitions", "documents"):
        detail[field] = parse_json(row[f"{field}_shown"])
    for field in ("attributes", "resource", "scope_attributes"):
        detail[field] = as_object(parse_json(row[f"{field}_shown"]))
    detail["events"] = [_event(e) for e in as_objects(parse_json(row["events_shown"]))]
    detail["links"] = [_link(link) for link in as_objects(parse_json(row["links_shown"]))]
    # What the worker already merged into the span's messages is shown there and not twice.
    merged = "log_content" in cast("list[str]", row["flags"])
    records = [] if merged else read_log_records(columns, project_id, trace_id, span_id)
    detail["log_records"] = [_log_record(r) for r in records]
    scores = scores_of_traces(columns, project_id, [trace_id])
    detail["scores"] = [shape.score(s) for s in scores if _concerns(s, span_id, is_root=bool(row["is_root"]))]
    return detail


def _payload(row: Row, field: str) -> JsonObject:
    text = cast("str", row[f"{field}_shown"])
    cut = _is_cut(row, field)
    return {
        "format": row[f"{field}_format"],
        "text": text,
        "truncated": cut or bool(row[f"{field}_blob"]),
        "bytes": row[f"{field}_bytes"],
    }


def _messages(row: Row, field: str) -> list[JsonObject] | None:
    if row[f"{field}_format"] != "messages" or _is_cut(row, field):
        return None
    return parse_messages(row[f"{field}_shown"])


def parse_messages(text: object) -> list[JsonObject] | None:
    """Messages of a payload in format `messages`; None if it isn't a list of them."""
    value = parse_json(text)
    if not isinstance(value, list):
        return None
    found = as_objects(cast("list[object]", value))
    return [m for m in found if isinstance(m.get("role"), str) and isinstance(m.get("parts"), list)]


def _is_cut(row: Row, field: str) -> bool:
    return cast("int", row[f"{field}_bytes"]) > len(cast("str", row[f"{field}_shown"]).encode("utf-8", "replace"))


def _event(event: JsonObject) -> JsonObject:
    time_ns = event.get("time_ns")
    return {
        "name": str(event.get("name", "")),
        "time": shape.to_iso(time_ns) if isinstance(time_ns, int) else None,
        "attributes": as_object(event.get("attributes")),
        "body": event.get("body"),
    }


def _link(link: JsonObject) -> JsonObject:
    return {
        "trace_id": str(link.get("trace_id", "")),
        "span_id": str(link.get("span_id", "")),
        "attributes": as_object(link.get("attributes")),
    }


def _log_record(row: Row) -> JsonObject:
    return {
        "name": row["event_name"],
        "time": shape.to_iso(row["time_ns"]),
        "attributes": as_object(parse_json(row["attributes"])),
        "body": parse_json(row["body"], row["body"] or None),
    }


def _concerns(score: Row, span_id: str, *, is_root: bool) -> bool:
    return score["span_id"] == span_id or (is_root and score["target"] == "trace")
