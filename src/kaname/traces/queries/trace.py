"""One trace: its skeleton in columns, up to 100,000 spans without any payload, and its totals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from kaname.kernel.errors import InvalidInputError, NotFoundError
from kaname.storage.columns import ColumnsClient
from kaname.traces.queries.statement import READ_SETTINGS, ProjectStatement

MAX_SKELETON = 100_000
DAY_NS = 86_400_000_000_000

_COLUMNS = (
    "span_id, parent_span_id, toString(name) AS name, toUInt8(kind) AS kind_code, toUInt8(status) AS status_code,"
    " toUInt8(level) AS level_code, toUnixTimestamp64Nano(start_time) AS start_ns, duration_ns,"
    " toString(model) AS model, input_tokens + output_tokens AS tokens, toFloat64(ifNull(cost_usd, 0)) AS cost"
)
_TOTALS = (
    "count() AS span_count, toUnixTimestamp64Nano(min(start_time)) AS start_ns,"
    " max(toUnixTimestamp64Nano(start_time) + toInt64(duration_ns)) AS end_ns,"
    " countIf(status = 'error') AS error_count,"
    " sum(input_tokens + output_tokens) AS tokens, toString(sum(cost_usd)) AS cost,"
    " anyIf(session_id, session_id != '') AS session_id, anyIf(user_id, user_id != '') AS user_id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRows:
    """Parallel lists in order of start, and the totals of the whole trace even if the lists are cut."""

    span_id: list[str]
    parent_span_id: list[str]
    name: list[str]
    kind_code: list[int]
    status_code: list[int]
    level_code: list[int]
    start_ns: list[int]
    duration_ns: list[int]
    model: list[str]
    tokens: list[int]
    cost: list[float]
    totals: dict[str, object]


def require_trace_id(text: str, param: str = "trace_id") -> str:
    """A trace id as it is stored; raises InvalidInputError unless it is 32 hexadecimal digits."""
    return _require_hex(text, 32, param)


def require_span_id(text: str, param: str = "span_id") -> str:
    """A span id as it is stored; raises InvalidInputError unless it is 16 hexadecimal digits."""
    return _require_hex(text, 16, param)


def no_such_trace(trace_id: str) -> NotFoundError:
    """The one answer for a trace that isn't in this project."""
    return NotFoundError(
        f"no trace {trace_id!r} in this project",
        hint="New spans are visible within a second of their acknowledgement.",
        code="trace_not_found",
        params={"id": trace_id},
    )


def read_trace(columns: ColumnsClient, project_id: str, trace_id: str, at_ns: int | None) -> TraceRows:
    """The trace; `at_ns`, a time of any of its spans, spares looking through all time. Raises NotFoundError."""
    for near in (True, False) if at_ns is not None else (False,):
        statement = ProjectStatement(project_id)
        conditions = trace_conditions(statement, [trace_id], (at_ns or 0, at_ns or 0) if near else None)
        source = statement.source("spans", conditions)
        totals = columns.query_rows(f"SELECT {_TOTALS} {source}", statement.parameters, settings=READ_SETTINGS)[0]
        if totals["span_count"]:
            sql = f"SELECT {_COLUMNS} {source} ORDER BY start_time, span_id LIMIT {MAX_SKELETON}"
            lists = columns.query_columns(sql, statement.parameters, settings=READ_SETTINGS)
            return _to_rows(lists, totals)
    raise no_such_trace(trace_id)


def trace_conditions(
    statement: ProjectStatement, trace_ids: Sequence[str], around_ns: tuple[int, int] | None
) -> list[str]:
    """Spans of these traces; `around_ns` are the earliest and latest known starts: the rest is within a day of them."""
    one = len(trace_ids) == 1
    found = [f"trace_id = {statement.text(trace_ids[0])}" if one else f"trace_id IN {statement.texts(trace_ids)}"]
    if around_ns is not None:
        found.append(f"start_time >= {statement.moment(max(0, around_ns[0] - DAY_NS))}")
        found.append(f"start_time < {statement.moment(around_ns[1] + DAY_NS)}")
    return found


def _to_rows(lists: dict[str, list[object]], totals: dict[str, object]) -> TraceRows:
    texts = {k: cast("list[str]", lists[k]) for k in ("span_id", "parent_span_id", "name", "model")}
    numbers = {
        k: cast("list[int]", lists[k])
        for k in ("kind_code", "status_code", "level_code", "start_ns", "duration_ns", "tokens")
    }
    return TraceRows(
        span_id=texts["span_id"],
        parent_span_id=texts["parent_span_id"],
        name=texts["name"],
        model=texts["model"],
        kind_code=numbers["kind_code"],
        status_code=numbers["status_code"],
        level_code=numbers["level_code"],
        start_ns=numbers["start_ns"],
        duration_ns=numbers["duration_ns"],
        tokens=numbers["tokens"],
        cost=cast("list[float]", lists["cost"]),
        totals=totals,
    )


def _require_hex(text: str, digits: int, param: str) -> str:
    folded = text.lower()
    if len(folded) != digits or not all(c in "0123456789abcdef" for c in folded):
        raise InvalidInputError(
            f"{param} {text[:64]!r} isn't {digits} hexadecimal digits",
            hint="Ids are OpenTelemetry's.",
            param=param,
            code="id_invalid",
            params={"field": param, "value": text[:64], "digits": digits},
        )
    return folded
