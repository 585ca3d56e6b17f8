"""Traces, sessions and end users as groupings of spans at read time.

A list of groups is made in two steps. First the page: the groups whose newest matching spans are newest, read
backwards in time until there are enough. Then the sums of exactly those groups. A later page leaves out groups that an
earlier one showed, looking back at most a day above the cursor: a group that is silent for longer and then matches
again may come twice, which costs less than reading everything for every page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from kaname.kernel.paging import decode_cursor, encode_cursor
from kaname.storage.columns import ColumnsClient
from kaname.traces.criteria import SpanCriteria
from kaname.traces.queries.span_list import newest_first
from kaname.traces.queries.statement import READ_SETTINGS, ProjectStatement
from kaname.traces.queries.trace import DAY_NS

Row = dict[str, object]
GroupKey = Literal["trace_id", "session_id", "user_id"]

_END = "max(toUnixTimestamp64Nano(start_time) + toInt64(duration_ns))"
_SUMS = (
    "count() AS span_count, uniqExact(trace_id) AS trace_count,"
    " uniqExactIf(session_id, session_id != '') AS session_count,"
    " countIf(status = 'error') AS error_count, countIf(kind = 'llm') AS llm_count,"
    " sum(input_tokens + output_tokens) AS tokens, toString(sum(cost_usd)) AS cost,"
    f" toUnixTimestamp64Nano(min(start_time)) AS start_ns, {_END} AS end_ns,"
    " toUnixTimestamp64Nano(max(start_time)) AS last_ns,"
    " anyIf(session_id, session_id != '') AS any_session_id, anyIf(user_id, user_id != '') AS any_user_id"
)
_HEAD = (
    # The root says what a trace is; where it is missing, the earliest span does. Not for end users: the previews of all
    # their spans are the most expensive thing to read here, and nothing shows them.
    ", argMin((toString(name), toString(environment), input_preview, output_preview),"
    " (NOT is_root, start_time)) AS head"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPage:
    """Rows of sums, each with its `id`, the newest group first."""

    rows: Sequence[Row]
    next_cursor: str | None


def list_groups(
    columns: ColumnsClient,
    project_id: str,
    key: GroupKey,
    criteria: SpanCriteria,
    *,
    limit: int,
    cursor: str | None,
    now_ns: int,
) -> GroupPage:
    """One page of groups that have a matching span."""
    newest = _newest_groups(columns, project_id, key, criteria, limit + 1, cursor, now_ns)
    shown = newest[:limit]
    if not shown:
        return GroupPage(rows=[], next_cursor=None)
    last = shown[-1]
    more = len(newest) > limit
    next_cursor = encode_cursor([key, cast("int", last["start_ns"]), str(last["id"])]) if more else None
    starts = [cast("int", r["start_ns"]) for r in shown]
    around = (min(starts), max(starts)) if key == "trace_id" else None
    sums = sum_groups(columns, project_id, key, [str(r["id"]) for r in shown], around, criteria)
    return GroupPage(rows=[sums[str(r["id"])] for r in shown if str(r["id"]) in sums], next_cursor=next_cursor)


def sum_groups(
    columns: ColumnsClient,
    project_id: str,
    key: GroupKey,
    ids: Sequence[str],
    around_ns: tuple[int, int] | None,
    criteria: SpanCriteria | None = None,
) -> dict[str, Row]:
    """Sums over all spans of these groups by id, within a day of `around_ns`; users within the criteria's time."""
    if not ids:
        return {}
    statement = ProjectStatement(project_id)
    conditions = [f"{key} IN {statement.texts(ids)}"]
    if around_ns is not None:
        conditions.append(f"start_time >= {statement.moment(max(0, around_ns[0] - DAY_NS))}")
        conditions.append(f"start_time < {statement.moment(around_ns[1] + DAY_NS)}")
    elif criteria is not None and key == "user_id":
        conditions += criteria.time_conditions(statement)
    head = "" if key == "user_id" else _HEAD
    sql = f"SELECT {key} AS id, {_SUMS}{head} {statement.source('spans', conditions)} GROUP BY id"
    rows = columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)
    return {str(r["id"]): r for r in rows}


def _newest_groups(
    columns: ColumnsClient,
    project_id: str,
    key: GroupKey,
    criteria: SpanCriteria,
    limit: int,
    cursor: str | None,
    now_ns: int,
) -> list[Row]:
    after = _decode(cursor, key)
    found: list[str] = []
    upper = criteria if after is None else criteria.within(None, after[0] + 1)

    def fetch(part: SpanCriteria, n: int) -> list[Row]:
        statement = ProjectStatement(project_id)
        conditions = [*part.conditions(statement), f"{key} != ''"]
        if found:
            conditions.append(f"{key} NOT IN {statement.texts(found)}")
        if after is not None:
            conditions += _after_conditions(statement, key, criteria, after)
        sql = (
            f"SELECT {key} AS id, toUnixTimestamp64Nano(start_time) AS start_ns {statement.source('spans', conditions)}"
            f" ORDER BY toStartOfMinute(start_time) DESC, start_time DESC, {key} DESC LIMIT 1 BY {key} LIMIT {n}"
        )
        rows = columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)
        found.extend(str(r["id"]) for r in rows)
        return rows

    return newest_first(fetch, upper, limit, now_ns)


def _after_conditions(
    statement: ProjectStatement, key: GroupKey, criteria: SpanCriteria, after: tuple[int, str]
) -> list[str]:
    """Below the cursor, and not in a group that was shown above it."""
    at, group = after
    place = f"({statement.moment(at)}, {statement.text(group)})"
    shown = criteria.within(at, at + DAY_NS).conditions(statement)
    above = statement.source("spans", [*shown, f"(start_time, {key}) >= {place}"])
    return [f"(start_time, {key}) < {place}", f"{key} NOT IN (SELECT {key} {above})"]


def _decode(cursor: str | None, key: GroupKey) -> tuple[int, str] | None:
    if not cursor:
        return None
    kind, at, group = decode_cursor(cursor, [str, int, str])
    if kind != key:
        decode_cursor("", [str])  # of another list: the same answer as for one that isn't ours
    return int(at), str(group)
