"""Turns credentials into principals and ids into scopes, for the management API. The hot paths use `KeyRing` alone."""

from datetime import timedelta

from sqlalchemy import select, update

from kaname.access.directory import memberships_of, organization_of
from kaname.access.keyring import KeyRing
from kaname.access.model import OrganizationScope, Principal, ProjectScope, no_such_project
from kaname.access.sessions import SessionStore
from kaname.access.tables import personal_tokens
from kaname.access.tokens import PERSONAL_PREFIX, matches_digest, public_part_of
from kaname.kernel.clock import Clock
from kaname.kernel.errors import NotFoundError, UnauthenticatedError
from kaname.storage.sql.database import Database

NOTE_USE_EVERY = timedelta(minutes=1)
_NO_DIGEST = "0" * 64


class Authenticator:
    """Who is calling, and what may they do there?"""

    def __init__(self, database: Database, keyring: KeyRing, sessions: SessionStore, clock: Clock) -> None:
        self.keyring = keyring
        self._database = database
        self._sessions = sessions
        self._clock = clock

    def by_session(self, token: str) -> Principal:
        """The user of a session cookie; raises UnauthenticatedError."""
        with self._database.read() as connection:
            session = self._sessions.find(connection, token)
            if session is None:
                raise UnauthenticatedError("the session has ended", hint="Log in again.", code="session_ended")
            memberships = memberships_of(connection, session.user_id)
        if session.is_touch_due:
            with self._database.write() as connection:
                self._sessions.touch(connection, token)
        user_id = session.user_id
        return Principal(kind="user", id=user_id, name=session.user_name, user_id=user_id, memberships=memberships)

    def by_personal_token(self, text: str) -> Principal:
        """The user of a personal token; raises UnauthenticatedError."""
        c = personal_tokens.c
        public_part = public_part_of(text, PERSONAL_PREFIX)
        now = self._clock.now()
        with self._database.read() as connection:
            row = connection.execute(
                select(c.id, c.user_id, c.name, c.digest, c.expires_at, c.last_used_at).where(
                    c.public_part == (public_part or "")
                )
            ).one_or_none()
            right = matches_digest(text, row.digest if row else _NO_DIGEST)
            if row is None or not right or (row.expires_at is not None and now >= row.expires_at):
                raise UnauthenticatedError(
                    "the personal token isn't valid", hint="It may be removed or expired: `kaname login` makes another."
                )
            memberships = memberships_of(connection, row.user_id)
        if row.last_used_at is None or now - row.last_used_at >= NOTE_USE_EVERY:
            with self._database.write() as connection:
                connection.execute(update(personal_tokens).where(c.id == row.id).values(last_used_at=now))
        return Principal(
            kind="personal_token",
            id=row.id,
            name=row.name,
            user_id=row.user_id,
            memberships=memberships,
            expires_at=row.expires_at,
        )

    def project_scope(self, principal: Principal, project_id: str) -> ProjectScope:
        """What the principal may do in a project; raises NotFoundError for projects of others as for none."""
        organization_id = principal.organization_id
        if principal.kind != "api_key":
            with self._database.read() as connection:
                organization_id = organization_of(connection, project_id)
        permissions = principal.project_permissions(project_id, organization_id) if organization_id else None
        if organization_id is None or permissions is None:
            raise no_such_project(project_id)
        return ProjectScope(
            project_id=project_id, organization_id=organization_id, principal=principal, permissions=permissions
        )

    def organization_scope(self, principal: Principal, organization_id: str) -> OrganizationScope:
        """What the principal may do in an organization; raises NotFoundError for those of others as for none."""
        permissions = principal.organization_permissions(organization_id)
        if permissions is None:
            raise NotFoundError(
                f"no organization has id {organization_id[:64]!r}",
                hint="`GET /api/v1/me` lists yours.",
                code="organization_not_found",
                params={"id": organization_id[:64]},
            )
        return OrganizationScope(organization_id=organization_id, principal=principal, permissions=permissions)
