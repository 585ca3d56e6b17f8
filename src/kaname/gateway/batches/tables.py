"""SQL tables of files and batches. A request has a row once it is over, and only until the files are made."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from kaname.storage.sql.schema import metadata
from kaname.storage.sql.types import UtcTime

_ID = String(40)

files = Table(
    "gateway_files",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("project_id", _ID, nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("filename", String(512), nullable=False),
    Column("size", BigInteger, nullable=False),
    # Digests of blobs, one a line.
    Column("parts", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_gateway_files_project_id_id", "project_id", "id"),
)

batches = Table(
    "gateway_batches",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("project_id", _ID, nullable=False),
    Column("organization_id", _ID, nullable=False),
    Column("key_id", _ID, nullable=False),
    Column("key_name", String(200), nullable=False),
    Column("endpoint", String(64), nullable=False),
    Column("completion_window", String(16), nullable=False),
    Column("input_file_id", _ID, nullable=False),
    Column("output_file_id", _ID),
    Column("error_file_id", _ID),
    Column("status", String(16), nullable=False, index=True),
    Column("total", Integer, nullable=False),
    Column("completed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("errors", JSON, nullable=False),
    Column("metadata", JSON),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("in_progress_at", UtcTime),
    Column("finalizing_at", UtcTime),
    Column("completed_at", UtcTime),
    Column("failed_at", UtcTime),
    Column("expired_at", UtcTime),
    Column("cancelling_at", UtcTime),
    Column("cancelled_at", UtcTime),
    # Which process runs it, and until when nobody else may.
    Column("lease_owner", _ID),
    Column("lease_until", UtcTime),
    Index("ix_gateway_batches_project_id_id", "project_id", "id"),
)

items = Table(
    "gateway_batch_items",
    metadata,
    Column("batch_id", _ID, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("project_id", _ID, nullable=False, index=True),
    Column("succeeded", Boolean, nullable=False),
    Column("line", LargeBinary, nullable=False),
)
