"""All settings of an installation: the one list of sections, loaded once and handed to each slice.

Children (engine, worker) read the same layers: flags travel to them as environment variables, the file by its path.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaname.access.settings import AccessSettings
from kaname.app.settings import ServerSettings
from kaname.gateway.pricing.settings import PricingSettings
from kaname.gateway.settings import GatewaySettings
from kaname.kernel.settings import (
    ResolvedSetting,
    SettingsSource,
    environment_name,
    load_settings,
    read_source,
    reject_unknown,
    resolve,
)
from kaname.serving.settings import ModelsSettings
from kaname.storage.blobs.settings import BlobsSettings
from kaname.storage.columns_settings import ColumnsSettings
from kaname.storage.crypto_settings import CryptoSettings
from kaname.storage.journal.settings import JournalSettings
from kaname.storage.sql.settings import SqlSettings
from kaname.traces.ingest_settings import IngestSettings
from kaname.traces.settings import TracesSettings

CONFIG_VARIABLE = "KANAME_CONFIG"

SECTIONS: Mapping[str, type[Any]] = {
    "server": ServerSettings,
    "sql": SqlSettings,
    "columns": ColumnsSettings,
    "journal": JournalSettings,
    "ingest": IngestSettings,
    "blobs": BlobsSettings,
    "crypto": CryptoSettings,
    "access": AccessSettings,
    "traces": TracesSettings,
    "pricing": PricingSettings,
    "gateway": GatewaySettings,
    "models": ModelsSettings,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Every section's settings, and the layers they came from."""

    source: SettingsSource
    server: ServerSettings
    sql: SqlSettings
    columns: ColumnsSettings
    journal: JournalSettings
    ingest: IngestSettings
    blobs: BlobsSettings
    crypto: CryptoSettings
    access: AccessSettings
    traces: TracesSettings
    pricing: PricingSettings
    gateway: GatewaySettings
    models: ModelsSettings

    @property
    def data_dir(self) -> Path:
        """Folder of everything the installation keeps, absolute."""
        return self.server.data_dir.expanduser().absolute()

    def child_environment(self) -> dict[str, str]:
        """Variables that give a child process the same settings."""
        variables = {environment_name(*flag.split(".", 1)): value for flag, value in self.source.flags.items()}
        variables[environment_name("server", "data_dir")] = str(self.data_dir)
        if self.source.file_path is not None and self.source.file_path.exists():
            variables[CONFIG_VARIABLE] = str(self.source.file_path.absolute())
        return variables


def load_configuration(source: SettingsSource) -> Configuration:
    """Loads every section; raises ConfigurationError naming the first wrong setting."""
    reject_unknown(source, SECTIONS)
    return Configuration(source=source, **{name: load_settings(source, name, cls) for name, cls in SECTIONS.items()})


def load_child_configuration() -> Configuration:
    """The configuration of a child process, from the environment that its parent made."""
    path = os.environ.get(CONFIG_VARIABLE)
    return load_configuration(read_source(file_path=Path(path) if path else None))


def resolve_all(source: SettingsSource) -> list[ResolvedSetting]:
    """Every setting of every section with value and origin, for `kaname settings`."""
    reject_unknown(source, SECTIONS)
    return [setting for name, cls in SECTIONS.items() for setting in resolve(source, name, cls)]
