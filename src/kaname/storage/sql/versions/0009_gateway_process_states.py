"""What each process of the gateway says of itself."""

import sqlalchemy as sa
from alembic import op

from kaname.storage.sql.types import UtcTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "gateway_process_states",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("started_at", UtcTime, nullable=False),
        sa.Column("seen_ns", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
