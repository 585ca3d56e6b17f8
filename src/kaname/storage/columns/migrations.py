"""Numbered migrations of the column store, recorded in the table `kaname_migrations` of the same database.

ClickHouse has no transactions over DDL, so every statement must be idempotent (`IF NOT EXISTS`, `ADD COLUMN IF NOT
EXISTS`): a migration that stopped half way runs again from its first statement. A store with a number that this version
doesn't know was written by a newer one and is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kaname.kernel.errors import ConfigurationError
from kaname.storage.columns.client import ColumnsClient

TABLE = "kaname_migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnsMigration:
    """One step; never changed once released."""

    number: int
    name: str
    statements: Sequence[str]


def migrate_columns(client: ColumnsClient, migrations: Sequence[ColumnsMigration]) -> None:
    """Brings the database up to date, creating it if needed. Idempotent.

    Raises ConfigurationError when the store is newer than this version, or holds another migration under the same
    number.
    """
    ordered = sorted(migrations, key=lambda m: m.number)
    numbers = [m.number for m in ordered]
    if len(set(numbers)) != len(numbers):
        raise ConfigurationError(f"two migrations of the column store share a number: {numbers!r}")
    client.create_database()
    client.command(
        f"CREATE TABLE IF NOT EXISTS {TABLE} (number UInt32, name String, applied_at DateTime64(6, 'UTC'), "
        "engine_version String) ENGINE = MergeTree ORDER BY number "
        "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
    )
    applied = _read_applied(client)
    _refuse_newer(applied, ordered)
    for migration in ordered:
        if migration.number in applied:
            continue
        for statement in migration.statements:
            client.command(statement)
        client.command(
            f"INSERT INTO {TABLE} SELECT {{number:UInt32}}, {{name:String}}, now64(6, 'UTC'), version()",
            {"number": migration.number, "name": migration.name},
        )


def _read_applied(client: ColumnsClient) -> dict[int, str]:
    rows = client.query_rows(f"SELECT number, any(name) AS name FROM {TABLE} GROUP BY number")  # noqa: S608 - constant
    return {int(str(row["number"])): str(row["name"]) for row in rows}


def _refuse_newer(applied: dict[int, str], ordered: Sequence[ColumnsMigration]) -> None:
    known = {m.number: m.name for m in ordered}
    newest = max(known, default=0)
    for number, name in applied.items():
        if number > newest:
            raise ConfigurationError(
                f"the column store was written by a newer Kaname: it has migration {number} {name!r}, this version "
                f"knows up to {newest}",
                hint="Install the newer version, or point it at another data folder.",
                code="columns_newer_than_program",
            )
        if number in known and known[number] != name:
            raise ConfigurationError(
                f"migration {number} of the column store is {name!r} there and {known[number]!r} here",
                hint="Install the version of Kaname that wrote this store.",
                code="columns_migration_differs",
            )
