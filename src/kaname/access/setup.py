"""First-run set-up: whoever holds the one-time link that the server printed makes the first account, an owner.

The link's token is stored hashed, ends after a day and with its first use, and is worth nothing once an account exists.
A server that starts without any account makes a new one and cancels the old.
"""

import hmac
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select, update

from kaname.access.accounts import as_principal, create_user
from kaname.access.audit import AuditLog
from kaname.access.members import add_member
from kaname.access.model import Organization, Project, User
from kaname.access.naming import check_email
from kaname.access.passwords import Passwords, check_password
from kaname.access.projects import create_organization, create_project, record_creation
from kaname.access.tables import key_changes, setup_tokens, users
from kaname.access.tokens import digest_of, issue_secret
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ConflictError, UnauthenticatedError
from kaname.storage.sql.database import Database

VALID_FOR = timedelta(days=1)
DEFAULT_ORGANIZATION = "My organization"
DEFAULT_PROJECT = "My project"


class FirstPlace(NamedTuple):
    """What set-up made."""

    user: User
    organization: Organization
    project: Project


class SetupTokens:
    """The one-time link and what it does."""

    def __init__(self, database: Database, audit: AuditLog, passwords: Passwords, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._passwords = passwords
        self._clock = clock

    def is_required(self) -> bool:
        """Whether there is no account yet."""
        with self._database.read() as connection:
            return connection.execute(select(users.c.id).limit(1)).first() is None

    def issue(self) -> str | None:
        """A new token for the link `/setup?token=…`, None if accounts exist. Earlier ones end."""
        if not self.is_required():
            return None
        token, digest = issue_secret()
        now = self._clock.now()
        with self._database.write() as connection:
            connection.execute(delete(setup_tokens))
            connection.execute(
                insert(setup_tokens).values(token_digest=digest, created_at=now, expires_at=now + VALID_FOR)
            )
        return token

    def complete(
        self,
        token: str,
        *,
        email: str,
        name: str,
        password: str,
        organization_name: str | None = None,
        project_name: str | None = None,
    ) -> FirstPlace:
        """Makes the owner, the organization and the first project; all or nothing, once."""
        self._require_token(token)
        check_password(password, email=check_email(email))
        password_hash = self._passwords.hash(password)
        with self._database.write() as connection:
            # Any row that always exists serves as the lock between two who use the link at once.
            connection.execute(update(key_changes).values(version=key_changes.c.version))
            if connection.execute(select(func.count()).select_from(users)).scalar_one():
                raise ConflictError(
                    "Kaname is set up already", hint="Log in, or ask an admin for an invitation.", code="already_set_up"
                )
            used = connection.execute(delete(setup_tokens).where(setup_tokens.c.token_digest == digest_of(token)))
            if used.rowcount != 1:
                raise _wrong_token()
            organization = create_organization(connection, organization_name or DEFAULT_ORGANIZATION, self._clock)
            project = create_project(connection, organization.id, project_name or DEFAULT_PROJECT, self._clock)
            user = create_user(connection, email=email, name=name, password_hash=password_hash, clock=self._clock)
            actor = as_principal(user.id, user.name)
            record_creation(connection, self._audit, actor, organization, project)
            add_member(connection, self._audit, actor, organization.id, user, "owner", self._clock)
        return FirstPlace(user, organization, project)

    def _require_token(self, token: str) -> None:
        digest = digest_of(token)
        with self._database.read() as connection:
            rows = connection.execute(select(setup_tokens)).all()
            if not rows and connection.execute(select(users.c.id).limit(1)).first() is not None:
                raise ConflictError(
                    "Kaname is set up already", hint="Log in, or ask an admin for an invitation.", code="already_set_up"
                )
        now = self._clock.now()
        if not any(hmac.compare_digest(r.token_digest, digest) and now < r.expires_at for r in rows):
            raise _wrong_token()


def _wrong_token() -> UnauthenticatedError:
    return UnauthenticatedError(
        "the set-up link isn't valid",
        hint="Use the newest one that the server printed; a restart prints another.",
        code="setup_link_invalid",
    )
