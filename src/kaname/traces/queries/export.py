"""Spans as a stream of rows in a file format of the engine's, in order of time, with bounded memory on both sides."""

from collections.abc import Iterator
from typing import Literal

from kaname.storage.columns import ColumnsClient
from kaname.traces.criteria import SpanCriteria
from kaname.traces.queries.statement import READ_SETTINGS, ProjectStatement
from kaname.traces.tables import SPAN_COLUMNS

_LEFT_OUT = ("project_id", "search_cjk", "row_version")
EXPORT_COLUMNS = tuple(c for c in SPAN_COLUMNS if c not in _LEFT_OUT)
_SETTINGS = {
    **READ_SETTINGS,
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_decimals": 1,
    "date_time_output_format": "iso",
    # Rows can be megabytes wide: small blocks keep memory flat.
    "max_block_size": 4096,
    "preferred_block_size_bytes": 4 << 20,
    "output_format_parquet_row_group_size": 20_000,
    "output_format_parquet_string_as_string": 1,
}


def stream_spans(
    columns: ColumnsClient,
    project_id: str,
    criteria: SpanCriteria,
    *,
    output_format: Literal["JSONEachRow", "Parquet"],
    limit: int,
) -> Iterator[bytes]:
    """Bytes of the file in pieces. Errors before the first byte are raised here, later ones by the iterator."""
    statement = ProjectStatement(project_id)
    enums = ("kind", "status", "level")
    names = ", ".join(f"toString({c}) AS {c}" if c in enums else c for c in EXPORT_COLUMNS)
    sql = (
        f"SELECT {names} {statement.source('spans', criteria.conditions(statement))}"
        f" ORDER BY toStartOfMinute(start_time), start_time, trace_id, span_id LIMIT {limit}"
    )
    return columns.query_stream(sql, statement.parameters, output_format=output_format, settings=_SETTINGS)
