"""SQL tables of limits: what people set, and what processes add up together.

Tables that the exchange between processes writes have no foreign keys: a row of a project that has just been deleted
must not fail the flush of all others.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from kaname.storage.sql.schema import metadata
from kaname.storage.sql.types import UtcTime

_ID = String(40)
_SUBJECT = String(256)
_BUCKET = String(600)

gateway_key_policies = Table(
    "gateway_key_policies",
    metadata,
    Column("key_id", _ID, primary_key=True),
    Column("project_id", _ID, ForeignKey("projects.id"), nullable=False, index=True),
    # JSON: `stored.py`.
    Column("policy", Text, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("updated_by", _ID, nullable=False),
)

gateway_budgets = Table(
    "gateway_budgets",
    metadata,
    Column("id", _ID, primary_key=True),
    # Null: the organization's.
    Column("project_id", _ID, ForeignKey("projects.id"), index=True),
    Column("organization_id", _ID, ForeignKey("organizations.id"), nullable=False, index=True),
    Column("scope", String(16), nullable=False),
    Column("subject", _SUBJECT, nullable=False),
    Column("key_id", _ID, nullable=False),
    # JSON: amount, period, alerts, …: `stored.py`.
    Column("settings", Text, nullable=False),
    Column("window_from", UtcTime, nullable=False),
    Column("moved_from", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", _ID, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

gateway_limit_rules = Table(
    "gateway_limit_rules",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("project_id", _ID, ForeignKey("projects.id"), nullable=False, index=True),
    Column("rule", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", _ID, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

gateway_exchange = Table(
    "gateway_exchange",
    metadata,
    # One row, locked by whoever exchanges or changes a definition. `version` counts both; `definitions` the latter.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("definitions", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

gateway_spend = Table(
    "gateway_spend",
    metadata,
    Column("budget_id", _ID, primary_key=True),
    Column("subject", _SUBJECT, primary_key=True),
    Column("starts_at", UtcTime, primary_key=True),
    Column("ends_at", UtcTime, nullable=False),
    Column("project_id", _ID, index=True),
    Column("organization_id", _ID, nullable=False),
    Column("spent_nano_usd", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False, index=True),
)

gateway_rates = Table(
    "gateway_rates",
    metadata,
    Column("bucket", _BUCKET, primary_key=True),
    # Theoretical arrival time of the bucket, nanoseconds since 1970: `gcra.py`.
    Column("tat_ns", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False, index=True),
)

gateway_processes = Table(
    "gateway_processes",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("seen_ns", BigInteger, nullable=False),
    # Number of the last flush, so that one whose commit wasn't confirmed isn't added twice.
    Column("flush", BigInteger, nullable=False),
)

gateway_holds = Table(
    "gateway_holds",
    metadata,
    Column("process_id", _ID, primary_key=True),
    Column("bucket", _BUCKET, primary_key=True),
    Column("amount", BigInteger, nullable=False),
)

gateway_key_usage = Table(
    "gateway_key_usage",
    metadata,
    Column("key_id", _ID, primary_key=True),
    # UTC, `2026-11-24`.
    Column("day", String(10), primary_key=True),
    Column("project_id", _ID, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("shadowed", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("cost_nano_usd", BigInteger, nullable=False),
    Column("unpriced", BigInteger, nullable=False),
    Index("ix_gateway_key_usage_project_day", "project_id", "day"),
)

gateway_alerts = Table(
    "gateway_alerts",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("project_id", _ID, index=True),
    Column("organization_id", _ID, nullable=False, index=True),
    Column("budget_id", _ID, nullable=False),
    Column("subject", _SUBJECT, nullable=False),
    Column("starts_at", UtcTime, nullable=False),
    Column("threshold", Integer, nullable=False),
    Column("spent_nano_usd", BigInteger, nullable=False),
    Column("limit_nano_usd", BigInteger, nullable=False),
    Column("shadow", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("budget_id", "subject", "starts_at", "threshold"),
)
