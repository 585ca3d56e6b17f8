"""Canaries of the gateway: their standing, what their arms did, and their history."""

import sqlalchemy as sa
from alembic import op

from kaname.storage.sql.types import UtcTime

revision = "0007"
down_revision = "0006"

_ID = sa.String(40)


def upgrade() -> None:
    op.create_table(
        "gateway_canaries",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("name", sa.String(512), nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("stable_generation", sa.BigInteger, nullable=False),
        sa.Column("since_ns", sa.BigInteger, nullable=False),
        sa.Column("looked_ns", sa.BigInteger, nullable=False),
        sa.Column("findings", sa.Text, nullable=False),
        sa.Column("rollbacks", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "gateway_canary_observations",
        sa.Column("canary_id", _ID, primary_key=True),
        sa.Column("generation", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("process_id", _ID, primary_key=True),
        sa.Column("arm", sa.String(256), primary_key=True),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("scores", sa.Text, nullable=False),
    )
    op.create_table(
        "gateway_canary_changes",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("canary_id", _ID, nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("share", sa.Float, nullable=False),
        sa.Column("findings", sa.Text, nullable=False),
        sa.Column("actor_id", _ID, nullable=False),
        sa.Column("actor_name", sa.String(200), nullable=False),
        sa.Column("message", sa.String(500), nullable=False),
    )
    op.create_index("ix_gateway_canary_changes_canary_id_id", "gateway_canary_changes", ["canary_id", "id"])
