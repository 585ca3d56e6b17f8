"""Spans that arrived lately, for the live view."""

from kaname.storage.columns import ColumnsClient
from kaname.traces.criteria import SpanCriteria
from kaname.traces.queries.span_list import SUMMARY_COLUMNS, Row
from kaname.traces.queries.statement import READ_SETTINGS, ProjectStatement
from kaname.traces.queries.trace import DAY_NS


def read_arrivals(
    columns: ColumnsClient, project_id: str, criteria: SpanCriteria, since_ns: int, limit: int
) -> list[Row]:
    """Matching spans received since then that began within the last day, the latest arrivals first."""
    statement = ProjectStatement(project_id)
    conditions = [
        *criteria.conditions(statement),
        f"received_at >= {statement.moment(since_ns)}",
        # Prunes by the table's order; what is older than a day isn't live.
        f"start_time >= {statement.moment(since_ns - DAY_NS)}",
    ]
    sql = (
        f"SELECT {SUMMARY_COLUMNS}, toUnixTimestamp64Nano(received_at) AS received_ns"
        f" {statement.source('spans', conditions)}"
        f" ORDER BY received_at DESC, span_id LIMIT {limit}"
    )
    return columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)
