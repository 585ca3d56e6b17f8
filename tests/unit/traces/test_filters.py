"""Filters: what is accepted, what is refused and how it is said; values never reach the SQL text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.kernel.errors import InvalidInputError
from kaname.traces.filter_sql import conditions
from kaname.traces.filters import DYNAMIC, FIELDS, OPERATORS, FilterField, parse_filters, without_field
from kaname.traces.queries.statement import ProjectStatement

ALL_FIELDS = [*FIELDS.values(), *DYNAMIC.values()]


def parse(*clauses: dict[str, object]):
    return parse_filters(json.dumps(clauses))


def name_of(field: FilterField) -> str:
    return field.name.partition(".")[0] + ".some key" if field.name.endswith(">") else field.name


def sample(field: FilterField, op: str) -> object:
    """A value that fits."""
    one: object = {
        "text": "x'; DROP TABLE spans --",
        "choice": field.choices[0] if field.choices else "",
        "number": 1.5,
        "money": 0.00012,
        "flag": True,
        "list": "beta",
        "map": "tokyo",
        "score": 0.5,
    }[field.type]
    return True if op == "exists" else [one] if op in ("in", "not_in") else one


@pytest.mark.parametrize(
    ("field", "op"), [(f, op) for f in ALL_FIELDS for op in OPERATORS[f.type]], ids=lambda x: getattr(x, "name", x)
)
def test_every_operator_of_every_field_renders(field: FilterField, op: str) -> None:
    filters = parse({"field": name_of(field), "op": op, "value": sample(field, op)})
    statement = ProjectStatement("prj_1")
    (condition,) = conditions(statement, filters)
    assert condition
    assert "DROP" not in condition
    assert condition.count("(") == condition.count(")")


@pytest.mark.parametrize(
    ("clause", "said", "hint"),
    [
        ({"field": "modle", "op": "eq", "value": "x"}, "'modle'", "'model'"),
        ({"field": "Duration", "op": "gt", "value": 1}, "'Duration'", "'duration_ms'"),
        ({"field": "zzzz", "op": "eq", "value": "x"}, "'zzzz'", "Known: kind"),
        ({"field": "metadata.", "op": "eq", "value": "x"}, "key after the dot", ""),
        ({"field": "kind", "op": "gt", "value": "llm"}, "'gt' doesn't fit", "choice fields have"),
        ({"field": "kind", "op": "eq", "value": "lm"}, "'lm'", "Did you mean 'llm'"),
        ({"field": "model", "op": "eq", "value": 3}, "must be a string", ""),
        ({"field": "model", "op": "in", "value": "x"}, "a list", ""),
        ({"field": "model", "op": "in", "value": []}, "a list of 1 to", ""),
        ({"field": "model", "op": "eq", "value": ["x"]}, "one value", ""),
        ({"field": "model", "op": "eq", "value": "a\u0000b"}, "NUL", ""),
        ({"field": "model", "op": "contains", "value": ""}, "isn't empty", ""),
        ({"field": "duration_ms", "op": "gt", "value": "5"}, "a number", ""),
        ({"field": "duration_ms", "op": "gt", "value": True}, "a number", ""),
        ({"field": "duration_ms", "op": "gt", "value": 1e300}, "a number", ""),
        ({"field": "is_root", "op": "eq", "value": 1}, "true or false", ""),
        ({"field": "user_id", "op": "exists", "value": "yes"}, "true or false", ""),
        ({"field": "score.x", "op": "gt", "value": "good"}, "a number", ""),
        ({"field": "score.x", "op": "in", "value": ["good", 1]}, "not both", ""),
    ],
)
def test_a_wrong_filter_is_refused_with_a_way_out(clause: dict[str, object], said: str, hint: str) -> None:
    with pytest.raises(InvalidInputError) as e:
        parse(clause)
    assert said in e.value.message
    assert hint in e.value.hint
    assert e.value.param == "filter"


@pytest.mark.parametrize(
    "text",
    ["{", "{}", "3", '[{"field":"model"}]', '[{"field":"model","op":"like","value":"x"}]', "[[", '["\ud800"]',
     '[{"field":"model","op":"eq","value":null}]', '[{"field":"model","op":"eq","value":"x","more":1}]', "[" * 100_000,
     '[{"field":"model","op":"eq","value":NaN}]'],
)  # fmt: skip
def test_what_is_not_a_filter_list_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_filters(text)


def test_too_many_filters_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="51 filters"):
        parse(*[{"field": "model", "op": "eq", "value": "x"}] * 51)


@given(
    field=st.sampled_from(["model", "tags", "metadata.k", "score.s", "name"]),
    op=st.sampled_from(["eq", "ne", "in", "not_in", "contains"]),
    value=st.text(min_size=1, max_size=60),
)
def test_values_are_bound_and_never_in_the_sql(field: str, op: str, value: str) -> None:
    marked = f"⟦{value}⟧"
    sent = [marked] if op in ("in", "not_in") else marked
    try:
        filters = parse({"field": field, "op": op, "value": sent})
    except InvalidInputError:
        return
    statement = ProjectStatement("prj_1")
    (condition,) = conditions(statement, filters)
    assert "⟦" not in condition
    bound = [v for v in statement.parameters.values() if v in (marked, [marked])]
    assert bound


@given(key=st.text(min_size=1, max_size=40))
def test_keys_of_dynamic_fields_are_bound(key: str) -> None:
    marked = f"⟦{key}⟧"
    try:
        filters = parse({"field": f"metadata.{marked}", "op": "exists", "value": True})
    except InvalidInputError:
        return
    statement = ProjectStatement("prj_1")
    (condition,) = conditions(statement, filters)
    assert "⟦" not in condition
    assert marked in statement.parameters.values()


def test_units_are_exact() -> None:
    filters = parse(
        {"field": "duration_ms", "op": "gt", "value": 0.1},
        {"field": "cost_usd", "op": "lt", "value": 0.1},
        {"field": "time_to_first_token_ms", "op": "eq", "value": 12},
    )
    statement = ProjectStatement("prj_1")
    conditions(statement, filters)
    values = list(statement.parameters.values())[1:]
    assert values == [100_000, "0.1", 12_000_000]


def test_a_facet_can_leave_its_own_filter_out() -> None:
    filters = parse(
        {"field": "model", "op": "eq", "value": "x"},
        {"field": "metadata.a", "op": "eq", "value": "x"},
        {"field": "metadata.b", "op": "eq", "value": "x"},
    )
    assert [f.name for f in without_field(filters, "metadata.a")] == ["model", "metadata.b"]
