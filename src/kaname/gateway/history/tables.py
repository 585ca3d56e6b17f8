"""SQL tables of the gateway's configuration. A row of a version is never changed or deleted."""

from sqlalchemy import CheckConstraint, Column, Integer, String, Table, Text

from kaname.storage.sql.schema import metadata
from kaname.storage.sql.types import UtcTime

_ID = String(40)

config_versions = Table(
    "gateway_config_versions",
    metadata,
    Column("id", _ID, primary_key=True),
    # A hash of the text: a text that comes into force again has the same one.
    Column("version", String(12), nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("source", String(16), nullable=False),
    Column("author_id", _ID, nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("message", String(500), nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

secret_facts = Table(
    "gateway_secrets",
    metadata,
    # The value is in table `secrets` of `storage.secrets`.
    Column("name", String(64), primary_key=True),
    Column("set_by_id", _ID, nullable=False),
    Column("set_by_name", String(200), nullable=False),
    Column("last_used_at", UtcTime),
)

config_changes = Table(
    "gateway_config_changes",
    metadata,
    # Counts changes: processes poll `secrets`, and whoever adds a version locks this row first.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("secrets", Integer, nullable=False),
    Column("versions", Integer, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
