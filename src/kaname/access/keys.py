"""Project API keys: create, list, rename, revoke; and the key ring's source. The secret is shown once and not kept."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, bindparam, func, insert, or_, select, update

from kaname.access.audit import AuditLog
from kaname.access.model import ApiKey, Principal, ProjectScope
from kaname.access.naming import check_future, check_name
from kaname.access.permissions import Permission
from kaname.access.ports import KeyRecord
from kaname.access.tables import api_keys, key_changes, projects
from kaname.access.tokens import PUBLIC_PREFIX, SECRET_PREFIX, issue_token
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ConflictError, NotFoundError, PermissionDeniedError
from kaname.kernel.ids import new_id
from kaname.kernel.paging import DEFAULT_LIMIT, Page, decode_cursor, page_of
from kaname.storage.sql.database import Database

MAX_KEYS_PER_PROJECT = 1000


class CreatedKey(NamedTuple):
    """A new key; `secret_key` can't be had again."""

    key: ApiKey
    secret_key: str


class KeyService:
    """What people do with the keys of a project."""

    def __init__(self, database: Database, audit: AuditLog, clock: Clock, changed: Callable[[], None]) -> None:
        """`changed` is called after every change, so that it counts in this process at once."""
        self._database = database
        self._audit = audit
        self._clock = clock
        self._changed = changed

    def create(
        self, scope: ProjectScope, *, name: str, scopes: tuple[Permission, ...], expires_at: datetime | None = None
    ) -> CreatedKey:
        """Makes a key. Nobody can give a key more than they may do themselves, nor for longer."""
        name = check_name(name)
        now = self._clock.now()
        check_future(expires_at, now)
        expires_at = scope.principal.cap_expiry(expires_at)
        if excess := sorted(set(scopes) - scope.permissions):
            raise PermissionDeniedError(
                f"you lack permission {excess[0]!r}, so you can't give it to a key",
                hint="Leave it out.",
                code="scope_above_yours",
                params={"permission": excess[0]},
            )
        token = issue_token(SECRET_PREFIX)
        key_id = new_id("key")
        row: dict[str, object] = {
            "id": key_id,
            "project_id": scope.project_id,
            "public_part": token.public_part,
            "digest": token.digest,
            "name": name,
            "scopes": msgspec.json.encode(scopes).decode(),
            "created_at": now,
            "created_by": scope.principal.user_id or scope.principal.id,
            "expires_at": expires_at,
            "last_used_at": None,
            "revoked_at": None,
        }
        with self._database.write() as connection:
            row["version"] = _next_version(connection)
            count = select(func.count()).where(
                api_keys.c.project_id == scope.project_id, api_keys.c.revoked_at.is_(None)
            )
            if connection.execute(count).scalar_one() >= MAX_KEYS_PER_PROJECT:
                raise ConflictError(
                    f"the project has {MAX_KEYS_PER_PROJECT} keys",
                    hint="Revoke some that aren't used.",
                    code="too_many_keys",
                    params={"limit": MAX_KEYS_PER_PROJECT},
                )
            connection.execute(insert(api_keys).values(row))
            self._record(connection, scope, "key.create", key_id, {"name": name, "scopes": list(scopes)})
            key = _to_key(self._row(connection, scope, key_id))
        self._changed()
        return CreatedKey(key, token.text)

    def list_keys(self, scope: ProjectScope, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[ApiKey]:
        """Keys that aren't revoked, newest first, `limit` at a time."""
        c = api_keys.c
        query = select(api_keys).where(c.project_id == scope.project_id, c.revoked_at.is_(None))
        if cursor is not None:
            query = query.where(c.id < decode_cursor(cursor, (str,))[0])
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(c.id.desc()).limit(limit + 1)).all()
        return page_of(rows, limit, _to_key, lambda row: (row.id,))

    def get(self, scope: ProjectScope, key_id: str) -> ApiKey:
        """One key of the project; raises NotFoundError."""
        with self._database.read() as connection:
            return _to_key(self._row(connection, scope, key_id))

    def rename(self, scope: ProjectScope, key_id: str, name: str) -> ApiKey:
        """Gives a key another name."""
        name = check_name(name)
        with self._database.write() as connection:
            version = _next_version(connection)
            self._row(connection, scope, key_id)
            connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(name=name, version=version))
            self._record(connection, scope, "key.rename", key_id, {"name": name})
            return _to_key(self._row(connection, scope, key_id))

    def revoke(self, scope: ProjectScope, key_id: str) -> None:
        """Makes a key invalid, for good and everywhere within a second."""
        with self._database.write() as connection:
            version = _next_version(connection)
            row = self._row(connection, scope, key_id)
            connection.execute(
                update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=self._clock.now(), version=version)
            )
            self._record(connection, scope, "key.revoke", key_id, {"name": row.name})
        self._changed()

    def _row(self, connection: Connection, scope: ProjectScope, key_id: str) -> Row[Any]:
        query = select(api_keys).where(
            api_keys.c.id == key_id, api_keys.c.project_id == scope.project_id, api_keys.c.revoked_at.is_(None)
        )
        row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError(
                f"no key of this project has id {key_id[:64]!r}",
                hint="It may be revoked already.",
                code="key_not_found",
                params={"id": key_id[:64]},
            )
        return row

    def _record(
        self, connection: Connection, scope: ProjectScope, action: str, key_id: str, details: dict[str, Any]
    ) -> None:
        details = {"project_id": scope.project_id, **details}
        organization_id = scope.organization_id
        self._audit.record(
            connection, scope.principal, action, f"key/{key_id}", details, organization_id=organization_id
        )


def revoke_project_keys(connection: Connection, project_id: str, organization_id: str, at: datetime) -> None:
    """Makes all keys of a project invalid, in the transaction that deletes it."""
    version = _next_version(connection)
    of_organization = select(projects.c.id).where(projects.c.organization_id == organization_id)
    connection.execute(
        update(api_keys)
        .where(
            api_keys.c.project_id == project_id,
            api_keys.c.project_id.in_(of_organization),
            api_keys.c.revoked_at.is_(None),
        )
        .values(revoked_at=at, version=version)
    )


class SqlKeySource:
    """The key ring's source over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def changes_since(self, version: int) -> tuple[int, Sequence[KeyRecord]]:
        with self._database.read() as connection:
            present = connection.execute(select(key_changes.c.version)).scalar_one()
            if present == version:
                return version, ()
            query = (
                select(api_keys, projects.c.organization_id)
                .join(projects, projects.c.id == api_keys.c.project_id)
                .where(api_keys.c.version > version, api_keys.c.version <= present)
            )
            return present, [_to_record(row) for row in connection.execute(query)]

    def record_uses(self, uses: Mapping[str, datetime]) -> None:
        statement = (
            update(api_keys)
            .where(
                api_keys.c.id == bindparam("key_id"),
                or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < bindparam("used_at")),
            )
            .values(last_used_at=bindparam("used_at"))
        )
        rows = [{"key_id": key_id, "used_at": at} for key_id, at in sorted(uses.items())]
        with self._database.write() as connection:
            connection.execute(statement, rows)


def _next_version(connection: Connection) -> int:
    # Taken first in a transaction: the row's lock makes changes commit in the order of their versions, so that a reader
    # who saw version n can't miss a key of an earlier one.
    statement = update(key_changes).values(version=key_changes.c.version + 1).returning(key_changes.c.version)
    return connection.execute(statement).scalar_one()


def _to_record(row: Row[Any]) -> KeyRecord:
    return KeyRecord(
        key_id=row.id,
        public_part=row.public_part,
        digest=row.digest,
        expires_at=row.expires_at,
        usable=row.revoked_at is None,
        principal=Principal(
            kind="api_key",
            id=row.id,
            name=row.name,
            organization_id=row.organization_id,
            project_id=row.project_id,
            permissions=frozenset(_scopes(row)),
            expires_at=row.expires_at,
        ),
    )


def _to_key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        project_id=row.project_id,
        public_id=PUBLIC_PREFIX + row.public_part,
        name=row.name,
        scopes=_scopes(row),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


def _scopes(row: Row[Any]) -> tuple[Permission, ...]:
    # A scope that a later version dropped must not lock out a whole key, so unknown ones are let through: no rule asks.
    return msgspec.json.decode(row.scopes, type=tuple[str, ...])  # type: ignore[return-value]
