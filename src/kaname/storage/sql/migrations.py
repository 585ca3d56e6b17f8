"""Brings the schema of a database to the one this version of Kaname needs.

Migrations are the numbered files in `versions/`; a file's number is its revision and the order is linear. All missing
ones run in one transaction under a lock, so two processes that start together don't both migrate, and a failure leaves
the old schema. A schema that is newer than this program is refused: an old program must not write into it.
"""

import logging
import re
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection

from kaname.kernel.errors import ConfigurationError
from kaname.storage.sql.database import Database

logger = logging.getLogger(__name__)

VERSIONS_DIR = Path(__file__).parent / "versions"
# Any constant will do; it only has to differ from other programs' advisory locks in the same database.
_ADVISORY_LOCK = 0x6B616E616D65
_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.py")


def known_revisions() -> list[str]:
    """Numbers of all migrations that this program has, ascending."""
    matches = (_FILE.fullmatch(path.name) for path in VERSIONS_DIR.iterdir())
    return sorted(match.group(1) for match in matches if match)


def current_revision(connection: Connection) -> str | None:
    """The schema's number, None for an empty database."""
    if not sqlalchemy.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def migrate(database: Database) -> list[str]:
    """Runs the missing migrations and returns their numbers; raises ConfigurationError for a newer schema."""
    with database.read() as connection:
        if not _missing(connection):
            return []
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        missing = _missing(connection)
        if missing:
            logger.info("migrating the metadata database to %s", missing[-1])
            _upgrade(connection)
        return missing


def require_current(database: Database) -> None:
    """Raises ConfigurationError unless the schema is exactly this program's; for processes that must not migrate."""
    with database.read() as connection:
        if missing := _missing(connection):
            raise ConfigurationError(
                f"the metadata database lacks migrations {', '.join(missing)}", hint="Start `kaname up` first."
            )


def _missing(connection: Connection) -> list[str]:
    known = known_revisions()
    current = current_revision(connection)
    if current is not None and current not in known:
        raise ConfigurationError(
            f"the metadata database has schema {current!r}, this program knows up to {known[-1]!r}",
            hint="It was written by a newer Kaname: update this one, or restore an older backup.",
        )
    return [revision for revision in known if current is None or revision > current]


def _upgrade(connection: Connection) -> None:
    # Alembic costs 10 MB and 0.2 s, and a start with a current schema needs nothing of it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(VERSIONS_DIR.parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
