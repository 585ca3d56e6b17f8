"""Inserting unless it is there: says truly whether it did, on both engines."""

from datetime import UTC, datetime

from sqlalchemy import select

from kaname.access.tables import organizations
from kaname.storage.sql.database import Database
from kaname.storage.sql.upsert import insert_missing


def test_only_the_first_insert_counts(database: Database) -> None:
    now = datetime.now(UTC)
    for name, expected in (("first", True), ("second", False)):
        with database.write() as connection:
            values = {"id": "org_1", "name": name, "created_at": now}
            assert insert_missing(connection, organizations, values) is expected
    with database.read() as connection:
        assert connection.execute(select(organizations.c.name)).scalars().all() == ["first"]
