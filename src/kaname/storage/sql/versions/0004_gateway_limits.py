"""Limits of the gateway: policies, budgets and rules, and what processes add up together."""

import sqlalchemy as sa
from alembic import op

from kaname.storage.sql.types import UtcTime

revision = "0004"
down_revision = "0003"

_ID = sa.String(40)
_SUBJECT = sa.String(256)
_BUCKET = sa.String(600)


def upgrade() -> None:
    _create_definitions()
    _create_counters()
    _create_history()


def _create_definitions() -> None:
    op.create_table(
        "gateway_key_policies",
        sa.Column("key_id", _ID, primary_key=True),
        sa.Column("project_id", _ID, sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("updated_at", UtcTime, nullable=False),
        sa.Column("updated_by", _ID, nullable=False),
    )
    op.create_table(
        "gateway_budgets",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("project_id", _ID, sa.ForeignKey("projects.id"), index=True),
        sa.Column("organization_id", _ID, sa.ForeignKey("organizations.id"), nullable=False, index=True),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("subject", _SUBJECT, nullable=False),
        sa.Column("key_id", _ID, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("window_from", UtcTime, nullable=False),
        sa.Column("moved_from", UtcTime),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("created_by", _ID, nullable=False),
        sa.Column("updated_at", UtcTime, nullable=False),
    )
    op.create_table(
        "gateway_limit_rules",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("project_id", _ID, sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("created_by", _ID, nullable=False),
        sa.Column("updated_at", UtcTime, nullable=False),
    )


def _create_counters() -> None:
    exchange = op.create_table(
        "gateway_exchange",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("definitions", sa.BigInteger, nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
    op.create_table(
        "gateway_spend",
        sa.Column("budget_id", _ID, primary_key=True),
        sa.Column("subject", _SUBJECT, primary_key=True),
        sa.Column("starts_at", UtcTime, primary_key=True),
        sa.Column("ends_at", UtcTime, nullable=False),
        sa.Column("project_id", _ID, index=True),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("spent_nano_usd", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "gateway_rates",
        sa.Column("bucket", _BUCKET, primary_key=True),
        sa.Column("tat_ns", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "gateway_processes",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("seen_ns", sa.BigInteger, nullable=False),
        sa.Column("flush", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "gateway_holds",
        sa.Column("process_id", _ID, primary_key=True),
        sa.Column("bucket", _BUCKET, primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(exchange, [{"id": 1, "version": 0, "definitions": 0}])


def _create_history() -> None:
    op.create_table(
        "gateway_key_usage",
        sa.Column("key_id", _ID, primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
        sa.Column("shadowed", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_nano_usd", sa.BigInteger, nullable=False),
        sa.Column("unpriced", sa.BigInteger, nullable=False),
        sa.Index("ix_gateway_key_usage_project_day", "project_id", "day"),
    )
    op.create_table(
        "gateway_alerts",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("project_id", _ID, index=True),
        sa.Column("organization_id", _ID, nullable=False, index=True),
        sa.Column("budget_id", _ID, nullable=False),
        sa.Column("subject", _SUBJECT, nullable=False),
        sa.Column("starts_at", UtcTime, nullable=False),
        sa.Column("threshold", sa.Integer, nullable=False),
        sa.Column("spent_nano_usd", sa.BigInteger, nullable=False),
        sa.Column("limit_nano_usd", sa.BigInteger, nullable=False),
        sa.Column("shadow", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.UniqueConstraint("budget_id", "subject", "starts_at", "threshold"),
    )
