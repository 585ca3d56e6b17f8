"""SQL tables of project prices. A deleted price keeps its row, because spans name the price that applied to them."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, String, Table, Text

from kaname.storage.sql.schema import metadata
from kaname.storage.sql.types import UtcTime

_ID = String(40)

prices = Table(
    "prices",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("project_id", _ID, ForeignKey("projects.id"), nullable=False, index=True),
    Column("provider", String(100), nullable=False),
    Column("match", String(16), nullable=False),
    Column("pattern", String(200), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("valid_from", UtcTime),
    # JSON: {"prices": {bucket: "dollars per million tokens"}, "tiers": [{"above_input_tokens": n, "prices": {…}}]}
    Column("rates", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", _ID, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("deleted_at", UtcTime),
)

price_changes = Table(
    "price_changes",
    metadata,
    # Counts every change: the worker polls this one number.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
