"""Routes of saved views. Who may change which view is decided in `service.py`."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from kaname.traces.filters import FilterClause
from kaname.traces.routes_parameters import PROJECT, Cursor, Limit, Scope
from kaname.traces.views.model import SavedView, ViewChange, ViewDirection, ViewOrder, ViewQuery, ViewRange
from kaname.traces.views.service import ViewStore

_Operator = Literal["eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "contains", "exists"]
_Scalar = bool | int | float | str


class ViewFilter(BaseModel):
    """One filter, as in the parameter `filter` of the lists."""

    model_config = ConfigDict(extra="forbid")

    field: Annotated[str, Field(max_length=220)]
    op: _Operator
    value: _Scalar | list[_Scalar]


class ViewQueryBody(BaseModel):
    """What the view asks for, in the words of `GET spans`."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(max_length=2000)] = ""
    filters: Annotated[list[ViewFilter], Field(max_length=100)] = []
    range: Annotated[ViewRange | None, Field(description="Reaches back from now.")] = None
    start: Annotated[str | None, Field(max_length=60, description="Fixed start, ISO 8601.")] = None
    end: Annotated[str | None, Field(max_length=60, description="Fixed end, ISO 8601.")] = None
    order: ViewOrder = "start_time"
    direction: ViewDirection = "desc"
    columns: Annotated[list[str], Field(max_length=100, description="Ids of table columns; empty: the usual.")] = []


class CreateViewRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=400)]
    is_shared: Annotated[bool, Field(description="Whether everyone in the project sees it.")] = False
    query: ViewQueryBody


class UpdateViewRequest(BaseModel):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=400)] | None = None
    is_shared: bool | None = None
    query: ViewQueryBody | None = None


class SavedViewView(BaseModel):
    id: str
    name: str
    is_shared: bool
    is_own: bool
    query: ViewQueryBody
    created_at: datetime
    updated_at: datetime


class SavedViewList(BaseModel):
    items: list[SavedViewView]
    next_cursor: str | None = None


def build_view_routes(views: ViewStore) -> APIRouter:
    """The routes; every query is scoped by the project of the path."""
    router = APIRouter(tags=["views"])

    @router.get(f"{PROJECT}/views", operation_id="list_views")
    def get_views(scope: Scope, limit: Limit = 200, cursor: Cursor = None) -> SavedViewList:
        """The caller's own views and those shared with the project, newest first."""
        page = views.list_views(scope, limit=limit, cursor=cursor)
        caller = scope.principal.user_id or scope.principal.id
        return SavedViewList(items=[_show(v, caller) for v in page.items], next_cursor=page.next_cursor)

    @router.post(f"{PROJECT}/views", operation_id="create_view", status_code=201)
    def post_view(scope: Scope, body: CreateViewRequest) -> SavedViewView:
        """Saves a view; a shared one takes the right to write traces."""
        view = views.create(scope, body.name, _read(body.query), is_shared=body.is_shared)
        return _show(view, view.owner_id)

    @router.patch(f"{PROJECT}/views/{{view_id}}", operation_id="update_view")
    def patch_view(scope: Scope, view_id: str, body: UpdateViewRequest) -> SavedViewView:
        """Renames, replaces or shares a view."""
        query = None if body.query is None else _read(body.query)
        change = ViewChange(name=body.name, is_shared=body.is_shared, query=query)
        view = views.change(scope, view_id, change)
        return _show(view, scope.principal.user_id or scope.principal.id)

    @router.delete(f"{PROJECT}/views/{{view_id}}", operation_id="delete_view", status_code=204)
    def remove_view(scope: Scope, view_id: str) -> None:
        """Removes a view."""
        views.delete(scope, view_id)

    _ = (get_views, post_view, patch_view, remove_view)
    return router


def _read(body: ViewQueryBody) -> ViewQuery:
    return ViewQuery(
        q=body.q,
        filters=tuple(FilterClause(field=f.field, op=f.op, value=f.value) for f in body.filters),
        range=body.range,
        start=body.start,
        end=body.end,
        order=body.order,
        direction=body.direction,
        columns=tuple(body.columns),
    )


def _show(view: SavedView, caller: str) -> SavedViewView:
    query = view.query
    return SavedViewView(
        id=view.id,
        name=view.name,
        is_shared=view.is_shared,
        is_own=view.owner_id == caller,
        query=ViewQueryBody(
            q=query.q,
            filters=[ViewFilter(field=f.field, op=f.op, value=f.value) for f in query.filters],
            range=query.range,
            start=query.start,
            end=query.end,
            order=query.order,
            direction=query.direction,
            columns=list(query.columns),
        ),
        created_at=view.created_at,
        updated_at=view.updated_at,
    )
