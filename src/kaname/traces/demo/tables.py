"""SQL table of demo data: one row a project that has loaded it.

The row fixes the times of the project's copy, so that loading again gives the same spans, which ingest recognises.
"""

from sqlalchemy import Column, ForeignKey, String, Table

from kaname.storage.sql.schema import metadata
from kaname.storage.sql.types import UtcTime

demo_loads = Table(
    "demo_loads",
    metadata,
    Column("project_id", String(40), ForeignKey("projects.id"), primary_key=True),
    # When the last span of the copy ends.
    Column("ends_at", UtcTime, nullable=False),
)
