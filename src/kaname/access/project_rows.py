"""What a project has in SQL: every table with a column `project_id`, whichever slice owns it.

Found by the column and not by a list, so that a new table can't be forgotten; a test demands the column of every
table that refers to such a table. Not here: the project's own row, which is its tombstone (`erasure.py`).
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import MetaData, Table, delete, func, select

from kaname.access.tables import api_keys
from kaname.storage.sql.database import Database
from kaname.storage.sql.schema import metadata


class SqlProjectRows:
    """Implements `ports.ProjectStore` over all SQL tables."""

    store = "sql"

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, project_id: str) -> Mapping[str, int]:
        """Rows by table."""
        with self._database.read() as connection:
            return {
                table.name: connection.execute(
                    select(func.count()).select_from(table).where(table.c.project_id == project_id)
                ).scalar_one()
                for table in project_tables(metadata)
            }

    def erase(self, project_id: str) -> bool:
        """Deletes all but the keys: revoked rows tell every key ring to forget them; they go with the tombstone."""
        found = False
        with self._database.write() as connection:
            for table in project_tables(metadata):
                if table is not api_keys:
                    gone = connection.execute(delete(table).where(table.c.project_id == project_id))
                    found |= gone.rowcount > 0
        return found

    def is_settled(self, since: datetime) -> bool:
        """Nothing arrives late: SQL is written by requests, which the guard refuses."""
        return True


def project_tables(known: MetaData) -> list[Table]:
    """Tables whose rows belong to a project, those that others refer to last."""
    return [table for table in reversed(known.sorted_tables) if "project_id" in table.c]
