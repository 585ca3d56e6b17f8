"""The list of spans: one page, in a stable order, reading as little as it can.

Newest first is the common order. It is read in windows that grow backwards from the newest time (six hours, three days,
thirty days, all), so that a page costs the same on a day's data and on a year's. A cursor holds the sort keys of the
last row; rows that arrive meanwhile never move a later page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from kaname.kernel.errors import InvalidInputError
from kaname.kernel.paging import decode_cursor, encode_cursor
from kaname.storage.columns import ColumnsClient
from kaname.traces.criteria import MAX_NS, SpanCriteria
from kaname.traces.queries.statement import READ_SETTINGS, ProjectStatement

Row = dict[str, object]
SpanOrder = Literal["start_time", "duration", "cost", "total_tokens"]
Direction = Literal["desc", "asc"]
_HOUR_NS = 3_600_000_000_000
FUTURE_NS = 48 * _HOUR_NS
"""Spans may start up to a day ahead of our clock."""
WINDOWS_NS = (6 * _HOUR_NS, 72 * _HOUR_NS, 720 * _HOUR_NS)

SUMMARY_COLUMNS = (
    "trace_id, span_id, parent_span_id, name, kind, status, level, toUnixTimestamp64Nano(start_time) AS start_ns,"
    " duration_ns, time_to_first_token_ns, model, provider, environment, service_name, session_id, user_id, tags,"
    " input_tokens, output_tokens, toString(cost_usd) AS cost, cost_source, input_preview, output_preview, is_root,"
    " flags, prompt_name, tool_name, agent_name"
)
_SORT_KEYS: dict[SpanOrder, str] = {
    "duration": "toInt64(duration_ns)",
    "cost": "toInt64(ifNull(toFloat64(cost_usd), -1) * 1e9)",
    "total_tokens": "toInt64(input_tokens + output_tokens)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanPage:
    """Rows of `SUMMARY_COLUMNS`, and where the next page begins."""

    rows: Sequence[Row]
    next_cursor: str | None


def list_spans(
    columns: ColumnsClient,
    project_id: str,
    criteria: SpanCriteria,
    *,
    order: SpanOrder,
    direction: Direction,
    limit: int,
    cursor: str | None,
    now_ns: int,
) -> SpanPage:
    """One page of spans. Raises InvalidInputError for a cursor of another order."""
    if order == "start_time":
        rows = _by_time(columns, project_id, criteria, direction, limit + 1, cursor, now_ns)
        last_keys = ("start_ns", "trace_id", "span_id")
    else:
        rows = _by_value(columns, project_id, criteria, order, direction, limit + 1, cursor)
        last_keys = ("sort_key", "start_ns", "trace_id", "span_id")
    shown = rows[:limit]
    more = len(rows) > limit
    keys = [order, direction, *(_cursor_key(shown[-1][k]) for k in last_keys)] if more else []
    return SpanPage(rows=shown, next_cursor=encode_cursor(keys) if more else None)


def newest_first(
    fetch: Callable[[SpanCriteria, int], list[Row]],
    criteria: SpanCriteria,
    limit: int,
    now_ns: int,
) -> list[Row]:
    """Up to `limit` rows, asked for in windows that grow backwards until there are enough.

    `fetch(criteria, limit)` answers newest first; the windows don't overlap.
    """
    end = MAX_NS if criteria.to_ns is None else criteria.to_ns
    newest = min(end, now_ns + FUTURE_NS)
    rows: list[Row] = []
    for reach in (*WINDOWS_NS, None):
        start = None if reach is None else min(newest, now_ns) - reach
        if start is not None and criteria.from_ns is not None and start <= criteria.from_ns:
            start = criteria.from_ns
        rows += fetch(criteria.within(start, end), limit - len(rows))
        if len(rows) >= limit or start is None or start == criteria.from_ns:
            break
        end = start
    return rows


def _by_time(
    columns: ColumnsClient,
    project_id: str,
    criteria: SpanCriteria,
    direction: Direction,
    limit: int,
    cursor: str | None,
    now_ns: int,
) -> list[Row]:
    after = _decode(cursor, "start_time", direction, [int, str, str])
    if after is not None:
        at = int(after[0])
        criteria = criteria.within(None, at + 1) if direction == "desc" else criteria.within(at, None)

    def fetch(part: SpanCriteria, n: int) -> list[Row]:
        statement = ProjectStatement(project_id)
        conditions = part.conditions(statement)
        if after is not None:
            key = (
                f"({statement.moment(int(after[0]))}, {statement.text(str(after[1]))}, {statement.text(str(after[2]))})"
            )
            conditions.append(f"(start_time, trace_id, span_id) {'<' if direction == 'desc' else '>'} {key}")
        way = direction.upper()
        sql = (
            f"SELECT {SUMMARY_COLUMNS} {statement.source('spans', conditions)}"
            # The first key is the table's own, so that the engine reads in order and stops early.
            f" ORDER BY toStartOfMinute(start_time) {way}, start_time {way}, trace_id {way}, span_id {way}"
            f" LIMIT {n}"
        )
        return columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)

    if direction == "asc":
        return fetch(criteria, limit)
    return newest_first(fetch, criteria, limit, now_ns)


def _by_value(
    columns: ColumnsClient,
    project_id: str,
    criteria: SpanCriteria,
    order: SpanOrder,
    direction: Direction,
    limit: int,
    cursor: str | None,
) -> list[Row]:
    statement = ProjectStatement(project_id)
    conditions = criteria.conditions(statement)
    sort_key = _SORT_KEYS[order]
    after = _decode(cursor, order, direction, [int, int, str, str])
    if after is not None:
        key = (
            f"({statement.integer(int(after[0]))}, {statement.moment(int(after[1]))},"
            f" {statement.text(str(after[2]))}, {statement.text(str(after[3]))})"
        )
        conditions.append(f"({sort_key}, start_time, trace_id, span_id) {'<' if direction == 'desc' else '>'} {key}")
    way = direction.upper()
    sql = (
        f"SELECT {SUMMARY_COLUMNS}, {sort_key} AS sort_key {statement.source('spans', conditions)}"
        f" ORDER BY sort_key {way}, start_time {way}, trace_id {way}, span_id {way} LIMIT {limit}"
    )
    return columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)


def _decode(
    cursor: str | None, order: SpanOrder, direction: Direction, types: Sequence[type]
) -> list[str | int | float] | None:
    if not cursor:
        return None
    keys = decode_cursor(cursor, [str, str, *types])
    if keys[:2] != [order, direction]:
        raise InvalidInputError(
            f"the cursor belongs to order {keys[0]!r} {keys[1]!r}, not {order!r} {direction!r}",
            hint="Start again without a cursor.",
            param="cursor",
            code="cursor_of_other_order",
        )
    return keys[2:]


def _cursor_key(value: object) -> str | int:
    return value if isinstance(value, int) else str(value)
