"""Every configuration that came into force, in order, with who brought it and why. Append-only.

Several processes may see the same file change: the first to record it wins, because the newest row is compared under a
lock. A text that returns later gets a row of its own.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from kaname.access.model import Principal
from kaname.gateway.config import GatewayConfig
from kaname.gateway.history.audit import InstallationAudit
from kaname.gateway.history.tables import config_changes, config_versions
from kaname.kernel.clock import Clock
from kaname.kernel.errors import NotFoundError
from kaname.kernel.ids import new_id
from kaname.kernel.paging import DEFAULT_LIMIT, Page, decode_cursor, page_of
from kaname.storage.sql.database import Database

ConfigSource = Literal["file", "ui", "cli", "default"]
"""Where a configuration came from: the file on disk, the UI, a command or script, or no file at all."""
MAX_MESSAGE_CHARS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorship:
    """Who brought a configuration into force, and why."""

    principal: Principal
    source: ConfigSource
    message: str = ""
    restored: str = ""
    """Id of the version whose text it is again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigVersion:
    """One configuration that came into force at `created_at`."""

    id: str
    version: str
    source: ConfigSource
    author_id: str
    author_name: str
    message: str
    created_at: datetime
    text: str


class ConfigHistory:
    """Adds and reads versions. Thread-safe."""

    def __init__(self, database: Database, audit: InstallationAudit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def add(self, config: GatewayConfig, authorship: Authorship) -> None:
        """Records a configuration unless it is the newest one already."""
        with self._database.write() as connection:
            connection.execute(update(config_changes).values(versions=config_changes.c.versions + 1))
            newest = self._newest(connection)
            if newest is not None and newest.version == config.version:
                return
            author = authorship.principal
            row = {
                "id": new_id("gcv"), "version": config.version, "text": config.text, "source": authorship.source,
                "author_id": author.user_id or author.id, "author_name": author.name[:200],
                "message": authorship.message[:MAX_MESSAGE_CHARS], "created_at": self._clock.now(),
            }  # fmt: skip
            connection.execute(insert(config_versions).values(row))
            details = {"version": config.version, "source": authorship.source, "restored": authorship.restored}
            self._audit.record(connection, author, "gateway_config.change", f"gateway_config/{row['id']}", details)

    def newest(self) -> ConfigVersion | None:
        """The one that came into force last."""
        with self._database.read() as connection:
            row = self._newest(connection)
        return None if row is None else _to_version(row)

    def list_versions(self, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[ConfigVersion]:
        """Newest first."""
        query = select(config_versions).order_by(config_versions.c.id.desc())
        if cursor is not None:
            query = query.where(config_versions.c.id < decode_cursor(cursor, (str,))[0])
        with self._database.read() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
        return page_of(rows, limit, _to_version, lambda row: (row.id,))

    def get(self, version_id: str) -> ConfigVersion:
        """One version; raises NotFoundError."""
        with self._database.read() as connection:
            row = connection.execute(select(config_versions).where(config_versions.c.id == version_id)).one_or_none()
        if row is None:
            raise NotFoundError(
                f"no configuration version has id {version_id[:64]!r}", hint="List the versions.",
                code="gateway_config_version_not_found", params={"id": version_id[:64]},
            )  # fmt: skip
        return _to_version(row)

    def _newest(self, connection: Connection) -> Row[Any] | None:
        query = select(config_versions).order_by(config_versions.c.id.desc()).limit(1)
        return connection.execute(query).one_or_none()


def _to_version(row: Row[Any]) -> ConfigVersion:
    source: ConfigSource = row.source
    return ConfigVersion(
        id=row.id,
        version=row.version,
        source=source,
        author_id=row.author_id,
        author_name=row.author_name,
        message=row.message,
        created_at=row.created_at,
        text=row.text,
    )
