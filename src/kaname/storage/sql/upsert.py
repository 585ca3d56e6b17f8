"""The one statement that SQLite and PostgreSQL share and SQLAlchemy Core doesn't: insert unless it is there already."""

from collections.abc import Mapping

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_missing(connection: Connection, table: Table, values: Mapping[str, object]) -> bool:
    """Inserts a row unless its key exists; false if it did. Two transactions that insert at once don't fail."""
    if connection.dialect.name == "sqlite":
        statement = sqlite.insert(table).values(**values).on_conflict_do_nothing()
    else:
        statement = postgresql.insert(table).values(**values).on_conflict_do_nothing()
    # Without the option the count of an INSERT on PostgreSQL is lost when its cursor closes.
    return connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount == 1
