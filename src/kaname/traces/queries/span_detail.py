"""Everything about one span, and the whole of one of its long fields."""

from kaname.kernel.errors import NotFoundError
from kaname.storage.columns import ColumnsClient
from kaname.traces.queries.statement import READ_SETTINGS, ProjectStatement
from kaname.traces.queries.trace import trace_conditions
from kaname.traces.tables import SPAN_COLUMNS

Row = dict[str, object]
MAX_SHOWN = 2 << 20
"""Characters; longer fields are cut in the detail and downloaded on demand."""
TEXT_FIELDS = ("input", "output")
JSON_FIELDS = (
    "attributes", "events", "links", "resource", "scope_attributes", "tool_definitions", "documents",
    "model_parameters",
)  # fmt: skip
_LONG = (*TEXT_FIELDS, *JSON_FIELDS)
_TIMES = {"start_time": "start_ns", "received_at": "received_ns"}
MAX_LOG_RECORDS = 500


def _select() -> str:
    parts: list[str] = []
    for name in SPAN_COLUMNS:
        if name in _LONG:
            parts.append(f"substringUTF8({name}, 1, {MAX_SHOWN}) AS {name}_shown, length({name}) AS {name}_bytes")
        elif name in _TIMES:
            parts.append(f"toUnixTimestamp64Nano({name}) AS {_TIMES[name]}")
        elif name == "cost_usd":
            parts.append("toString(cost_usd) AS cost_total")
        elif name == "cost":
            parts.append("CAST(cost, 'Map(String, String)') AS cost_parts")
        elif name not in ("project_id", "search_cjk", "row_version"):
            parts.append(name)
    return ", ".join(parts)


_DETAIL = _select()


def read_span(columns: ColumnsClient, project_id: str, trace_id: str, span_id: str, at_ns: int | None) -> Row:
    """The row, long fields as `<field>_shown` and `<field>_bytes`; raises NotFoundError."""
    return _read_one(columns, project_id, trace_id, span_id, at_ns, _DETAIL)


def read_whole_field(
    columns: ColumnsClient, project_id: str, trace_id: str, span_id: str, field: str
) -> tuple[str, str, str]:
    """(text, format, blob digest if the row holds only the beginning) of a field in `_LONG`; raises NotFoundError."""
    if field in TEXT_FIELDS:
        select = f"{field} AS text, toString({field}_format) AS format, {field}_blob AS blob"
    elif field in JSON_FIELDS:
        select = f"{field} AS text, 'json' AS format, '' AS blob"
    else:
        raise NotFoundError(
            f"spans have no payload {field!r}",
            hint=f"Known: {', '.join(_LONG)}.",
            code="payload_unknown",
            params={"field": field[:80], "known": ", ".join(_LONG)},
        )
    row = _read_one(columns, project_id, trace_id, span_id, None, select)
    return str(row["text"]), str(row["format"]), str(row["blob"])


def mentions_blob(columns: ColumnsClient, project_id: str, trace_id: str, span_id: str, digest: str) -> bool:
    """Whether this span refers to a blob: blobs are shared by content, so only a reference gives the right to read."""
    statement = ProjectStatement(project_id)
    needle = statement.text(digest)
    anywhere = " OR ".join(f"position({f}, {needle}) > 0" for f in _LONG)
    select = f"input_blob = {needle} OR output_blob = {needle} OR {anywhere} AS found"
    return bool(_read(columns, statement, trace_id, span_id, None, select)["found"])


def read_log_records(columns: ColumnsClient, project_id: str, trace_id: str, span_id: str) -> list[Row]:
    """Log records that belong to a span, oldest first."""
    statement = ProjectStatement(project_id)
    conditions = [f"trace_id = {statement.text(trace_id)}", f"span_id = {statement.text(span_id)}"]
    sql = (
        "SELECT event_name, severity, body, attributes, toUnixTimestamp64Nano(time) AS time_ns"
        f" {statement.source('log_records', conditions, final=True)} ORDER BY time LIMIT {MAX_LOG_RECORDS}"
    )
    return columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)


def _read_one(
    columns: ColumnsClient, project_id: str, trace_id: str, span_id: str, at_ns: int | None, select: str
) -> Row:
    for near in (at_ns, None) if at_ns is not None else (None,):
        row = _try_read(columns, ProjectStatement(project_id), trace_id, span_id, near, select)
        if row is not None:
            return row
    raise _no_such_span(trace_id, span_id)


def _read(
    columns: ColumnsClient, statement: ProjectStatement, trace_id: str, span_id: str, at_ns: int | None, select: str
) -> Row:
    row = _try_read(columns, statement, trace_id, span_id, at_ns, select)
    if row is None:
        raise _no_such_span(trace_id, span_id)
    return row


def _try_read(
    columns: ColumnsClient, statement: ProjectStatement, trace_id: str, span_id: str, at_ns: int | None, select: str
) -> Row | None:
    around = None if at_ns is None else (at_ns, at_ns)
    conditions = [*trace_conditions(statement, [trace_id], around), f"span_id = {statement.text(span_id)}"]
    sql = f"SELECT {select} {statement.source('spans', conditions)} LIMIT 1"
    rows = columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)
    return rows[0] if rows else None


def _no_such_span(trace_id: str, span_id: str) -> NotFoundError:
    return NotFoundError(
        f"no span {span_id!r} in trace {trace_id!r} of this project",
        hint="New spans are visible within a second of their acknowledgement.",
        code="span_not_found",
        params={"id": span_id, "trace": trace_id},
    )
