"""Groups of spans (traces, sessions, end users) as the JSON objects of the API."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import cast

from kaname.traces import shape
from kaname.traces.shape import JsonObject, Row


def trace_summary(row: Row) -> JsonObject:
    """A row of `groups` by trace, without scores yet."""
    name, environment, input_preview, output_preview = cast("Sequence[str]", row["head"])
    start, end = cast("int", row["start_ns"]), cast("int", row["end_ns"])
    return {
        "trace_id": row["id"],
        "name": name,
        "start_time": shape.to_iso(start),
        "duration_ms": shape.to_ms(end - start),
        "span_count": row["span_count"],
        "error_count": row["error_count"],
        "llm_count": row["llm_count"],
        "total_tokens": row["tokens"],
        "cost_usd": row["cost"],
        "session_id": row["any_session_id"],
        "user_id": row["any_user_id"],
        "environment": environment,
        "input_preview": input_preview,
        "output_preview": output_preview,
        "scores": [],
    }


def session_summary(row: Row) -> JsonObject:
    """A row of `groups` by session."""
    _, environment, input_preview, _ = cast("Sequence[str]", row["head"])
    return {
        "session_id": row["id"],
        "trace_count": row["trace_count"],
        "span_count": row["span_count"],
        "error_count": row["error_count"],
        "start_time": shape.to_iso(row["start_ns"]),
        "end_time": shape.to_iso(row["end_ns"]),
        "total_tokens": row["tokens"],
        "cost_usd": row["cost"],
        "user_id": row["any_user_id"],
        "environment": environment,
        "input_preview": input_preview,
    }


def end_user(row: Row) -> JsonObject:
    """A row of `groups` by end user."""
    return {
        "user_id": row["id"],
        "span_count": row["span_count"],
        "trace_count": row["trace_count"],
        "session_count": row["session_count"],
        "error_count": row["error_count"],
        "total_tokens": row["tokens"],
        "cost_usd": row["cost"],
        "first_seen": shape.to_iso(row["start_ns"]),
        "last_seen": shape.to_iso(row["last_ns"]),
    }


def attach_trace_scores(traces: Sequence[JsonObject], scores: Iterable[Row]) -> None:
    """Puts chips on traces: their own scores and those of their spans."""
    by_trace: dict[object, list[JsonObject]] = defaultdict(list)
    for row in scores:
        by_trace[row["trace_id"]].append(shape.score_chip(row))
    for trace in traces:
        trace["scores"] = by_trace.get(trace["trace_id"], [])
