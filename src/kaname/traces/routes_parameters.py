"""Query parameters that several routes share, described once for OpenAPI."""

from typing import Annotated

from fastapi import Depends, Path, Query

from kaname.access.http import project_scope
from kaname.access.model import ProjectScope
from kaname.traces.criteria import SpanCriteria, parse_criteria, parse_time

MAX_PAGE = 200
PROJECT = "/api/v1/projects/{project_id}"

Scope = Annotated[ProjectScope, Depends(project_scope)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Items on a page.")]
Cursor = Annotated[str | None, Query(max_length=1024, description="`next_cursor` of the page before.")]
TraceId = Annotated[str, Path(max_length=100, description="32 hexadecimal digits.")]
SpanId = Annotated[str, Path(max_length=100, description="16 hexadecimal digits.")]
From = Annotated[str | None, Query(alias="from", max_length=60, description="Start of the range, ISO 8601, inclusive.")]
To = Annotated[str | None, Query(max_length=60, description="End of the range, ISO 8601, exclusive.")]


FilterText = Annotated[
    str | None,
    Query(
        alias="filter",
        max_length=100_000,
        description="JSON list of `{field, op, value}`, all of which must hold. Fields: GET spans/fields.",
        examples=['[{"field":"model","op":"eq","value":"gpt-5.2"}]'],
    ),
]
Words = Annotated[
    str | None, Query(description="Words that must all occur in name, error, input, output or documents.")
]


def read_criteria(from_: From = None, to: To = None, filter_: FilterText = None, q: Words = None) -> SpanCriteria:
    """Dependency: the four parameters that every list of spans shares."""
    return parse_criteria(from_, to, filter_, q)


def read_live_criteria(filter_: FilterText = None, q: Words = None) -> SpanCriteria:
    """Dependency: what narrows a view whose time is now."""
    return parse_criteria(None, None, filter_, q)


def read_time_hint(
    at: Annotated[
        str | None,
        Query(max_length=60, description="Start of any span of the trace: spares looking through all time."),
    ] = None,
) -> int | None:
    """Dependency: about when a trace was, in nanoseconds."""
    return parse_time(at, "at")


Criteria = Annotated[SpanCriteria, Depends(read_criteria)]
LiveCriteria = Annotated[SpanCriteria, Depends(read_live_criteria)]
TimeHint = Annotated[int | None, Depends(read_time_hint)]
