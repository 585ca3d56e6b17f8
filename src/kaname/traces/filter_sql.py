"""Checked filters as SQL conditions over table `spans`. Values are bound, never formatted."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import cast

from kaname.traces.filters import Filter, Scalar, to_column_number
from kaname.traces.queries.statement import ProjectStatement

_COMPARE = {"eq": "=", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
MAX_SCORED = 200_000
"""A filter on a score looks at this many of the newest matching scores."""


def conditions(statement: ProjectStatement, filters: Sequence[Filter]) -> list[str]:
    """One condition a filter, to be joined by AND."""
    return [_RENDER[f.field.type](statement, f) for f in filters]


def _render_text(statement: ProjectStatement, f: Filter) -> str:
    return _compare_text(statement, f, f.field.column)


def _compare_text(statement: ProjectStatement, f: Filter, column: str) -> str:
    match f.op:
        case "exists":
            return f"{column} {'!=' if f.value else '='} ''"
        case "contains":
            return f"positionCaseInsensitiveUTF8({column}, {statement.text(str(f.value))}) > 0"
        case "in" | "not_in":
            return f"{column} {'NOT IN' if f.op == 'not_in' else 'IN'} {statement.texts(_strings(f))}"
        case _:
            return f"{column} {_COMPARE[f.op]} {statement.text(str(f.value))}"


def _render_flag(statement: ProjectStatement, f: Filter) -> str:
    del statement  # there are only two conditions
    wanted = f.value if f.op == "eq" else not f.value
    return f.field.column if wanted else f"NOT {f.field.column}"


def _render_number(statement: ProjectStatement, f: Filter) -> str:
    column = f.field.column
    if f.op == "exists":
        if f.field.nullable:
            return f"{column} IS {'NOT ' if f.value else ''}NULL"
        return f"{column} {'>' if f.value else '='} 0"
    if f.op in ("in", "not_in"):
        values = [_number(statement, f, v) for v in cast("list[Scalar]", f.value)]
        hit = " OR ".join(f"{column} = {v}" for v in values)
        return f"ifNull(NOT ({hit}), 1)" if f.op == "not_in" else f"ifNull({hit}, 0)"
    hit = f"{column} {_COMPARE[f.op]} {_number(statement, f, cast('Scalar', f.value))}"
    return f"ifNull({hit}, 1)" if f.op == "ne" and f.field.nullable else hit


def _number(statement: ProjectStatement, f: Filter, value: Scalar) -> str:
    number = to_column_number(f.field, value)
    if isinstance(number, Decimal):
        return statement.money(number)
    return statement.integer(number) if isinstance(number, int) else statement.number(number)


def _render_list(statement: ProjectStatement, f: Filter) -> str:
    column = f.field.column
    match f.op:
        case "exists":
            return f"{'NOT ' if f.value is False else ''}notEmpty({column})"
        case "in" | "not_in":
            hit = f"hasAny({column}, {statement.texts(_strings(f))})"
        case _:
            hit = f"has({column}, {statement.text(str(f.value))})"
    return f"NOT {hit}" if f.op in ("ne", "not_in") else hit


def _render_map(statement: ProjectStatement, f: Filter) -> str:
    key = statement.text(f.key)
    if f.op == "exists":
        return f"{'NOT ' if f.value is False else ''}mapContains({f.field.column}, {key})"
    return _compare_text(statement, f, f"{f.field.column}[{key}]")


def _render_score(statement: ProjectStatement, f: Filter) -> str:
    """Spans that the score targets, and roots of the traces that it targets."""
    negated = f.op in ("ne", "not_in") or (f.op == "exists" and f.value is False)
    matching = [f"name = {statement.text(f.key)}"]
    if f.op != "exists":
        matching.append(_score_value(statement, f))
    newest = f"ORDER BY row_version DESC LIMIT {MAX_SCORED}"
    spans = statement.source("scores", [*matching, "target = 'span'"], final=True)
    traces = statement.source("scores", [*matching, "target = 'trace'"], final=True)
    hit = (
        f"(trace_id, span_id) IN (SELECT trace_id, span_id {spans} {newest})"
        f" OR is_root AND trace_id IN (SELECT trace_id {traces} {newest})"
    )
    return f"NOT ({hit})" if negated else hit


def _score_value(statement: ProjectStatement, f: Filter) -> str:
    """What a score must be; for `ne` and `not_in` the caller negates the set."""
    values = f.value if isinstance(f.value, list) else [f.value]
    if all(isinstance(v, str) for v in values):
        return f"label IN {statement.texts([str(v) for v in values])}"
    operator = _COMPARE.get(f.op, "=") if f.op not in ("ne", "in", "not_in") else "="
    return " OR ".join(f"value {operator} {statement.number(float(v))}" for v in values)


def _strings(f: Filter) -> list[str]:
    return [str(v) for v in cast("list[Scalar]", f.value)]


_RENDER: Mapping[str, Callable[[ProjectStatement, Filter], str]] = {
    "text": _render_text,
    "choice": _render_text,
    "flag": _render_flag,
    "number": _render_number,
    "money": _render_number,
    "list": _render_list,
    "map": _render_map,
    "score": _render_score,
}
