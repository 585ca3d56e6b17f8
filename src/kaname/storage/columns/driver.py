"""The part of clickhouse-connect that we use, typed, and how it is set up. Nothing else imports that package."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, cast
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

from kaname.storage.columns.endpoint import ENGINE_USER
from kaname.storage.columns_settings import ColumnsSettings

MAX_POOLED_CONNECTIONS = 32
DRIVER_ERRORS = (ClickHouseError, HTTPError, OSError)
"""Whatever a call of the driver raises when the engine refuses or doesn't answer."""


class ByteStream(Protocol):
    """A response that is being read."""

    @property
    def headers(self) -> Mapping[str, str]: ...
    def stream(self, amt: int, decode_content: bool) -> Iterator[bytes]: ...
    def close(self) -> None: ...
    def release_conn(self) -> None: ...


class Result(Protocol):
    """A result that has been read."""

    @property
    def column_names(self) -> Sequence[str]: ...
    @property
    def result_rows(self) -> Sequence[Sequence[object]]: ...
    @property
    def result_columns(self) -> Sequence[Sequence[object]]: ...


class Driver(Protocol):
    """clickhouse-connect's client. Thread-safe as long as it has no session id."""

    def query(
        self, query: str, parameters: dict[str, object], settings: dict[str, object], *, column_oriented: bool = ...
    ) -> Result: ...
    def raw_stream(
        self, query: str, parameters: dict[str, object], settings: dict[str, object], *, fmt: str
    ) -> ByteStream: ...
    def command(
        self,
        cmd: str,
        parameters: dict[str, object] | None = ...,
        *,
        data: bytes | None = ...,
        settings: dict[str, object] | None = ...,
        use_database: bool = ...,
    ) -> object: ...
    def ping(self, timeout: float) -> bool: ...
    def close(self) -> None: ...


def open_driver(settings: ColumnsSettings, url: str, user: str, password: str) -> Driver:
    """Connects; raises one of DRIVER_ERRORS."""
    parts = urlsplit(url)
    client = clickhouse_connect.get_client(  # pyright: ignore[reportUnknownMemberType]
        interface=parts.scheme,
        host=parts.hostname or "localhost",
        port=parts.port or (8443 if parts.scheme == "https" else 8123),
        proxy_path=parts.path,
        username=user,
        password=password,
        compress=user != ENGINE_USER,  # on loopback it costs more than it saves
        query_retries=0,
        connect_timeout=max(1, round(settings.connect_timeout_s)),
        send_receive_timeout=max(1, round(settings.insert_timeout_s)),
        autogenerate_session_id=False,  # sessions would forbid concurrent use
        autogenerate_query_id=False,
        tz_mode="aware",
        form_encode_query_params=True,  # an array of ten thousand ids doesn't fit in a URL
        show_clickhouse_errors=True,
        pool_mgr=PoolManager(num_pools=2, maxsize=MAX_POOLED_CONNECTIONS),
    )
    client.database = settings.database
    return cast("Driver", client)


def error_code(e: Exception) -> int | None:
    """The engine's number of a driver error; None when the engine didn't answer."""
    return e.code if isinstance(e, DatabaseError) else None
