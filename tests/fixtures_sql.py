"""Fixture `database`: every test that asks for it runs on SQLite and on PostgreSQL, each time on a fresh database.

`empty_database_url` gives the address of a database without a schema, `postgresql_url` one for a whole session.
PostgreSQL is started once a process, on first use; databases are copied from a migrated template in some 20 ms.
"""

import atexit
import functools
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from kaname.kernel.errors import KanameError
from kaname.storage.sql.database import Database
from kaname.storage.sql.migrations import migrate
from kaname.testing.postgres import TestPostgres

ENGINES = ("sqlite", "postgresql")
_numbers = itertools.count()


@functools.cache
def _postgres() -> TestPostgres | str:
    try:
        server = TestPostgres()
    except (KanameError, OSError, ImportError, KeyError) as e:
        return f"PostgreSQL can't be started here: {e}"
    atexit.register(server.stop)
    return server


def _require_postgres() -> TestPostgres:
    server = _postgres()
    if isinstance(server, str):
        pytest.skip(server)
    return server


def _administrate(server: TestPostgres, statement: str) -> None:
    engine = sqlalchemy.create_engine(server.url(), isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


@functools.cache
def _postgres_template() -> str:
    server = _require_postgres()
    _administrate(server, "CREATE DATABASE kaname_template")
    _migrate_once(server.url("kaname_template"))
    return "kaname_template"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrate_once(f"sqlite:///{path}")
    return path


def _migrate_once(url: str) -> None:
    database = Database(url)
    migrate(database)
    database.close()


def _fresh_postgres(template: str) -> Iterator[str]:
    server = _require_postgres()
    name = f"test_{next(_numbers)}"
    _administrate(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield server.url(name)
    _administrate(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The address of an empty PostgreSQL database that lasts for the session, for live servers."""
    yield from _fresh_postgres("template1")


@pytest.fixture(scope="module")
def own_postgresql_url() -> Iterator[str]:
    """The address of an empty PostgreSQL database that a module's live server has for itself."""
    yield from _fresh_postgres("template1")


@pytest.fixture(params=ENGINES)
def sql_engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def empty_database_url(sql_engine: str, tmp_path: Path) -> Iterator[str]:
    """The address of a database without a schema."""
    if sql_engine == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        yield from _fresh_postgres("template1")


@pytest.fixture
def database_url(sql_engine: str, tmp_path: Path, sqlite_template: Path) -> Iterator[str]:
    """The address of a fresh database with the present schema."""
    if sql_engine == "sqlite":
        shutil.copy(sqlite_template, tmp_path / "kaname.db")
        yield f"sqlite:///{tmp_path / 'kaname.db'}"
    else:
        yield from _fresh_postgres(_postgres_template())


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh, open database with the present schema."""
    opened = Database(database_url)
    yield opened
    opened.close()
