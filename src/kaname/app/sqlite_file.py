"""What an SQLite metadata file holds, asked without SQLAlchemy: whether a gateway may begin with its keys alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

from kaname.kernel.errors import ConfigurationError

PREFIX = "sqlite:///"
_VERSIONS = Path(__file__).parents[1] / "storage" / "sql" / "versions"
_SET = """
SELECT EXISTS (SELECT 1 FROM gateway_key_policies) OR EXISTS (SELECT 1 FROM gateway_budgets)
    OR EXISTS (SELECT 1 FROM gateway_limit_rules) OR EXISTS (SELECT 1 FROM gateway_secrets)
    OR EXISTS (SELECT 1 FROM gateway_canaries)
    OR EXISTS (SELECT 1 FROM prices WHERE deleted_at IS NULL)
"""


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite URL; None for another database."""
    return Path(url.removeprefix(PREFIX)) if url.startswith(PREFIX) else None


def holds_only_keys(file: Path) -> bool:
    """Whether nobody has set a limit, a secret or a price, and no canary was begun. False whenever that isn't certain.

    Raises ConfigurationError where there is no database at all.
    """
    if not file.exists():
        raise ConfigurationError(
            f"there is no metadata database at {str(file)!r}, so no key exists that could call",
            hint="Start `kaname up` on this data folder once and make a key, or set sql.url to a database in use.",
        )
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return revision == _newest_revision() and not connection.execute(_SET).fetchone()[0]
    except (sqlite3.Error, TypeError):
        return False


def _newest_revision() -> str:
    return max(path.name[:4] for path in _VERSIONS.glob("[0-9][0-9][0-9][0-9]_*.py"))
