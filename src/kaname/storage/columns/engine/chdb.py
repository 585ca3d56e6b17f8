"""chDB in this process: loads the extension, opens the one store, runs statements on a fresh connection each.

The extension is loaded directly, without `import chdb`: the package imports pyarrow and opens a throw-away engine,
which costs 0.35 s and 50 MB. A connection costs 0.2 ms and carries its own settings and database, so that requests
can't leak state into each other. chDB releases the GIL while it works: statements of several threads run at once.
"""

import ctypes
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

from kaname.storage.columns.engine.faults import StatementError, fault_from_message
from kaname.storage.columns.engine.statement import Statement, quote_name, quote_text

ENGINE_ERRORS = (RuntimeError, UnicodeDecodeError)
"""What the extension raises; the second when its message quotes bytes that aren't UTF-8."""
RTLD_DEEPBIND = 0x8
"""Keeps the extension's allocator its own when another library brings a second operator new."""


class QueryResult(Protocol):
    """What the extension returns."""

    def bytes(self) -> bytes: ...
    def rows_read(self) -> int: ...
    def bytes_read(self) -> int: ...
    def storage_rows_read(self) -> int: ...
    def storage_bytes_read(self) -> int: ...
    def has_error(self) -> bool: ...
    def error_message(self) -> str: ...


class Connection(Protocol):
    """One session of the engine."""

    def query(
        self, query: bytes | str, output_format: str = ..., /, *, params: dict[str, str] = ...
    ) -> QueryResult: ...
    def close(self) -> None: ...


class Extension(Protocol):
    """The compiled module."""

    def connect(self, path: str) -> Connection: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One statement with everything that came beside it."""

    statement: Statement
    query_id: str
    database: str = ""
    output_format: str = "TabSeparated"
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The bytes of a result and what it took."""

    body: bytes
    read_rows: int = 0
    read_bytes: int = 0
    result_rows: int = 0


class ChdbStore:
    """The one open store of this process. Methods may be called from any thread and block."""

    def __init__(self, path: Path, config_file: Path, base_settings: Mapping[str, str]) -> None:
        self._extension = load_extension()
        self._path = str(path)
        self._base_settings = dict(base_settings)
        self._keeper = self._extension.connect(f"{self._path}?config-file={config_file}")
        self._closing = threading.Lock()
        self.version = self._keeper.query("SELECT version()", "TabSeparatedRaw").bytes().decode().strip()

    def run(self, job: Job, *, into_fd: int | None = None) -> Outcome:
        """Runs a statement; a result's bytes go to `into_fd` if given. Raises StatementError."""
        connection = self._extension.connect(self._path)
        try:
            connection.query(self._prelude(job), "Null")
            statement = job.statement
            parameters = dict(job.parameters)
            if statement.kind == "insert":
                return _insert(connection, statement, parameters)
            if statement.kind == "command":
                return _outcome(connection.query(statement.head, "TabSeparated", params=parameters))
            sql = statement.with_output(job.output_format, _fd_path(into_fd) if into_fd is not None else None)
            return _outcome(connection.query(sql, job.output_format, params=parameters))
        except ENGINE_ERRORS as e:
            raise fault_from_message(_message(e)) from e
        finally:
            connection.close()

    def kill(self, query_id: str) -> None:
        """Stops a running statement, soon."""
        self._control(f"KILL QUERY WHERE Settings['log_comment'] = {quote_text(query_id)} ASYNC FORMAT Null")

    def purge_memory(self) -> None:
        """Makes the allocator return what it doesn't use."""
        self._control("SYSTEM JEMALLOC PURGE")

    def _control(self, sql: str) -> None:
        connection = self._extension.connect(self._path)
        try:
            connection.query(sql, "Null")
        except ENGINE_ERRORS as e:
            raise fault_from_message(_message(e)) from e
        finally:
            connection.close()

    def close(self) -> None:
        """Shuts the engine down; statements still running are waited for by the engine."""
        with self._closing:
            self._keeper.close()

    def _prelude(self, job: Job) -> str:
        settings = {**self._base_settings, **job.settings, "log_comment": job.query_id}
        pairs = ", ".join(f"{name} = {quote_text(value)}" for name, value in settings.items())
        use = f"USE {quote_name(job.database)}; " if job.database else ""
        return f"{use}SET {pairs}"


def load_extension() -> Extension:
    """Loads `_chdb` of whichever chDB wheel is installed."""
    package = importlib.util.find_spec("chdb")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("chdb isn't installed; install chdb-core-lite or set columns.url", name="chdb")
    path = str(Path(package.origin).with_name("_chdb.abi3.so"))
    if sys.platform == "linux":
        ctypes.CDLL(path, mode=sys.getdlopenflags() | RTLD_DEEPBIND)
    spec = importlib.util.spec_from_file_location(
        "_chdb", path, loader=importlib.machinery.ExtensionFileLoader("_chdb", path)
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("Extension", module)


def _insert(connection: Connection, statement: Statement, parameters: dict[str, str]) -> Outcome:
    if statement.data is None:
        return _outcome(connection.query(statement.head, "TabSeparated", params=parameters))
    # Rows reach the engine through a file in memory: text formats parse a third faster than inline in the SQL, and
    # binary formats can't stand in it.
    fd, path = _memory_file(statement.data)
    try:
        return _outcome(connection.query(statement.from_file(path), "TabSeparated", params=parameters))
    finally:
        os.close(fd)
        if not path.startswith("/proc/"):
            Path(path).unlink(missing_ok=True)


def _memory_file(data: memoryview) -> tuple[int, str]:
    if sys.platform == "linux":
        fd = os.memfd_create("insert", os.MFD_CLOEXEC)
        path = _fd_path(fd)
    else:
        fd, path = tempfile.mkstemp(prefix="kaname-insert-")
    rest = data
    while rest.nbytes:
        rest = rest[os.write(fd, rest) :]
    return fd, path


def _message(e: Exception) -> str:
    return e.object.decode("utf-8", "replace") if isinstance(e, UnicodeDecodeError) else str(e)


def _fd_path(fd: int) -> str:
    return f"/proc/self/fd/{fd}" if sys.platform == "linux" else f"/dev/fd/{fd}"


def _outcome(result: QueryResult) -> Outcome:
    if result.has_error():
        raise fault_from_message(result.error_message())
    return Outcome(
        body=result.bytes(),
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        result_rows=result.rows_read(),
    )


__all__ = ["ChdbStore", "Job", "Outcome", "StatementError", "load_extension"]
