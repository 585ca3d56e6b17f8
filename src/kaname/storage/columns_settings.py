"""Settings of the column store, section `[columns]`."""

from dataclasses import dataclass

from kaname.kernel.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnsSettings:
    """Where telemetry is stored and how much the engine may use."""

    url: str = setting(
        "",
        "URL of a ClickHouse server, e.g. `https://clickhouse.internal:8443`; empty runs the embedded engine in the "
        "data folder.",
    )
    user: str = setting("default", "User of the ClickHouse server.")
    password: str = setting("", "Password of the ClickHouse server.", secret=True)
    database: str = setting("kaname", "Database that holds the tables; created when it is missing.")
    connect_timeout_s: float = setting(5.0, "Longest wait for a connection, in seconds.")
    query_timeout_s: float = setting(60.0, "Longest run of one query, in seconds.")
    insert_timeout_s: float = setting(120.0, "Longest wait for the answer to one insert, in seconds.")
    export_timeout_s: float = setting(3600.0, "Longest run of one export, in seconds.")
    restart_wait_s: float = setting(10.0, "How long a read waits, retrying, for an engine that restarts, in seconds.")
    max_query_memory_bytes: int = setting(1 << 30, "Memory bound of one query in the embedded engine.")
    max_memory_bytes: int = setting(2 << 30, "Memory bound of the embedded engine as a whole.")
    max_request_bytes: int = setting(256 << 20, "Largest request body the embedded engine reads.")
    max_concurrent_queries: int = setting(8, "Queries the embedded engine runs at once; more wait in line.")
    max_waiting: int = setting(64, "Requests that may wait in line for the embedded engine; more are refused with 503.")
    merge_threads: int = setting(2, "Threads of the embedded engine that merge parts in the background.")
