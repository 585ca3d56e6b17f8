"""Numbered migrations of the column store."""

import pytest

from kaname.kernel.errors import ConfigurationError, EngineRefusedError
from kaname.storage.columns import ColumnsClient, ColumnsMigration, migrate_columns

FIRST = ColumnsMigration(
    number=1, name="create t", statements=["CREATE TABLE IF NOT EXISTS t (a UInt64) ENGINE = MergeTree ORDER BY a"]
)
SECOND = ColumnsMigration(
    number=2, name="add b", statements=["ALTER TABLE t ADD COLUMN IF NOT EXISTS b String DEFAULT 'old'"]
)


def test_an_old_store_is_upgraded_and_keeps_its_rows(columns: ColumnsClient):
    migrate_columns(columns, [FIRST])
    columns.insert_json_lines("t", b'{"a":1}')
    migrate_columns(columns, [SECOND, FIRST])
    migrate_columns(columns, [FIRST, SECOND])
    assert columns.query_rows("SELECT * FROM t") == [{"a": 1, "b": "old"}]
    assert columns.query_rows("SELECT number, name FROM kaname_migrations ORDER BY number") == [
        {"number": 1, "name": "create t"},
        {"number": 2, "name": "add b"},
    ]


def test_a_newer_store_is_refused(columns: ColumnsClient):
    migrate_columns(columns, [FIRST, SECOND])
    with pytest.raises(ConfigurationError, match="newer") as caught:
        migrate_columns(columns, [FIRST])
    assert caught.value.code == "columns_newer_than_program"


def test_another_migration_under_the_same_number_is_refused(columns: ColumnsClient):
    migrate_columns(columns, [FIRST])
    with pytest.raises(ConfigurationError, match="create t"):
        migrate_columns(columns, [ColumnsMigration(number=1, name="other", statements=[]), SECOND])
    with pytest.raises(ConfigurationError, match="share a number"):
        migrate_columns(columns, [FIRST, FIRST])


def test_a_migration_that_stopped_half_way_runs_again(columns: ColumnsClient):
    broken = ColumnsMigration(number=1, name="create t", statements=[*FIRST.statements, "CREATE NONSENSE"])
    with pytest.raises(EngineRefusedError):
        migrate_columns(columns, [broken])
    migrate_columns(columns, [FIRST])
    assert columns.query_rows("SELECT count() AS n FROM kaname_migrations") == [{"n": 1}]
