"""The generations of a trace or session in order of time, with their messages: what a transcript is made from."""

from typing import Literal

from kaname.storage.columns import ColumnsClient
from kaname.traces.queries.statement import READ_SETTINGS, ProjectStatement

Row = dict[str, object]
MAX_GENERATIONS = 300
MAX_MESSAGES = 1 << 20

_COLUMNS = (
    "trace_id, span_id, toUnixTimestamp64Nano(start_time) AS start_ns, duration_ns, model, output_tokens, input_format,"
    f" output_format, substringUTF8(input, 1, {MAX_MESSAGES}) AS input,"
    f" substringUTF8(output, 1, {MAX_MESSAGES}) AS output, input_preview, output_preview"
)


def read_generations(
    columns: ColumnsClient,
    project_id: str,
    key: Literal["trace_id", "session_id"],
    value: str,
    around_ns: tuple[int, int] | None,
) -> tuple[list[Row], bool]:
    """(the earliest generations, whether there are more). Where there is no generation at all, the root spans."""
    for wanted in ("kind = 'llm'", "is_root"):
        statement = ProjectStatement(project_id)
        conditions = [f"{key} = {statement.text(value)}", wanted]
        if around_ns is not None:
            conditions.append(f"start_time >= {statement.moment(around_ns[0])}")
            conditions.append(f"start_time <= {statement.moment(around_ns[1])}")
        sql = (
            f"SELECT {_COLUMNS} {statement.source('spans', conditions)}"
            f" ORDER BY start_time, span_id LIMIT {MAX_GENERATIONS + 1}"
        )
        rows = columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)
        if rows:
            return rows[:MAX_GENERATIONS], len(rows) > MAX_GENERATIONS
    return [], False
