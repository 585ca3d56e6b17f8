"""Accounts: log in and out, change name and password, the profile that the UI shows. Roles are in `members.py`."""

from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from kaname.access.audit import AuditLog
from kaname.access.model import Organization, Principal, Project, User
from kaname.access.naming import MAX_EMAIL_LENGTH, check_email, check_name, fold_email
from kaname.access.passwords import Passwords, check_password
from kaname.access.permissions import Permission, Role
from kaname.access.sessions import SessionStore
from kaname.access.tables import organizations, projects, users
from kaname.access.throttle import LoginThrottle
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ConflictError, InvalidInputError, UnauthenticatedError
from kaname.kernel.ids import new_id
from kaname.storage.sql.database import Database


class ProjectOfUser(NamedTuple):
    """A project, and what the user may do in it."""

    project: Project
    role: Role | None
    permissions: frozenset[Permission]


class OrganizationOfUser(NamedTuple):
    """An organization, and what the user may do in it. API keys have no role."""

    organization: Organization
    role: Role | None
    permissions: frozenset[Permission]
    projects: list[ProjectOfUser]


class AccountService:
    """What a user does with their own account."""

    def __init__(
        self,
        database: Database,
        audit: AuditLog,
        sessions: SessionStore,
        passwords: Passwords,
        throttle: LoginThrottle,
        clock: Clock,
    ) -> None:
        self._database = database
        self._audit = audit
        self._sessions = sessions
        self._passwords = passwords
        self._throttle = throttle
        self._clock = clock

    def check_login(self, email: str, password: str, address: str) -> User:
        """The user, if the password is right.

        Raises UnauthenticatedError (the same for unknown accounts, in the same time) or RateLimitedError.
        """
        email = fold_email(email)[:MAX_EMAIL_LENGTH]
        with self._database.write() as connection:
            self._throttle.count_attempt(connection, email, address)
            row = connection.execute(select(users).where(users.c.email == email)).one_or_none()
        if not self._passwords.is_right(password, row.password_hash if row else None) or row is None:
            with self._database.write() as connection:
                # Written for unknown accounts too: a transaction less would tell that there is no account.
                self._throttle.note_failure(connection, email)
                if row is not None:
                    self._audit.record_for_user(connection, as_principal(row.id, row.name), row.id, "user.login_failed")
            raise UnauthenticatedError(
                "e-mail address or password is wrong",
                hint="Try again, or ask an admin for an invitation.",
                code="credentials_wrong",
            )
        with self._database.write() as connection:
            self._throttle.take_back(connection, email, address)
            self._audit.record_for_user(connection, as_principal(row.id, row.name), row.id, "user.login")
        return User(id=row.id, email=row.email, name=row.name, created_at=row.created_at)

    def open_session(self, user_id: str, *, replacing: str | None = None) -> str:
        """The token of a new session; the one that the browser had before ends."""
        with self._database.write() as connection:
            if replacing is not None:
                self._sessions.end(connection, replacing)
            return self._sessions.open(connection, user_id)

    def end_session(self, token: str) -> None:
        """Logs out."""
        with self._database.write() as connection:
            self._sessions.end(connection, token)

    def update(
        self,
        principal: Principal,
        *,
        name: str | None = None,
        new_password: str | None = None,
        current_password: str | None = None,
        session_token: str | None = None,
    ) -> str | None:
        """Changes name or password. A new password ends all sessions; returns a new token for the one that asked."""
        user = self.user_of(principal)
        if name is not None:
            name = check_name(name)
        new_hash = None
        if new_password is not None:
            check_password(new_password, email=user.email)
            self._require_password(user.id, current_password)
            new_hash = self._passwords.hash(new_password)
        with self._database.write() as connection:
            values = {"name": name, "password_hash": new_hash}
            changed = {k: v for k, v in values.items() if v is not None}
            if not changed:
                return None
            connection.execute(update(users).where(users.c.id == user.id).values(changed))
            what = ["password" if k == "password_hash" else k for k in changed]
            self._audit.record_for_user(connection, principal, user.id, "user.update", {"changed": what})
            if new_hash is None:
                return None
            self._sessions.end_all(connection, user.id)
            return self._sessions.open(connection, user.id) if session_token is not None else None

    def user_of(self, principal: Principal) -> User:
        """The user behind a session or personal token."""
        with self._database.read() as connection:
            row = connection.execute(select(users).where(users.c.id == principal.user_id)).one_or_none()
        if row is None:
            raise UnauthenticatedError(
                "the account doesn't exist any more", hint="Ask an admin for an invitation.", code="account_gone"
            )
        return User(id=row.id, email=row.email, name=row.name, created_at=row.created_at)

    def places_of(self, principal: Principal) -> list[OrganizationOfUser]:
        """Organizations and projects that the principal can see, by name."""
        c = projects.c
        with self._database.read() as connection:
            query = select(organizations).order_by(organizations.c.name, organizations.c.id)
            ids = [m.organization_id for m in principal.memberships] or [principal.organization_id]
            found = connection.execute(query.where(organizations.c.id.in_(ids))).all()
            query = select(projects).where(c.organization_id.in_(ids), c.deleted_at.is_(None)).order_by(c.name, c.id)
            if principal.project_id is not None:
                query = query.where(c.id == principal.project_id)
            rows = connection.execute(query).all()
        places: list[OrganizationOfUser] = []
        for row in found:
            membership = principal.membership(row.id)
            organization = Organization(id=row.id, name=row.name, created_at=row.created_at)
            inside: list[ProjectOfUser] = []
            for p in rows:
                allowed = principal.project_permissions(p.id, row.id)
                if p.organization_id == row.id and allowed is not None:
                    project = Project(id=p.id, organization_id=row.id, name=p.name, created_at=p.created_at)
                    role = membership.role_in(p.id) if membership else None
                    inside.append(ProjectOfUser(project, role, allowed))
            of_organization = principal.organization_permissions(row.id) or frozenset()
            role = membership.role if membership else None
            places.append(OrganizationOfUser(organization, role, of_organization, inside))
        return places

    def _require_password(self, user_id: str, password: str | None) -> None:
        with self._database.write() as connection:
            self._throttle.count_change(connection, user_id)
            stored = connection.execute(select(users.c.password_hash).where(users.c.id == user_id)).scalar_one()
        if password is None or not self._passwords.is_right(password, stored):
            raise InvalidInputError(
                "the current password is wrong",
                hint="Send it as current_password.",
                param="current_password",
                code="current_password_wrong",
            )
        with self._database.write() as connection:
            self._throttle.take_back_change(connection, user_id)


def create_user(connection: Connection, *, email: str, name: str, password_hash: str, clock: Clock) -> User:
    """Adds an account in the caller's transaction; raises ConflictError if the address has one."""
    email, name = check_email(email), check_name(name)
    if connection.execute(select(users.c.id).where(users.c.email == email)).first() is not None:
        raise ConflictError(
            f"{email!r} has an account already",
            hint="Log in with it.",
            param="email",
            code="email_taken",
            params={"email": email},
        )
    user = User(id=new_id("usr"), email=email, name=name, created_at=clock.now())
    connection.execute(
        insert(users).values(
            id=user.id, email=email, name=name, created_at=user.created_at, password_hash=password_hash
        )
    )
    return user


def as_principal(user_id: str, name: str) -> Principal:
    """The user as the actor of an audit entry; without memberships, so it may do nothing."""
    return Principal(kind="user", id=user_id, name=name, user_id=user_id)
