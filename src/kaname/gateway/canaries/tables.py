"""SQL tables of canaries: where each stands, what its arms did, and how it came there."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text

from kaname.storage.sql.schema import metadata
from kaname.storage.sql.types import UtcTime

_ID = String(40)
_NAME = String(512)

gateway_canaries = Table(
    "gateway_canaries",
    metadata,
    # Made from what is compared: `model.py`. Rows of canaries that the configuration no longer has stay.
    Column("id", _ID, primary_key=True),
    Column("name", _NAME, nullable=False),
    Column("step", Integer, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("stable_generation", BigInteger, nullable=False),
    Column("since_ns", BigInteger, nullable=False),
    Column("looked_ns", BigInteger, nullable=False),
    # JSON: what the guards said last.
    Column("findings", Text, nullable=False),
    Column("rollbacks", BigInteger, nullable=False),
    # Grows with every change; a change names the one that it was decided on.
    Column("revision", BigInteger, nullable=False),
)

gateway_canary_observations = Table(
    "gateway_canary_observations",
    metadata,
    # A row for each process and arm, replaced whole by that process: written twice it counts once.
    Column("canary_id", _ID, primary_key=True),
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("process_id", _ID, primary_key=True),
    Column("arm", String(256), primary_key=True),
    # JSON: `observations.py`.
    Column("counts", Text, nullable=False),
    # JSON list of numbers, in the rows of process `scores`.
    Column("scores", Text, nullable=False),
)

gateway_canary_changes = Table(
    "gateway_canary_changes",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("canary_id", _ID, nullable=False),
    Column("action", String(16), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("step", Integer, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("share", Float, nullable=False),
    Column("findings", Text, nullable=False),
    Column("actor_id", _ID, nullable=False),
    Column("actor_name", String(200), nullable=False),
    Column("message", String(500), nullable=False),
    Index("ix_gateway_canary_changes_canary_id_id", "canary_id", "id"),
)
