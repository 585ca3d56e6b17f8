"""`Database` and its migrations, on both engines."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from kaname.access import tables as access_tables
from kaname.gateway.history import tables as config_tables
from kaname.gateway.limits import tables as limits_tables
from kaname.kernel.errors import ConfigurationError, ConflictError, IntegrityError, UnavailableError
from kaname.storage import secrets as secret_tables
from kaname.storage.sql.database import Database
from kaname.storage.sql.migrations import current_revision, known_revisions, migrate, require_current
from kaname.storage.sql.schema import metadata

SLICES_WITH_TABLES = (access_tables, config_tables, limits_tables, secret_tables)


def _add(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(
            sa.insert(access_tables.login_attempts).values(
                subject=name, failures=0, last_failed_at=sa.func.now(), blocked_until=sa.func.now()
            )
        )


def _count(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(access_tables.login_attempts)).scalar_one()


def test_a_write_block_commits_as_a_whole(database: Database) -> None:
    _add(database, "a")

    def fail_half_way() -> None:
        with database.write() as connection:
            connection.execute(sa.delete(access_tables.login_attempts))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert _count(database) == 1


def test_parallel_read_modify_write_loses_nothing(database: Database) -> None:
    def increment(_: int) -> None:
        with database.write() as connection:
            row = sa.select(access_tables.key_changes.c.version).with_for_update()
            version = connection.execute(row).scalar_one()
            connection.execute(sa.update(access_tables.key_changes).values(version=version + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(64)))
    with database.read() as connection:
        assert connection.execute(sa.select(access_tables.key_changes.c.version)).scalar_one() == 64


def test_two_database_objects_share_one_file(database: Database, database_url: str) -> None:
    other = Database(database_url)
    _add(database, "a")
    _add(other, "b")
    assert _count(database) == _count(other) == 2
    other.close()


def test_a_broken_constraint_is_a_conflict(database: Database) -> None:
    _add(database, "a")
    with pytest.raises(ConflictError):
        _add(database, "a")


def test_foreign_keys_are_enforced(database: Database) -> None:
    with pytest.raises(ConflictError), database.write() as connection:
        connection.execute(
            sa.insert(access_tables.projects).values(
                id="prj_1", organization_id="org_none", name="x", created_at=sa.func.now()
            )
        )


def test_migrations_run_once_even_from_two_threads(empty_database_url: str) -> None:
    barrier = threading.Barrier(2)

    def start(_: int) -> list[str]:
        database = Database(empty_database_url)
        barrier.wait()
        ran = migrate(database)
        require_current(database)
        database.close()
        return ran

    with ThreadPoolExecutor(2) as pool:
        ran = list(pool.map(start, range(2)))
    assert sorted(ran) == [[], known_revisions()]


def test_the_migrated_schema_is_the_declared_one(database: Database) -> None:
    assert all(SLICES_WITH_TABLES)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        ours = {t.name for t in metadata.sorted_tables}
        found = [d for d in compare_metadata(context, metadata) if not _is_table_of_another_slice(d, ours)]
    assert found == []


def _is_table_of_another_slice(difference: object, ours: set[str]) -> bool:
    # Tables of slices that this test doesn't import are in the database and not in `metadata`.
    match difference:
        case ("remove_table", sa.Table() as table):
            return table.name not in ours
        case ("remove_index", sa.Index() as index):
            return index.table is not None and index.table.name not in ours
        case _:
            return False


def test_a_failing_migration_leaves_the_old_schema(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(empty_database_url)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE users (id int)")  # 0001 will trip over it half-way
    with pytest.raises((UnavailableError, ConfigurationError, sa.exc.DBAPIError)):
        migrate(database)
    with database.read() as connection:
        assert set(sa.inspect(connection).get_table_names()) == {"users"}
        assert current_revision(connection) is None
    database.close()


def test_a_newer_schema_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="9999"):
        migrate(database)
    with pytest.raises(ConfigurationError, match="9999"):
        require_current(database)


def test_a_schema_that_lacks_migrations_is_refused_without_migrating(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with pytest.raises(ConfigurationError, match="lacks migrations 0001"):
        require_current(database)
    database.close()


def test_ping(database: Database) -> None:
    assert database.ping()


def test_an_absent_server_is_unavailable(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    database = Database(f"postgresql://nobody@/none?host={tmp_path}")
    assert not database.ping()
    with pytest.raises(UnavailableError), database.read():
        pass


def test_a_damaged_file_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "kaname.db"
    path.write_bytes(b"not a database, " * 1000)
    with pytest.raises(IntegrityError), Database(f"sqlite:///{path}").read():
        pass


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "", "sqlite://", "sqlite:///:memory:"])
def test_unknown_urls_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Database(url)


def test_passwords_are_not_shown() -> None:
    pytest.importorskip("psycopg")
    assert "hunter2" not in Database("postgres://u:hunter2@127.0.0.1/x").shown_url


def test_sqlite_is_durable_and_forgets_deleted_bytes(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'k.db'}")
    with database.read() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 10_000,
    }  # fmt: skip
    database.close()
