"""Rows of the column store as the JSON objects of the API. Types of the result are in `routes_model.py`; a test
validates every answer against them, so that the answers themselves can skip validation.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec

Row = dict[str, object]
JsonObject = dict[str, object]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_iso(ns: object) -> str:
    """ISO 8601 in UTC with microseconds of nanoseconds since 1970."""
    at = _EPOCH + timedelta(microseconds=cast("int", ns) // 1000)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if at.year >= 1000 else at.isoformat().replace("+00:00", "Z")


def to_ms(ns: object) -> float:
    """Milliseconds of nanoseconds."""
    return cast("int", ns) / 1e6


def span_summary(row: Row) -> JsonObject:
    """A row of `span_list.SUMMARY_COLUMNS`, without scores yet."""
    first_token = row["time_to_first_token_ns"]
    tokens_in, tokens_out = cast("int", row["input_tokens"]), cast("int", row["output_tokens"])
    return {
        "trace_id": row["trace_id"],
        "span_id": row["span_id"],
        "parent_span_id": row["parent_span_id"],
        "name": row["name"],
        "kind": row["kind"],
        "status": row["status"],
        "level": row["level"],
        "start_time": to_iso(row["start_ns"]),
        "duration_ms": to_ms(row["duration_ns"]),
        "time_to_first_token_ms": None if first_token is None else to_ms(first_token),
        "model": row["model"],
        "provider": row["provider"],
        "environment": row["environment"],
        "service_name": row["service_name"],
        "session_id": row["session_id"],
        "user_id": row["user_id"],
        "tags": row["tags"],
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
        "cost_usd": row["cost"],
        "cost_source": row["cost_source"],
        "input_preview": row["input_preview"],
        "output_preview": row["output_preview"],
        "is_root": row["is_root"],
        "flags": row["flags"],
        "scores": [],
        "prompt_name": row["prompt_name"],
        "tool_name": row["tool_name"],
        "agent_name": row["agent_name"],
    }


def score_chip(row: Row) -> JsonObject:
    """A score as a list of spans shows it."""
    return {"name": row["name"], "value": row["value"], "label": row["label"] or None, "source": row["source"]}


def score(row: Row) -> JsonObject:
    """A row of `scores.SCORE_COLUMNS`."""
    return {
        "id": row["score_id"],
        "name": row["name"],
        "data_type": row["data_type"],
        "value": row["value"],
        "label": row["label"] or None,
        "text": row["text"] or None,
        "source": row["source"],
        "author_id": row["author_id"],
        "author_name": row["author_name"],
        "explanation": row["explanation"],
        "target": row["target"],
        "trace_id": row["trace_id"],
        "span_id": row["span_id"],
        "session_id": row["session_id"],
        "environment": row["environment"],
        "metadata": row["metadata"],
        "execution_trace_id": row["execution_trace_id"],
        "created_at": to_iso(row["created_ns"]),
    }


def attach_scores(spans: Sequence[JsonObject], scores: Iterable[Row]) -> None:
    """Puts chips on the spans they target; a trace's scores go to its root."""
    by_target: dict[tuple[object, object], list[JsonObject]] = defaultdict(list)
    for row in scores:
        key = (row["trace_id"], row["span_id"] if row["target"] == "span" else "")
        by_target[key].append(score_chip(row))
    for span in spans:
        chips = list(by_target.get((span["trace_id"], span["span_id"]), ()))
        if span["is_root"]:
            chips += by_target.get((span["trace_id"], ""), ())
        span["scores"] = chips


def as_object(value: object) -> JsonObject:
    """The value if it is a JSON object, else an empty one."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def as_objects(value: object) -> list[JsonObject]:
    """The objects of a JSON list, nothing if it isn't one."""
    if not isinstance(value, list):
        return []
    return [cast("JsonObject", v) for v in cast("list[object]", value) if isinstance(v, dict)]


def parse_json(text: object, fallback: object = None) -> object:
    """The value of a JSON column; `fallback` for an empty or cut one."""
    if not text:
        return fallback
    try:
        return msgspec.json.decode(cast("str", text))
    except (msgspec.DecodeError, RecursionError):
        return fallback
