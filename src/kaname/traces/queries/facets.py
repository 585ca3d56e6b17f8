"""Counts of spans by the values of some fields, exact, in one statement.

A facet ignores the filters on its own field, so that its other values stay visible. Over the whole project every field
is grouped by itself, which the engine does quickest; kind, status and level together, because three enums are one
machine word. Elsewhere the rows are fewer and finding them costs, so one pass groups by all fields and is taken apart.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from kaname.kernel.errors import InvalidInputError
from kaname.storage.columns import ColumnsClient
from kaname.traces.criteria import SpanCriteria
from kaname.traces.filters import FIELDS, FilterField, find_field
from kaname.traces.queries.statement import READ_SETTINGS, ProjectStatement

MAX_FACETS = 16
MAX_VALUES = 50
DEFAULT_FACETS = ("kind", "status", "level", "model", "provider", "environment", "service_name")
_WORD_FIELDS = ("kind", "status", "level")
_FEW_VALUES = frozenset(DEFAULT_FACETS)
"""Fields whose combinations stay few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """Values of one field with their counts, most frequent first."""

    field: str
    values: Sequence[tuple[str, int]]
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """How many spans there are, and the facets in the order asked for."""

    total: int
    facets: Sequence[Facet]


def parse_facet_fields(text: str | None) -> tuple[str, ...]:
    """Reads a comma-separated list of fields; raises InvalidInputError."""
    if not text:
        return DEFAULT_FACETS
    names = tuple(dict.fromkeys(n.strip() for n in text.split(",") if n.strip()))
    if len(names) > MAX_FACETS:
        raise InvalidInputError(
            f"{len(names)} facets are too many",
            hint=f"At most {MAX_FACETS}.",
            param="fields",
            code="too_many_facets",
            params={"count": len(names), "limit": MAX_FACETS},
        )
    for name in names:
        try:
            field, _ = find_field(name)
        except InvalidInputError as e:
            raise InvalidInputError(e.message, hint=e.hint, param="fields", code=e.code, params=e.params) from e
        if not field.facet:
            able = ", ".join(f.name for f in FIELDS.values() if f.facet)
            raise InvalidInputError(
                f"field {name[:80]!r} can't be a facet",
                hint=f"These can: {able}, metadata.<key>.",
                param="fields",
                code="facet_impossible",
                params={"field": name[:80]},
            )
    return names


def count_facets(columns: ColumnsClient, project_id: str, criteria: SpanCriteria, names: Sequence[str]) -> Facets:
    """Counts every facet; `names` come from `parse_facet_fields`."""
    statement = ProjectStatement(project_id)
    filtered = {f.name for f in criteria.filters}
    together = [n for n in _WORD_FIELDS if n in names and n not in filtered]
    everything = criteria.conditions(statement)
    in_one_pass = [n for n in names if n in _FEW_VALUES and n not in filtered] if criteria.is_selective else []
    if in_one_pass:
        together = []
        branches = [_one_pass_branch(statement, everything, in_one_pass)]
    else:
        branches = [_joint_branch(statement, everything, together)]
    for name in names:
        if name not in together and name not in in_one_pass:
            conditions = criteria.without_field(name).conditions(statement) if name in filtered else everything
            branches.append(_branch(statement, conditions, name))
    rows = columns.query_rows(" UNION ALL ".join(branches), statement.parameters, settings=READ_SETTINGS)
    return _collect(rows, names, together)


def _joint_branch(statement: ProjectStatement, conditions: Sequence[str], together: Sequence[str]) -> str:
    """Counts by all of the small fields at once; also the total."""
    keys = ", ".join(together)
    values = ", ".join(f"toString({n})" for n in together)
    group = f" GROUP BY {keys}" if together else ""
    source = statement.source("spans", conditions)
    return f"SELECT '' AS facet, [{values}]::Array(String) AS value, count() AS n {source}{group}"


def _one_pass_branch(statement: ProjectStatement, conditions: Sequence[str], names: Sequence[str]) -> str:
    """Counts by several fields in one scan; also the total."""
    pairs = ", ".join(f"({statement.text(n)}, toString({find_field(n)[0].column}))" for n in names)
    keys = ", ".join(find_field(n)[0].column for n in names)
    inner = f"SELECT {keys}, count() AS c {statement.source('spans', conditions)} GROUP BY {keys}"
    return (
        f"SELECT f.1 AS facet, if(f.1 = '', []::Array(String), [f.2]) AS value, sum(c) AS n FROM ({inner})"  # noqa: S608
        f" ARRAY JOIN [('', ''), {pairs}] AS f GROUP BY f.1, f.2 ORDER BY n DESC, f.2 LIMIT {MAX_VALUES + 1} BY facet"
    )


def _branch(statement: ProjectStatement, conditions: Sequence[str], name: str) -> str:
    field, key = find_field(name)
    column = _facet_expression(statement, field, key)
    present = [f"notEmpty({column})"] if field.type == "list" else []
    if field.type == "map":
        present = [f"mapContains({field.column}, {statement.text(key)})"]
    value = f"arrayJoin({column})" if field.type == "list" else column
    # Group by the column as it is stored, and make text of the few values that are left.
    inner = (
        f"SELECT {value} AS v, count() AS c {statement.source('spans', [*conditions, *present])}"
        f" GROUP BY v ORDER BY c DESC, v LIMIT {MAX_VALUES + 1}"
    )
    return f"SELECT {statement.text(name)} AS facet, [toString(v)] AS value, c AS n FROM ({inner})"  # noqa: S608 — ours


def _facet_expression(statement: ProjectStatement, field: FilterField, key: str) -> str:
    return f"{field.column}[{statement.text(key)}]" if field.type == "map" else field.column


def _collect(rows: Sequence[dict[str, object]], names: Sequence[str], together: Sequence[str]) -> Facets:
    total = 0
    counts: dict[str, Counter[str]] = {n: Counter() for n in names}
    for row in rows:
        n = cast("int", row["n"])
        values = cast("list[str]", row["value"])
        if row["facet"] == "":
            total += n
            for name, value in zip(together, values, strict=True):
                counts[name][value] += n
        else:
            counts[cast("str", row["facet"])][values[0]] += n
    facets = [
        Facet(
            field=name,
            values=[(v, n) for v, n in counts[name].most_common(MAX_VALUES) if v],
            truncated=len(counts[name]) > MAX_VALUES,
        )
        for name in names
    ]
    return Facets(total=total, facets=facets)
