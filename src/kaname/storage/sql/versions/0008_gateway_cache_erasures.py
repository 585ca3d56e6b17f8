"""Whose kept answers all processes of the gateway must forget."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "gateway_cache_erasures",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("project_id", sa.String(40), nullable=False),
        sa.Column("user_id", sa.String(256), nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_gateway_cache_erasures_project_id", "gateway_cache_erasures", ["project_id"])
    op.create_index("ix_gateway_cache_erasures_at_ns", "gateway_cache_erasures", ["at_ns"])
