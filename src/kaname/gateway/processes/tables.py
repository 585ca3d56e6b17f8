"""SQL table of what each running process says of itself. Apart from limits, whose exchange may not wait for it."""

from sqlalchemy import BigInteger, Column, String, Table, Text

from kaname.storage.sql.schema import metadata
from kaname.storage.sql.types import UtcTime

gateway_process_states = Table(
    "gateway_process_states",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("seen_ns", BigInteger, nullable=False),
    # JSON of `state.ProcessState`.
    Column("state", Text, nullable=False),
)
