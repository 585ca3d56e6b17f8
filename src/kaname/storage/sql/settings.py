"""Settings of section `sql`."""

from dataclasses import dataclass
from pathlib import Path

from kaname.kernel.settings import setting

SQLITE_FILE = "kaname.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlSettings:
    url: str = setting(
        "",
        "Metadata database: empty for SQLite in the data directory, or postgresql://user:password@host/database.",
        secret=True,
    )
    pool_size: int = setting(8, "Connections kept open by one process.")


def database_url(settings: SqlSettings, data_dir: Path) -> str:
    """The URL to open: the setting, or SQLite in the data directory."""
    return settings.url or f"sqlite:///{data_dir / SQLITE_FILE}"
