"""What people do with saved views.

A personal view is seen and changed by its owner alone; to others it doesn't exist. A shared view is seen by all who
read the project's traces, changed by its owner and by who manages the project. Sharing takes the right to write traces:
it puts something before other people.
"""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from kaname.access.model import ProjectScope
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ConflictError, InvalidInputError, NotFoundError, PermissionDeniedError
from kaname.kernel.ids import new_id
from kaname.kernel.paging import Page, decode_cursor, encode_cursor
from kaname.storage.sql.database import Database
from kaname.traces.criteria import parse_criteria
from kaname.traces.views.model import MAX_COLUMNS, MAX_NAME, SavedView, ViewChange, ViewQuery
from kaname.traces.views.tables import saved_views

MAX_VIEWS_PER_OWNER = 200
_c = saved_views.c


class ViewStore:
    """The saved views of projects."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def list_views(self, scope: ProjectScope, *, limit: int, cursor: str | None) -> Page[SavedView]:
        """The caller's own views and the shared ones, newest first."""
        query = select(saved_views).where(_visible(scope)).order_by(_c.id.desc()).limit(limit + 1)
        if cursor:
            query = query.where(_c.id < decode_cursor(cursor, [str])[0])
        with self._database.read() as connection:
            views = [_to_view(row) for row in connection.execute(query)]
        more = len(views) > limit
        shown = views[:limit]
        return Page(items=shown, next_cursor=encode_cursor([shown[-1].id]) if more else None)

    def create(self, scope: ProjectScope, name: str, query: ViewQuery, *, is_shared: bool) -> SavedView:
        """Saves a view. Raises InvalidInputError, PermissionDeniedError and, over the bound, ConflictError."""
        now = self._clock.now()
        view = SavedView(
            id=new_id("viw"),
            name=_check_name(name),
            is_shared=is_shared,
            owner_id=_caller(scope),
            query=_check_query(query),
            created_at=now,
            updated_at=now,
        )
        if is_shared:
            scope.require("traces:write")
        with self._database.write() as connection:
            own = and_(_c.project_id == scope.project_id, _c.owner_id == view.owner_id)
            if connection.execute(select(func.count()).where(own)).scalar_one() >= MAX_VIEWS_PER_OWNER:
                raise ConflictError(f"you have {MAX_VIEWS_PER_OWNER} views in this project", hint="Delete some.")
            connection.execute(
                insert(saved_views).values(
                    id=view.id,
                    project_id=scope.project_id,
                    owner_id=view.owner_id,
                    is_shared=is_shared,
                    name=view.name,
                    query=_encode(view.query),
                    created_at=now,
                    updated_at=now,
                )
            )
        return view

    def change(self, scope: ProjectScope, view_id: str, change: ViewChange) -> SavedView:
        """Renames, replaces or shares a view. Raises NotFoundError, PermissionDeniedError and InvalidInputError."""
        values: dict[str, object] = {"updated_at": self._clock.now()}
        if change.name is not None:
            values["name"] = _check_name(change.name)
        if change.query is not None:
            values["query"] = _encode(_check_query(change.query))
        with self._database.write() as connection:
            before = self._changeable(connection, scope, view_id)
            if change.is_shared is not None and change.is_shared != before.is_shared:
                scope.require("traces:write")
                values["is_shared"] = change.is_shared
            connection.execute(update(saved_views).where(_c.id == view_id).values(values))
            return _to_view(_row(connection, scope, view_id))

    def delete(self, scope: ProjectScope, view_id: str) -> None:
        """Removes a view. Raises NotFoundError and PermissionDeniedError."""
        with self._database.write() as connection:
            self._changeable(connection, scope, view_id)
            connection.execute(delete(saved_views).where(_c.id == view_id))

    def _changeable(self, connection: Connection, scope: ProjectScope, view_id: str) -> SavedView:
        view = _to_view(_row(connection, scope, view_id))
        if view.owner_id != _caller(scope) and "project:manage" not in scope.permissions:
            raise PermissionDeniedError(
                f"view {view.name!r} belongs to somebody else", hint="Save a copy, or ask its owner to change it."
            )
        return view


def _visible(scope: ProjectScope) -> Any:
    return and_(_c.project_id == scope.project_id, or_(_c.is_shared, _c.owner_id == _caller(scope)))


def _row(connection: Connection, scope: ProjectScope, view_id: str) -> Row[Any]:
    row = connection.execute(select(saved_views).where(_c.id == view_id, _visible(scope))).one_or_none()
    if row is None:
        raise NotFoundError(f"view {view_id!r} doesn't exist in this project", hint="List the views.")
    return row


def _caller(scope: ProjectScope) -> str:
    """A user keeps one set of views, by session and by token."""
    return scope.principal.user_id or scope.principal.id


def _check_name(name: str) -> str:
    trimmed = " ".join(name.split())
    if not trimmed or len(trimmed) > MAX_NAME or "\0" in trimmed:
        raise InvalidInputError(
            f"view name {name[:MAX_NAME]!r} must have 1 to {MAX_NAME} characters", hint="Give another.", param="name"
        )
    return trimmed


def _check_query(query: ViewQuery) -> ViewQuery:
    """A view that the list would refuse isn't saved."""
    parse_criteria(query.start, query.end, msgspec.json.encode(query.filters).decode(), query.q or None)
    if query.range is not None and (query.start or query.end):
        raise InvalidInputError("range and start or end exclude each other", hint="Leave one out.", param="range")
    if len(query.columns) > MAX_COLUMNS or any(len(column) > MAX_NAME for column in query.columns):
        raise InvalidInputError(f"at most {MAX_COLUMNS} columns can be kept", hint="Leave some out.", param="columns")
    return query


def _encode(query: ViewQuery) -> str:
    return msgspec.json.encode(query).decode()


def _to_view(row: Row[Any]) -> SavedView:
    return SavedView(
        id=row.id,
        name=row.name,
        is_shared=row.is_shared,
        owner_id=row.owner_id,
        query=msgspec.json.decode(row.query, type=ViewQuery),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
