"""Notices of ingest: what was refused or changed on arrival, newest first."""

from collections.abc import Sequence
from typing import cast

from kaname.kernel.paging import decode_cursor, encode_cursor
from kaname.storage.columns import ColumnsClient
from kaname.traces.queries.statement import READ_SETTINGS, ProjectStatement

Row = dict[str, object]


def list_notices(
    columns: ColumnsClient, project_id: str, *, limit: int, cursor: str | None
) -> tuple[Sequence[Row], str | None]:
    """(rows of one page, cursor of the next)."""
    statement = ProjectStatement(project_id)
    conditions: list[str] = []
    if cursor:
        at, notice_id = decode_cursor(cursor, [int, str])
        conditions.append(f"(time, notice_id) < ({statement.moment(int(at))}, {statement.text(str(notice_id))})")
    sql = (
        "SELECT notice_id, toUnixTimestamp64Nano(time) AS time_ns, kind, count, message, details"
        f" {statement.source('ingest_notices', conditions, final=True)}"
        f" ORDER BY time DESC, notice_id DESC LIMIT {limit + 1}"
    )
    rows = columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)
    shown = rows[:limit]
    more = len(rows) > limit
    last = [cast("int", shown[-1]["time_ns"]), str(shown[-1]["notice_id"])] if more else []
    return shown, encode_cursor(last) if more else None
