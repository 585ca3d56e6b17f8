"""Saved views of the traces list, and when a project's demo data ends."""

import sqlalchemy as sa
from alembic import op

from kaname.storage.sql.types import UtcTime

revision = "0003"
down_revision = "0002"

_ID = sa.String(40)


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("project_id", _ID, sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("owner_id", _ID, nullable=False),
        sa.Column("is_shared", sa.Boolean, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("updated_at", UtcTime, nullable=False),
    )
    op.create_table(
        "demo_loads",
        sa.Column("project_id", _ID, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("ends_at", UtcTime, nullable=False),
    )
