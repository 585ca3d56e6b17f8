"""Project prices."""

import sqlalchemy as sa
from alembic import op

from kaname.storage.sql.types import UtcTime

revision = "0002"
down_revision = "0001"

_ID = sa.String(40)


def upgrade() -> None:
    op.create_table(
        "prices",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("project_id", _ID, sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("provider", sa.String(100), nullable=False),
        sa.Column("match", sa.String(16), nullable=False),
        sa.Column("pattern", sa.String(200), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("valid_from", UtcTime),
        sa.Column("rates", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("created_by", _ID, nullable=False),
        sa.Column("updated_at", UtcTime, nullable=False),
        sa.Column("deleted_at", UtcTime),
    )
    changes = op.create_table(
        "price_changes",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
    op.bulk_insert(changes, [{"id": 1, "version": 0}])
