"""Configurations of the gateway that came into force, and what is known of its secrets besides their values."""

import sqlalchemy as sa
from alembic import op

from kaname.storage.sql.types import UtcTime

revision = "0005"
down_revision = "0004"

_ID = sa.String(40)


def upgrade() -> None:
    op.create_table(
        "gateway_config_versions",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("version", sa.String(12), nullable=False, index=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("author_id", _ID, nullable=False),
        sa.Column("author_name", sa.String(200), nullable=False),
        sa.Column("message", sa.String(500), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
    )
    op.create_table(
        "gateway_secrets",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("set_by_id", _ID, nullable=False),
        sa.Column("set_by_name", sa.String(200), nullable=False),
        sa.Column("last_used_at", UtcTime),
    )
    changes = op.create_table(
        "gateway_config_changes",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("secrets", sa.Integer, nullable=False),
        sa.Column("versions", sa.Integer, nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
    op.bulk_insert(changes, [{"id": 1, "secrets": 0, "versions": 0}])
