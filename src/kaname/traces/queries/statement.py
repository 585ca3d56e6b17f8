"""The one place where a query gets its project, and where values become bound parameters.

    statement = ProjectStatement("prj_…")
    sql = f"SELECT count() AS n {statement.source('spans', [f'user_id = {statement.text(user)}'])}"
    rows = columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)

Only `source` writes FROM over a table, and it always begins the WHERE with the project (a test greps for others).
Values enter as `{pN:Type}` parameters that the engine binds; nothing a caller sent is ever formatted into SQL.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

Table = Literal["spans", "scores", "log_records", "ingest_notices"]

READ_SETTINGS: Mapping[str, object] = {
    # The engine's dynamic top-K filter casts the wrong column when ORDER BY … LIMIT meets a text index (26.5).
    "use_top_k_dynamic_filtering": 0,
    "do_not_merge_across_partitions_select_final": 1,
}


class ProjectStatement:
    """Parameters and conditions of one SQL statement inside one project. Used once, by one thread."""

    def __init__(self, project_id: str) -> None:
        self._parameters: dict[str, object] = {"project": project_id}

    @property
    def parameters(self) -> Mapping[str, object]:
        """What goes to the engine beside the SQL."""
        return self._parameters

    def source(self, table: Table, conditions: Sequence[str] = (), *, final: bool = False) -> str:
        """`FROM table WHERE project … AND conditions`; `final` for `scores`, whose rows are replaced."""
        where = " AND ".join(["project_id = {project:String}", *(f"({c})" for c in conditions)])
        return f"FROM {table}{' FINAL' if final else ''} WHERE {where}"

    def text(self, value: str) -> str:
        """Placeholder of a bound string."""
        return self._bind(value, "String")

    def texts(self, values: Sequence[str]) -> str:
        """Placeholder of a bound list of strings, for IN, hasAny and the like."""
        return self._bind(list(values), "Array(String)")

    def integer(self, value: int) -> str:
        """Placeholder of a bound 64-bit integer."""
        return self._bind(value, "Int64")

    def integers(self, values: Sequence[int]) -> str:
        """Placeholder of a bound list of 64-bit integers."""
        return self._bind(list(values), "Array(Int64)")

    def number(self, value: float) -> str:
        """Placeholder of a bound double."""
        return self._bind(float(value), "Float64")

    def money(self, value: Decimal) -> str:
        """Placeholder of bound dollars."""
        return self._bind(f"{value:f}", "Decimal(38, 12)")

    def moment(self, ns: int) -> str:
        """A bound time of nanoseconds since 1970; constant to the engine, so that it prunes."""
        return f"fromUnixTimestamp64Nano({self.integer(ns)}, 'UTC')"

    def _bind(self, value: object, kind: str) -> str:
        name = f"p{len(self._parameters)}"
        self._parameters[name] = value
        return f"{{{name}:{kind}}}"
