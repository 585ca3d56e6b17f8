"""One SQL database, SQLite or PostgreSQL, behind two context managers: `read()` and `write()`.

Invariants: a `write()` block is one transaction that commits as a whole or not at all; on SQLite it takes the write
lock at its start (BEGIN IMMEDIATE), so it can't fail half-way because another one wrote first; a commit is on the disk
when the block ends (synchronous=FULL; PostgreSQL's default). Deliberately not here: an ORM, async, retries.
"""

import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal, cast

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from kaname.kernel.errors import ConfigurationError, ConflictError, DiskFullError, InvalidInputError, UnavailableError
from kaname.kernel.errors import IntegrityError as StoredDataError

EngineName = Literal["sqlite", "postgresql"]
BUSY_TIMEOUT_MS = 10_000
POOL_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5
_SQLITE_PRAGMAS = (
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    # Deleted secrets and personal data must not stay readable in free pages.
    "secure_delete=ON",
    # REPLACE must fire delete triggers, or it would get around the append-only audit table.
    "recursive_triggers=ON",
)


class Database:
    """A pool of connections to one URL. All methods may be called from any thread."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        parsed = _parse(url)
        self.engine_name: EngineName = "sqlite" if parsed.get_backend_name() == "sqlite" else "postgresql"
        self.shown_url = parsed.render_as_string(hide_password=True)
        self._engine = _sqlite_engine(parsed, pool_size) if self.is_sqlite else _postgresql_engine(parsed, pool_size)
        # SQLite waits for its lock by sleeping, which is unfair under load; a real lock queues this process's writers.
        self._write_lock = threading.Lock() if self.is_sqlite else nullcontext()

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded engine."""
        return self.engine_name == "sqlite"

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A connection for reading; every statement in the block sees one snapshot on SQLite."""
        with _translated_errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Generator[Connection]:
        """A connection in one write transaction: committed at the end of the block, rolled back by an exception."""
        with _translated_errors(), self._write_lock, self._engine.connect() as connection:
            connection = connection.execution_options(kaname_write=True)
            with connection.begin():
                yield connection

    def ping(self) -> bool:
        """Whether the database answers."""
        try:
            with self.read() as connection:
                return connection.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
        except UnavailableError:
            return False

    def close(self) -> None:
        """Closes idle connections; those in use close when they are given back."""
        self._engine.dispose()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
            raise ValueError("unknown scheme")
    except (ArgumentError, ValueError) as e:
        raise ConfigurationError(
            f"sql.url {url.partition(':')[0]!r}:… isn't a database that Kaname knows",
            hint="Use sqlite:///path/to/file or postgresql://user:password@host/database.",
        ) from e
    if parsed.drivername == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigurationError("sql.url names no SQLite file", hint="Use sqlite:///path/to/file.")
    return parsed


def _sqlite_engine(url: URL, pool_size: int) -> Engine:
    Path(cast("str", url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = sqlalchemy.create_engine(
        url, pool_size=pool_size, max_overflow=pool_size, pool_timeout=POOL_TIMEOUT_S, pool_use_lifo=True
    )

    def on_connect(dbapi_connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction handling would begin late and never IMMEDIATE; `on_begin` does it instead.
        dbapi_connection.isolation_level = None
        for pragma in _SQLITE_PRAGMAS:
            dbapi_connection.execute(f"PRAGMA {pragma}")

    def on_begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("kaname_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


def _postgresql_engine(url: URL, pool_size: int) -> Engine:
    try:
        return sqlalchemy.create_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=POOL_TIMEOUT_S,
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
        )
    except (ModuleNotFoundError, NoSuchModuleError) as e:
        raise ConfigurationError(
            "sql.url names PostgreSQL, but its driver isn't installed", hint="pip install 'kaname[postgres]'"
        ) from e


@contextmanager
def _translated_errors() -> Generator[None]:
    try:
        yield
    except PoolTimeoutError as e:
        raise UnavailableError(
            "all connections to the metadata database are in use",
            hint="Try again.",
            retry_after_s=1,
            code="database_busy",
        ) from e
    except IntegrityError as e:
        raise ConflictError(
            f"the metadata database refused the change: {_first_line(e)}",
            hint="It may exist already; load it again.",
            code="change_refused",
        ) from e
    except DataError as e:
        raise InvalidInputError(
            f"a value can't be stored: {_first_line(e)}",
            hint="Leave out zero bytes, and numbers out of range.",
            code="value_not_storable",
        ) from e
    except OperationalError as e:
        raise _from_operational(e) from e
    except DBAPIError as e:
        if e.connection_invalidated:
            raise _unreachable(e) from e
        if "malformed" in str(e.orig) or "not a database" in str(e.orig):
            raise StoredDataError(
                f"the metadata database is damaged: {_first_line(e)}", hint="Restore it from a backup."
            ) from e
        raise


def _from_operational(e: OperationalError) -> Exception:
    reason = str(e.orig)
    if "disk is full" in reason or "No space left" in reason:
        return DiskFullError("the metadata database has no space left", hint="Free some space.", retry_after_s=30)
    if "locked" in reason or "busy" in reason or "deadlock" in reason or "lock timeout" in reason:
        return UnavailableError(
            "the metadata database is locked by another writer",
            hint="Try again.",
            retry_after_s=1,
            code="database_busy",
        )
    if "no such table" in reason or "no such column" in reason:
        return ConfigurationError(f"the metadata database lacks its schema: {reason}", hint="Start `kaname up` once.")
    return _unreachable(e)


def _unreachable(e: DBAPIError) -> UnavailableError:
    return UnavailableError(
        f"the metadata database doesn't answer: {_first_line(e)}",
        hint="Check setting sql.url and that the server runs.",
        retry_after_s=5,
        code="database_unavailable",
    )


def _first_line(e: DBAPIError) -> str:
    original: Any = e.orig
    return str(original).partition("\n")[0]
