"""The traces of one session, oldest first."""

from collections.abc import Sequence

from kaname.storage.columns import ColumnsClient
from kaname.traces.queries.groups import Row, sum_groups
from kaname.traces.queries.statement import READ_SETTINGS, ProjectStatement

MAX_TRACES = 200


def read_session_traces(
    columns: ColumnsClient, project_id: str, session_id: str, around_ns: tuple[int, int]
) -> tuple[Sequence[Row], bool]:
    """(sums of the earliest traces, whether there are more)."""
    statement = ProjectStatement(project_id)
    conditions = [
        f"session_id = {statement.text(session_id)}",
        f"start_time >= {statement.moment(around_ns[0])}",
        f"start_time <= {statement.moment(around_ns[1])}",
    ]
    sql = (
        f"SELECT trace_id, min(start_time) AS first {statement.source('spans', conditions)}"
        f" GROUP BY trace_id ORDER BY first, trace_id LIMIT {MAX_TRACES + 1}"
    )
    rows = columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)
    ids = [str(r["trace_id"]) for r in rows[:MAX_TRACES]]
    sums = sum_groups(columns, project_id, "trace_id", ids, around_ns)
    return [sums[i] for i in ids if i in sums], len(rows) > MAX_TRACES
