"""What spans can be filtered by: the registry of fields, and the reading of a client's filter list.

A filter is `{field, op, value}`; a list of them is a conjunction. Fields have a type, the type has operators, and a
value must fit both, so that a mistake is answered with its name and a "did you mean" instead of an empty result.
Turning filters into SQL is in `filter_sql.py`.
"""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, cast

import msgspec

from kaname.kernel.errors import ErrorParams, InvalidInputError
from kaname.traces.model import SPAN_KINDS

Operator = Literal["eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "contains", "exists"]
FieldType = Literal["text", "choice", "number", "money", "flag", "list", "map", "score"]
Scalar = str | int | float | bool
FilterValue = Scalar | list[Scalar]

MAX_FILTERS = 50
MAX_LIST = 500
MAX_TEXT = 2000

OPERATORS: Mapping[FieldType, tuple[Operator, ...]] = {
    "text": ("eq", "ne", "in", "not_in", "contains", "exists"),
    "choice": ("eq", "ne", "in", "not_in"),
    "number": ("eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "exists"),
    "money": ("eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "exists"),
    "flag": ("eq", "ne"),
    "list": ("eq", "ne", "in", "not_in", "contains", "exists"),
    "map": ("eq", "ne", "in", "not_in", "contains", "exists"),
    "score": ("eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "exists"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterField:
    """One thing to filter by. `column` is SQL over table `spans`; `unit` turns the API's number into the column's."""

    name: str
    type: FieldType
    column: str
    description: str
    unit: int = 1
    choices: tuple[str, ...] = ()
    facet: bool = False
    nullable: bool = False


def _text(name: str, description: str, *, facet: bool = True) -> FilterField:
    return FilterField(name=name, type="text", column=name, description=description, facet=facet)


def _number(
    name: str, column: str, description: str, *, unit: int = 1, nullable: bool = False, kind: FieldType = "number"
) -> FilterField:
    return FilterField(name=name, type=kind, column=column, description=description, unit=unit, nullable=nullable)


_FIELDS: tuple[FilterField, ...] = (
    FilterField(name="kind", type="choice", column="kind", choices=SPAN_KINDS, facet=True, description="Span kind."),
    FilterField(
        name="status",
        type="choice",
        column="status",
        choices=("unset", "ok", "error"),
        facet=True,
        description="Status.",
    ),
    FilterField(
        name="level",
        type="choice",
        column="level",
        choices=("default", "debug", "warning", "error"),
        facet=True,
        description="Level.",
    ),
    _text("name", "Span name."),
    _text("model", "Model: the response's if known, else the requested one."),
    _text("provider", "Provider of the model."),
    _text("environment", "Environment."),
    _text("service_name", "Service that sent the span."),
    _text("operation", "Operation, e.g. `chat`."),
    _text("session_id", "Session."),
    _text("user_id", "End user."),
    _text("trace_id", "Trace.", facet=False),
    _text("span_id", "Span.", facet=False),
    _text("parent_span_id", "Parent span.", facet=False),
    _text("prompt_name", "Prompt."),
    _text("prompt_version", "Version of the prompt."),
    _text("tool_name", "Tool."),
    _text("agent_name", "Agent."),
    _text("version", "Version of the sender."),
    _text("release", "Release of the sender."),
    _text("cost_source", "Where the cost comes from: sent, computed, unpriced."),
    _text("status_message", "Error message.", facet=False),
    FilterField(name="tags", type="list", column="tags", facet=True, description="Tags."),
    FilterField(name="flags", type="list", column="flags", facet=True, description="What the normaliser noticed."),
    FilterField(
        name="finish_reasons", type="list", column="finish_reasons", facet=True, description="Why generation ended."
    ),
    FilterField(name="is_root", type="flag", column="is_root", facet=True, description="Whether it is a root span."),
    _number("duration_ms", "duration_ns", "Duration in milliseconds.", unit=1_000_000),
    _number(
        "time_to_first_token_ms",
        "time_to_first_token_ns",
        "Time to the first token in milliseconds.",
        unit=1_000_000,
        nullable=True,
    ),
    _number("cost_usd", "cost_usd", "Cost in US dollars.", nullable=True, kind="money"),
    _number("input_tokens", "input_tokens", "Input tokens."),
    _number("output_tokens", "output_tokens", "Output tokens."),
    _number("total_tokens", "(input_tokens + output_tokens)", "Input and output tokens together."),
)
FIELDS: Mapping[str, FilterField] = {f.name: f for f in _FIELDS}
DYNAMIC: Mapping[str, FilterField] = {
    "metadata": FilterField(
        name="metadata.<key>", type="map", column="metadata", facet=True, description="One key of the metadata."
    ),
    "score": FilterField(
        name="score.<name>",
        type="score",
        column="",
        description="A score of the span, or of the trace whose root it is: its number, else its label.",
    ),
}
"""Fields with a name of the caller's after the first dot."""


class FilterClause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One filter as clients send it."""

    field: str
    op: Operator
    value: FilterValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One checked filter. `key` is what follows the dot of a dynamic field; `value` has the field's type."""

    field: FilterField
    key: str
    op: Operator
    value: FilterValue

    @property
    def name(self) -> str:
        """The field's name as the client wrote it."""
        return self.field.name.partition(".")[0] + "." + self.key if self.key else self.field.name


def parse_filters(text: str | None) -> tuple[Filter, ...]:
    """Reads a JSON list of `{field, op, value}`; raises InvalidInputError naming what is wrong."""
    if not text:
        return ()
    try:
        clauses = msgspec.json.decode(text, type=list[FilterClause])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as e:
        raise _invalid(
            f"filter isn't a JSON list of {{field, op, value}}: {e}",
            'Example: [{"field":"model","op":"eq","value":"gpt-5.2"}].',
            code="filter_not_json",
            params={"reason": str(e)},
        ) from e
    if len(clauses) > MAX_FILTERS:
        raise _invalid(
            f"{len(clauses)} filters are too many",
            f"At most {MAX_FILTERS}.",
            code="too_many_filters",
            params={"count": len(clauses), "limit": MAX_FILTERS},
        )
    return tuple(_check(c) for c in clauses)


def find_field(name: str) -> tuple[FilterField, str]:
    """(field, key) by the name a client uses; raises InvalidInputError with the nearest names."""
    if name in FIELDS:
        return FIELDS[name], ""
    head, dot, key = name.partition(".")
    if dot and head in DYNAMIC:
        if not key or len(key) > 200:
            raise _invalid(
                f"field {name[:220]!r} needs a key after the dot, of at most 200 characters",
                "",
                code="filter_key_missing",
                params={"field": name[:220], "limit": 200},
            )
        return DYNAMIC[head], key
    names = [*FIELDS, *(f.name for f in DYNAMIC.values())]
    near = difflib.get_close_matches(name[:80].lower(), names, n=3, cutoff=0.5)
    message = f"no field is called {name[:80]!r}"
    if near:
        raise _invalid(
            message,
            f"Did you mean {' or '.join(map(repr, near))}?",
            code="filter_field_misspelt",
            params={"field": name[:80], "nearest": ", ".join(near)},
        )
    known = ", ".join(names)
    raise _invalid(
        message, f"Known: {known}.", code="filter_field_unknown", params={"field": name[:80], "known": known}
    )


def _check(clause: FilterClause) -> Filter:
    field, key = find_field(clause.field)
    allowed = OPERATORS[field.type]
    if clause.op not in allowed:
        raise _invalid(
            f"operator {clause.op!r} doesn't fit field {clause.field!r}",
            f"{field.type} fields have {', '.join(allowed)}.",
            code="filter_operator_unfit",
            params={"operator": clause.op, "field": clause.field, "known": ", ".join(allowed)},
        )
    if clause.op == "exists":
        if not isinstance(clause.value, bool):
            raise _wrong_value(clause, "true or false", code="filter_wants_boolean")
        return Filter(field=field, key=key, op="exists", value=clause.value)
    if clause.op in ("in", "not_in"):
        if not isinstance(clause.value, list) or not 1 <= len(clause.value) <= MAX_LIST:
            raise _wrong_value(
                clause, f"a list of 1 to {MAX_LIST} values", code="filter_wants_list", params={"limit": MAX_LIST}
            )
        values = [_check_scalar(clause, field, v) for v in clause.value]
        if len({isinstance(v, str) for v in values}) > 1:
            raise _wrong_value(clause, "a list of numbers or a list of strings, not both", code="filter_list_mixed")
        return Filter(field=field, key=key, op=clause.op, value=values)
    if isinstance(clause.value, list):
        raise _wrong_value(clause, "one value; use `in` for several", code="filter_wants_one_value")
    return Filter(field=field, key=key, op=clause.op, value=_check_scalar(clause, field, clause.value))


def _check_scalar(clause: FilterClause, field: FilterField, value: Scalar) -> Scalar:
    match field.type:
        case "text" | "list" | "map":
            return _check_text(clause, value)
        case "choice":
            if value not in field.choices:
                near = difflib.get_close_matches(str(value)[:40], field.choices, n=1)
                known = ", ".join(field.choices)
                raise _wrong_value(
                    clause,
                    f"one of {known}",
                    near[0] if near else "",
                    code="filter_wants_choice",
                    params={"known": known},
                )
            return value
        case "flag":
            if not isinstance(value, bool):
                raise _wrong_value(clause, "true or false", code="filter_wants_boolean")
            return value
        case "number" | "money":
            return _check_number(clause, value)
        case "score":
            if isinstance(value, str):
                if clause.op in ("gt", "gte", "lt", "lte"):
                    raise _wrong_value(clause, "a number", code="filter_wants_number")
                return _check_text(clause, value)
            return _check_number(clause, int(value)) if isinstance(value, bool) else _check_number(clause, value)


def _check_text(clause: FilterClause, value: Scalar) -> str:
    if not isinstance(value, str):
        raise _wrong_value(clause, "a string", code="filter_wants_text", params={"limit": MAX_TEXT})
    if len(value) > MAX_TEXT or "\0" in value:
        raise _wrong_value(
            clause,
            f"a string of at most {MAX_TEXT} characters without NUL",
            code="filter_wants_text",
            params={"limit": MAX_TEXT},
        )
    if clause.op == "contains" and not value:
        raise _wrong_value(clause, "a string that isn't empty", code="filter_text_empty")
    return value


def _check_number(clause: FilterClause, value: Scalar) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or abs(value) > 1e15:
        raise _wrong_value(clause, "a number between -1e15 and 1e15", code="filter_wants_number")
    return value


def to_column_number(field: FilterField, value: Scalar) -> int | float | Decimal:
    """A checked number in the unit of its column, money as Decimal. Exact for whole results."""
    number = cast("int | float", value)
    if field.type == "money":
        return Decimal(repr(number))
    scaled = Decimal(repr(number)) * field.unit
    return int(scaled) if scaled == scaled.to_integral_value() else float(scaled)


def without_field(filters: Sequence[Filter], name: str) -> tuple[Filter, ...]:
    """The filters on every other field: a facet counts what its own filter hides."""
    return tuple(f for f in filters if f.name != name)


def _wrong_value(
    clause: FilterClause, wanted: str, near: str = "", *, code: str, params: ErrorParams | None = None
) -> InvalidInputError:
    shown = repr(clause.value)[:100]
    hint = f"Did you mean {near!r}? " if near else ""
    return _invalid(
        f"value {shown} of filter {clause.field!r} {clause.op} must be {wanted}",
        hint.strip(),
        code=code,
        params={"value": shown, "field": clause.field, "operator": clause.op, **(params or {})},
    )


def _invalid(message: str, hint: str, *, code: str, params: ErrorParams) -> InvalidInputError:
    return InvalidInputError(message, hint=hint, param="filter", code=code, params=params)
