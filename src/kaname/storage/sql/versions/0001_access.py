"""Access tables, secrets, and the triggers that make audit entries append-only."""

import sqlalchemy as sa
from alembic import op

from kaname.storage.sql.types import UtcTime

revision = "0001"
down_revision = None

_ID = sa.String(40)
_DIGEST = sa.String(64)
_NAME = sa.String(200)
_REFUSAL = "audit entries are append-only"


def upgrade() -> None:
    _create_places_and_people()
    _create_credentials()
    _create_audit()
    _create_secrets()


def _create_places_and_people() -> None:
    op.create_table(
        "organizations",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
    )
    op.create_table(
        "projects",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("organization_id", _ID, sa.ForeignKey("organizations.id"), nullable=False, index=True),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("deleted_at", UtcTime),
    )
    op.create_table(
        "users",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("email", sa.String(320), nullable=False, unique=True),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
    )
    op.create_table(
        "members",
        sa.Column("organization_id", _ID, sa.ForeignKey("organizations.id"), primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey("users.id"), primary_key=True, index=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("joined_at", UtcTime, nullable=False),
    )
    op.create_table(
        "project_roles",
        sa.Column("project_id", _ID, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey("users.id"), primary_key=True, index=True),
        sa.Column("role", sa.String(16), nullable=False),
    )
    op.create_table(
        "invites",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("organization_id", _ID, sa.ForeignKey("organizations.id"), nullable=False, index=True),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("token_digest", _DIGEST, nullable=False, unique=True),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("created_by", _ID, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.Column("closed_at", UtcTime),
    )


def _create_credentials() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("project_id", _ID, sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("public_part", sa.String(20), nullable=False, unique=True),
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("created_by", _ID, nullable=False),
        sa.Column("expires_at", UtcTime),
        sa.Column("last_used_at", UtcTime),
        sa.Column("revoked_at", UtcTime),
        sa.Column("version", sa.Integer, nullable=False, index=True),
    )
    key_changes = op.create_table(
        "key_changes",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
    op.bulk_insert(key_changes, [{"id": 1, "version": 0}])
    op.create_table(
        "personal_tokens",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey("users.id"), nullable=False, index=True),
        sa.Column("public_part", sa.String(20), nullable=False, unique=True),
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime),
        sa.Column("last_used_at", UtcTime),
    )
    op.create_table(
        "login_sessions",
        sa.Column("token_digest", _DIGEST, primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey("users.id"), nullable=False, index=True),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("last_seen_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False, index=True),
    )
    op.create_table(
        "login_attempts",
        sa.Column("subject", sa.String(80), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_failed_at", UtcTime, nullable=False, index=True),
        sa.Column("blocked_until", UtcTime, nullable=False),
    )
    op.create_table(
        "setup_tokens",
        sa.Column("token_digest", _DIGEST, primary_key=True),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
    )


def _create_audit() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("organization_id", _ID, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("actor_id", _ID, nullable=False),
        sa.Column("actor_name", _NAME, nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target", sa.String(320), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("previous_hash", _DIGEST, nullable=False),
        sa.Column("entry_hash", _DIGEST, nullable=False),
    )
    op.create_index(None, "audit_entries", ["organization_id", "action", "seq"])
    op.create_index(None, "audit_entries", ["organization_id", "actor_id", "seq"])
    op.create_table(
        "audit_heads",
        sa.Column("organization_id", _ID, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("entry_hash", _DIGEST, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for operation in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_entries_no_{operation.lower()} BEFORE {operation} ON audit_entries "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION kaname_refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION kaname_refuse_audit_change()"
    )


def _create_secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("owner", _ID, primary_key=True),
        sa.Column("name", _NAME, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False, index=True),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("updated_at", UtcTime, nullable=False),
    )
