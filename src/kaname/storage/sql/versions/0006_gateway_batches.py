"""Files of the gateway and batches that run them."""

import sqlalchemy as sa
from alembic import op

from kaname.storage.sql.types import UtcTime

revision = "0006"
down_revision = "0005"

_ID = sa.String(40)


def upgrade() -> None:
    op.create_table(
        "gateway_files",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("filename", sa.String(512), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("parts", sa.Text, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
    )
    op.create_index("ix_gateway_files_project_id_id", "gateway_files", ["project_id", "id"])
    op.create_table(
        "gateway_batches",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("key_id", _ID, nullable=False),
        sa.Column("key_name", sa.String(200), nullable=False),
        sa.Column("endpoint", sa.String(64), nullable=False),
        sa.Column("completion_window", sa.String(16), nullable=False),
        sa.Column("input_file_id", _ID, nullable=False),
        sa.Column("output_file_id", _ID),
        sa.Column("error_file_id", _ID),
        sa.Column("status", sa.String(16), nullable=False, index=True),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("completed", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("errors", sa.JSON, nullable=False),
        sa.Column("metadata", sa.JSON),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.Column("in_progress_at", UtcTime),
        sa.Column("finalizing_at", UtcTime),
        sa.Column("completed_at", UtcTime),
        sa.Column("failed_at", UtcTime),
        sa.Column("expired_at", UtcTime),
        sa.Column("cancelling_at", UtcTime),
        sa.Column("cancelled_at", UtcTime),
        sa.Column("lease_owner", _ID),
        sa.Column("lease_until", UtcTime),
    )
    op.create_index("ix_gateway_batches_project_id_id", "gateway_batches", ["project_id", "id"])
    op.create_table(
        "gateway_batch_items",
        sa.Column("batch_id", _ID, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("project_id", _ID, nullable=False, index=True),
        sa.Column("succeeded", sa.Boolean, nullable=False),
        sa.Column("line", sa.LargeBinary, nullable=False),
    )
