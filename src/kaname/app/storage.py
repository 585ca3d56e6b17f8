"""Opening and closing what an installation keeps. Used by the server; the worker opens its own smaller part."""

import logging
from dataclasses import dataclass
from pathlib import Path

from kaname.app.configuration import Configuration
from kaname.app.data_dir import DataDir
from kaname.kernel.clock import SystemClock
from kaname.storage.blobs.opening import open_blobs
from kaname.storage.blobs.ports import BlobStore
from kaname.storage.columns import ColumnsClient, EngineEndpoint, LocalEngine, connect_columns, migrate_columns
from kaname.storage.crypto import Keyring, load_keyring
from kaname.storage.journal import Journal
from kaname.storage.secrets import SecretStore
from kaname.storage.sql.database import Database
from kaname.storage.sql.migrations import migrate
from kaname.storage.sql.settings import database_url
from kaname.traces.tables import COLUMNS_MIGRATIONS

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Everything durable, open and at its present schema."""

    database: Database
    crypto: Keyring
    blobs: BlobStore
    journal: Journal
    engine: LocalEngine | None
    """None when a ClickHouse server is used."""
    columns: ColumnsClient

    @property
    def endpoint(self) -> EngineEndpoint | None:
        """Where children find the embedded engine."""
        return self.engine.endpoint if self.engine is not None else None

    def close(self) -> None:
        """In the reverse order of opening."""
        self.journal.close()
        self.columns.close()
        if self.engine is not None:
            self.engine.stop()
        self.database.close()


def start_engine(configuration: Configuration, data_dir: DataDir) -> LocalEngine | None:
    """Starts the embedded engine without waiting for it, or nothing when a ClickHouse server is set."""
    if configuration.columns.url:
        return None
    engine = LocalEngine(data_dir.columns, configuration.columns)
    engine.start()
    return engine


def open_storage(configuration: Configuration, data_dir: DataDir, engine: LocalEngine | None) -> Storage:
    """Opens everything and migrates; `engine` was started earlier so that its start overlaps with imports."""
    database = Database(database_url(configuration.sql, data_dir.root), pool_size=configuration.sql.pool_size)
    for revision in migrate(database):
        logger.info("metadata schema is now at %s", revision)
    crypto = load_keyring(configuration.crypto, data_dir.root)
    if rewrapped := SecretStore(database, crypto, SystemClock()).rotate():
        logger.info("%d secrets are now under master key %s", rewrapped, crypto.newest_key_id)
    blobs = open_blobs(configuration.blobs, data_dir.root)
    journal = Journal(data_dir.journal, configuration.journal)
    journal.open()
    if engine is not None:
        engine.wait_ready()
    columns = connect_columns(configuration.columns, engine.endpoint if engine is not None else None)
    migrate_columns(columns, COLUMNS_MIGRATIONS)
    return Storage(database=database, crypto=crypto, blobs=blobs, journal=journal, engine=engine, columns=columns)


def gateway_config_path(configuration: Configuration, data_dir: DataDir) -> Path:
    """The gateway's configuration file, which may not exist."""
    named = configuration.gateway.config_file
    return Path(named).expanduser() if named else data_dir.root / "gateway.yaml"
