"""SQL table by which all processes learn whose kept answers must go."""

from sqlalchemy import BigInteger, Column, Index, String, Table

from kaname.storage.sql.schema import metadata

gateway_cache_erasures = Table(
    "gateway_cache_erasures",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("project_id", String(40), nullable=False, index=True),
    # Of an end user, as callers name them. The row goes within `erasure.KEPT_S`.
    Column("user_id", String(256), nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Index("ix_gateway_cache_erasures_at_ns", "at_ns"),
)
