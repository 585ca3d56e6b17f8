"""Routes over spans: list, facets, histogram, and the fields to filter by."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from kaname.kernel.clock import Clock
from kaname.storage.columns import ColumnsClient
from kaname.traces import shape
from kaname.traces.answers import json_answer
from kaname.traces.filters import DYNAMIC, FIELDS, OPERATORS, FilterField
from kaname.traces.queries.facets import Facet, count_facets, parse_facet_fields
from kaname.traces.queries.histogram import MAX_BUCKETS, Bucket, read_histogram
from kaname.traces.queries.scores import scores_of_traces
from kaname.traces.queries.span_list import list_spans
from kaname.traces.routes_model import (
    Direction,
    FacetList,
    FilterFieldInfo,
    FilterFieldList,
    Histogram,
    SpanList,
    SpanOrder,
)
from kaname.traces.routes_parameters import PROJECT, Criteria, Cursor, Limit, Scope
from kaname.traces.shape import JsonObject


def build_span_routes(columns: ColumnsClient, clock: Clock) -> APIRouter:
    """The routes; every query is scoped by the project of the path."""
    router = APIRouter(tags=["spans"])

    @router.get(f"{PROJECT}/spans", operation_id="list_spans", response_model=SpanList)
    def get_spans(
        scope: Scope,
        criteria: Criteria,
        order: Annotated[SpanOrder, Query(description="What to sort by.")] = "start_time",
        direction: Annotated[Direction, Query(alias="dir", description="Newest or largest first, or last.")] = "desc",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Spans that match, with previews and scores."""
        page = list_spans(
            columns,
            scope.project_id,
            criteria,
            order=order,
            direction=direction,
            limit=limit,
            cursor=cursor,
            now_ns=clock.now_ns(),
        )
        items = [shape.span_summary(row) for row in page.rows]
        trace_ids = [str(row["trace_id"]) for row in page.rows]
        shape.attach_scores(items, scores_of_traces(columns, scope.project_id, trace_ids))
        return json_answer({"items": items, "next_cursor": page.next_cursor})

    @router.get(f"{PROJECT}/spans/facets", operation_id="list_span_facets", response_model=FacetList)
    def get_facets(
        scope: Scope,
        criteria: Criteria,
        fields: Annotated[
            str | None, Query(max_length=2000, description="Comma-separated fields; leave out for the usual ones.")
        ] = None,
    ) -> Response:
        """Exact counts by value. A facet ignores the filter on its own field; `total` doesn't."""
        found = count_facets(columns, scope.project_id, criteria, parse_facet_fields(fields))
        return json_answer({"total": found.total, "facets": [_facet_view(f) for f in found.facets]})

    @router.get(f"{PROJECT}/spans/histogram", operation_id="read_span_histogram", response_model=Histogram)
    def get_histogram(
        scope: Scope,
        criteria: Criteria,
        buckets: Annotated[int, Query(ge=1, le=MAX_BUCKETS, description="At most this many.")] = 60,
    ) -> Response:
        """Spans over time in equal intervals of a round length, empty ones included."""
        interval_ms, found = read_histogram(columns, scope.project_id, criteria, buckets)
        return json_answer({"interval_ms": interval_ms, "buckets": [_bucket_view(b) for b in found]})

    @router.get(f"{PROJECT}/spans/fields", operation_id="list_span_fields")
    def get_fields(scope: Scope) -> FilterFieldList:
        """What `filter` and `fields` accept, for completion."""
        del scope  # the same everywhere, and still only for those who may read
        return FilterFieldList(items=[_field_info(f) for f in (*FIELDS.values(), *DYNAMIC.values())])

    return router


def _facet_view(facet: Facet) -> JsonObject:
    values = [{"value": value, "count": count} for value, count in facet.values]
    return {"field": facet.field, "values": values, "truncated": facet.truncated}


def _bucket_view(bucket: Bucket) -> JsonObject:
    return {
        "time": shape.to_iso(bucket.start_ns),
        "count": bucket.count,
        "errors": bucket.errors,
        "cost_usd": bucket.cost,
        "p50_ms": None if bucket.p50_ns is None else bucket.p50_ns / 1e6,
        "p95_ms": None if bucket.p95_ns is None else bucket.p95_ns / 1e6,
    }


def _field_info(field: FilterField) -> FilterFieldInfo:
    return FilterFieldInfo(
        name=field.name,
        type=field.type,
        description=field.description,
        operators=list(OPERATORS[field.type]),
        choices=list(field.choices),
        facet=field.facet,
    )
