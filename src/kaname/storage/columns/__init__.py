"""The column store: spans, scores and logs in ClickHouse tables, embedded or on a server, behind one client."""

from kaname.storage.columns.client import ColumnsClient, connect_columns
from kaname.storage.columns.endpoint import EngineEndpoint
from kaname.storage.columns.local import LocalEngine
from kaname.storage.columns.migrations import ColumnsMigration, migrate_columns
from kaname.storage.columns_settings import ColumnsSettings

__all__ = [
    "ColumnsClient",
    "ColumnsMigration",
    "ColumnsSettings",
    "EngineEndpoint",
    "LocalEngine",
    "connect_columns",
    "migrate_columns",
]
