"""The one way to the column store, embedded engine or ClickHouse server alike: a thread-safe client over HTTP.

Reads are retried while the engine restarts; writes never are, because an unanswered insert may have happened: the
caller learns that by EngineUnavailableError and replays with an existence check. SQL uses bare table names (the
database is a setting) and server-side `{name:Type}` parameters; nothing is ever formatted into it.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from kaname.kernel.errors import (
    ConfigurationError,
    EngineRefusedError,
    EngineUnavailableError,
    KanameError,
    UnavailableError,
)
from kaname.storage.columns.driver import DRIVER_ERRORS, ByteStream, Driver, error_code, open_driver
from kaname.storage.columns.endpoint import ENGINE_USER, EngineEndpoint
from kaname.storage.columns.engine.statement import quote_name
from kaname.storage.columns_settings import ColumnsSettings

T = TypeVar("T")
Parameters = Mapping[str, object]
EXPORT_CHUNK_BYTES = 256 << 10
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 0.5
_AUTH_CODES = frozenset({192, 193, 194, 497, 516})
_INSERT_SETTINGS = {"async_insert": 0, "input_format_parallel_parsing": 0, "input_format_skip_unknown_fields": 0}


class ColumnsClient:
    """Queries and inserts. Connects when first used. All methods may be called from any thread."""

    def __init__(self, settings: ColumnsSettings, url: str, user: str, password: str) -> None:
        self._settings = settings
        self._url = url
        self._user = user
        self._password = password
        self._driver: Driver | None = None
        self._lock = threading.Lock()

    def query_rows(
        self, sql: str, parameters: Parameters | None = None, *, settings: Parameters | None = None
    ) -> list[dict[str, object]]:
        """Rows as dicts by column name. DateTime64 loses its nanoseconds: select `toUnixTimestamp64Nano(column)`."""
        result = self._read(lambda c: c.query(sql, dict(parameters or {}), self._with_time(settings)))
        names = result.column_names
        return [dict(zip(names, row, strict=True)) for row in result.result_rows]

    def query_columns(
        self, sql: str, parameters: Parameters | None = None, *, settings: Parameters | None = None
    ) -> dict[str, list[object]]:
        """The same by column: one list a column, of one length. An empty result may come without its columns: `{}`."""
        result = self._read(
            lambda c: c.query(sql, dict(parameters or {}), self._with_time(settings), column_oriented=True)
        )
        columns = result.result_columns
        if not columns:
            return {name: [] for name in result.column_names}
        return {name: list(column) for name, column in zip(result.column_names, columns, strict=True)}

    def query_stream(
        self, sql: str, parameters: Parameters | None = None, *, output_format: str, settings: Parameters | None = None
    ) -> Iterator[bytes]:
        """The raw bytes of a result in one of the engine's formats, in pieces, with bounded memory on both sides.

        The statement has begun without error when this returns. An error later raises from the iterator, and so does
        closing it early stop the statement.
        """
        limits = {"max_execution_time": self._settings.export_timeout_s, **(settings or {})}
        response = self._read(lambda c: c.raw_stream(sql, dict(parameters or {}), limits, fmt=output_format))
        return self._pieces(response)

    def insert_json_lines(
        self,
        table: str,
        body: bytes,
        *,
        columns: Sequence[str] | None = None,
        settings: Parameters | None = None,
    ) -> None:
        """Inserts JSONEachRow lines as one atomic block a partition; on disk when it returns.

        Raises EngineUnavailableError when it is unknown whether the rows are in (never retried here),
        EngineRefusedError when the engine refused them (nothing is in).
        """
        names = f" ({', '.join(map(quote_name, columns))})" if columns is not None else ""
        sql = f"INSERT INTO {quote_name(table)}{names} FORMAT JSONEachRow"
        # Not raw_insert: clickhouse-connect sends that one again when the connection breaks.
        self._once(lambda c: c.command(sql, data=body, settings={**_INSERT_SETTINGS, **(settings or {})}))

    def command(self, sql: str, parameters: Parameters | None = None, *, settings: Parameters | None = None) -> None:
        """Runs a statement without a result; never retried."""
        self._once(lambda c: c.command(sql, dict(parameters or {}), settings=dict(settings or {})))

    def create_database(self) -> None:
        """Creates the database of the settings if it is missing."""
        name = quote_name(self._settings.database)
        self._once(lambda c: c.command(f"CREATE DATABASE IF NOT EXISTS {name}", use_database=False))

    def ping(self) -> bool:
        """Whether the engine answers right now."""
        try:
            return self._connect().ping(timeout=2.0)
        except KanameError:
            return False

    def close(self) -> None:
        """Closes the connections. The client connects again if it is used again."""
        with self._lock:
            client, self._driver = self._driver, None
        if client is not None:
            client.close()

    def _read(self, call: Callable[[Driver], T]) -> T:
        """Runs a read, again with back-off while the engine doesn't answer."""
        deadline = time.monotonic() + self._settings.restart_wait_s
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return self._once(call)
            except EngineUnavailableError:
                if time.monotonic() + pause > deadline:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _once(self, call: Callable[[Driver], T]) -> T:
        client = self._connect()
        try:
            return call(client)
        except DRIVER_ERRORS as e:
            raise self._translate(e) from e

    def _connect(self) -> Driver:
        driver = self._driver
        if driver is not None:
            return driver
        with self._lock:
            if self._driver is None:
                try:
                    self._driver = open_driver(self._settings, self._url, self._user, self._password)
                except DRIVER_ERRORS as e:
                    raise self._translate(e) from e
            return self._driver

    def _with_time(self, settings: Parameters | None) -> dict[str, object]:
        return {"max_execution_time": self._settings.query_timeout_s, **(settings or {})}

    def _pieces(self, response: ByteStream) -> Iterator[bytes]:
        tag = response.headers.get("X-ClickHouse-Exception-Tag", "").encode()
        mark = b"__exception__\r\n" + tag
        is_whole = False
        try:
            for piece in response.stream(EXPORT_CHUNK_BYTES, True):
                if tag and mark in piece:
                    raise _refusal(piece.partition(mark)[2].decode("utf-8", "replace"), 0)
                yield piece
            is_whole = True
        except DRIVER_ERRORS as e:
            raise self._translate(e) from e
        finally:
            if is_whole:
                response.release_conn()
            else:
                response.close()

    def _translate(self, e: Exception) -> KanameError:
        code = error_code(e)
        if code is None or code == 202:
            return EngineUnavailableError(
                f"the column engine at {self._url} doesn't answer: {_short(e)}",
                hint="It restarts by itself after a crash; see `kaname doctor` if this lasts.",
                retry_after_s=1,
            )
        if code in _AUTH_CODES:
            return ConfigurationError(
                f"the column engine at {self._url} refuses user {self._user!r}",
                hint="Check columns.user and columns.password.",
                code="columns_access_denied",
            )
        return _refusal(str(e), code)


def connect_columns(settings: ColumnsSettings, endpoint: EngineEndpoint | None) -> ColumnsClient:
    """A client of the ClickHouse server in the settings, or of the embedded engine at `endpoint`."""
    if settings.url:
        if urlsplit(settings.url).scheme not in ("http", "https"):
            raise ConfigurationError(
                f"columns.url = {settings.url!r} isn't an http or https URL",
                hint="Use ClickHouse's HTTP port, e.g. http://localhost:8123.",
            )
        return ColumnsClient(settings, settings.url, settings.user, settings.password)
    if endpoint is None:
        raise ConfigurationError("no column engine: columns.url is empty and no embedded engine was started")
    return ColumnsClient(settings, endpoint.url, ENGINE_USER, endpoint.secret)


def _refusal(text: str, code: int) -> KanameError:
    """The error of a statement that the engine didn't run to its end."""
    if code == 159 or "TIMEOUT_EXCEEDED" in text:
        return UnavailableError("the query took too long", hint="Narrow the time range.", code="query_timeout")
    if code == 241 or "MEMORY_LIMIT_EXCEEDED" in text:
        return UnavailableError(
            "the query needs too much memory", hint="Narrow the time range.", code="query_too_large"
        )
    return EngineRefusedError(f"the column engine refused a statement: {text[:2000]}", engine_code=code)


def _short(e: Exception) -> str:
    return str(e.__cause__ or e)[:300]
