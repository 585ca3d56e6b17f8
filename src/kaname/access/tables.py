"""SQL tables of access. Ids are text (`usr_…`), secrets are only ever stored as SHA-256 or argon2id."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from kaname.storage.sql.schema import metadata
from kaname.storage.sql.types import UtcTime

_ID = String(40)
_DIGEST = String(64)
_NAME = String(200)
_ROLE = String(16)

organizations = Table(
    "organizations",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", _NAME, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, ForeignKey("organizations.id"), nullable=False, index=True),
    Column("name", _NAME, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("deleted_at", UtcTime),
)

users = Table(
    "users",
    metadata,
    Column("id", _ID, primary_key=True),
    # Case-folded; the one the user typed is not kept.
    Column("email", String(320), nullable=False, unique=True),
    Column("name", _NAME, nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

members = Table(
    "members",
    metadata,
    Column("organization_id", _ID, ForeignKey("organizations.id"), primary_key=True),
    Column("user_id", _ID, ForeignKey("users.id"), primary_key=True, index=True),
    Column("role", _ROLE, nullable=False),
    Column("joined_at", UtcTime, nullable=False),
)

project_roles = Table(
    "project_roles",
    metadata,
    Column("project_id", _ID, ForeignKey("projects.id"), primary_key=True),
    Column("user_id", _ID, ForeignKey("users.id"), primary_key=True, index=True),
    Column("role", _ROLE, nullable=False),
)

invites = Table(
    "invites",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, ForeignKey("organizations.id"), nullable=False, index=True),
    Column("email", String(320), nullable=False),
    Column("role", _ROLE, nullable=False),
    Column("token_digest", _DIGEST, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", _ID, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("project_id", _ID, ForeignKey("projects.id"), nullable=False, index=True),
    Column("public_part", String(20), nullable=False, unique=True),
    Column("digest", _DIGEST, nullable=False),
    Column("name", _NAME, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", _ID, nullable=False),
    Column("expires_at", UtcTime),
    Column("last_used_at", UtcTime),
    Column("revoked_at", UtcTime),
    # The value of `key_changes.version` when the row last changed: key rings read only what is newer.
    Column("version", Integer, nullable=False, index=True),
)

key_changes = Table(
    "key_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

personal_tokens = Table(
    "personal_tokens",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("user_id", _ID, ForeignKey("users.id"), nullable=False, index=True),
    Column("public_part", String(20), nullable=False, unique=True),
    Column("digest", _DIGEST, nullable=False),
    Column("name", _NAME, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("last_used_at", UtcTime),
)

login_sessions = Table(
    "login_sessions",
    metadata,
    Column("token_digest", _DIGEST, primary_key=True),
    Column("user_id", _ID, ForeignKey("users.id"), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
)

login_attempts = Table(
    "login_attempts",
    metadata,
    # `account:<sha256 of the e-mail>` or `address:<network>`: accounts that don't exist are counted alike.
    Column("subject", String(80), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_failed_at", UtcTime, nullable=False, index=True),
    Column("blocked_until", UtcTime, nullable=False),
)

setup_tokens = Table(
    "setup_tokens",
    metadata,
    Column("token_digest", _DIGEST, primary_key=True),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    # No foreign keys: an entry outlives whatever it speaks of. Triggers refuse UPDATE and DELETE (migration 0001).
    Column("organization_id", _ID, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor_id", _ID, nullable=False),
    Column("actor_name", _NAME, nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", String(320), nullable=False),
    Column("details", Text, nullable=False),
    Column("previous_hash", _DIGEST, nullable=False),
    Column("entry_hash", _DIGEST, nullable=False),
    Index(None, "organization_id", "action", "seq"),
    Index(None, "organization_id", "actor_id", "seq"),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    # The newest entry of each chain: locks the chain while it grows, and shows when its end was cut off.
    Column("organization_id", _ID, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("entry_hash", _DIGEST, nullable=False),
)
