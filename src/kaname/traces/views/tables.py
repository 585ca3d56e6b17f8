"""SQL table of saved views. A view has no history: deleting one removes its row."""

from sqlalchemy import Boolean, Column, ForeignKey, String, Table, Text

from kaname.storage.sql.schema import metadata
from kaname.storage.sql.types import UtcTime

_ID = String(40)

saved_views = Table(
    "saved_views",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("project_id", _ID, ForeignKey("projects.id"), nullable=False, index=True),
    # A user, or the API key that made it; no foreign key because it may be either.
    Column("owner_id", _ID, nullable=False),
    Column("is_shared", Boolean, nullable=False),
    Column("name", String(100), nullable=False),
    # JSON of `model.ViewQuery`.
    Column("query", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)
