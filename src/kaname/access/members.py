"""Members of an organization: invitations, roles, roles in single projects, leaving.

Invariants: an organization always has an owner; nobody gives, takes or invites to a role above their own; the link of
an invitation works once. Every change is audited in its transaction.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, tuple_, update

from kaname.access.accounts import AccountService, as_principal, create_user
from kaname.access.audit import AuditLog, Detail
from kaname.access.model import Invite, Member, OrganizationScope, Principal, User
from kaname.access.naming import check_email
from kaname.access.passwords import Passwords, check_password
from kaname.access.permissions import Role, outranks
from kaname.access.projects import lock_organization, require_project
from kaname.access.settings import AccessSettings
from kaname.access.tables import invites, members, project_roles, projects, users
from kaname.access.tokens import digest_of, issue_secret
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ConflictError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from kaname.kernel.ids import new_id
from kaname.kernel.paging import DEFAULT_LIMIT, Page, decode_cursor, encode_cursor, page_of
from kaname.storage.sql.database import Database

MAX_OPEN_INVITES = 1000


class CreatedInvite(NamedTuple):
    """A new invitation; `token` goes into the link `/invite?token=…` and can't be had again."""

    invite: Invite
    token: str


class MemberService:
    """What admins do with the people of their organization."""

    def __init__(
        self,
        database: Database,
        audit: AuditLog,
        accounts: AccountService,
        passwords: Passwords,
        settings: AccessSettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._audit = audit
        self._accounts = accounts
        self._passwords = passwords
        self._invite_lasts = timedelta(days=settings.invite_days)
        self._clock = clock

    def list_members(self, scope: OrganizationScope, *, cursor: str | None = None, limit: int = 100) -> Page[Member]:
        """The people of the organization by name, `limit` at a time."""
        query = (
            select(users, members.c.role, members.c.joined_at)
            .join(members, members.c.user_id == users.c.id)
            .where(members.c.organization_id == scope.organization_id)
            .order_by(users.c.name, users.c.id)
            .limit(limit + 1)
        )
        if cursor is not None:
            query = query.where(tuple_(users.c.name, users.c.id) > tuple_(*decode_cursor(cursor, (str, str))))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            shown = rows[:limit]
            overrides = _project_roles(connection, scope.organization_id, [row.id for row in shown])
        more = encode_cursor((shown[-1].name, shown[-1].id)) if len(rows) > limit else None
        return Page(items=[_to_member(row, overrides.get(row.id, {})) for row in shown], next_cursor=more)

    def invite(self, scope: OrganizationScope, email: str, role: Role) -> CreatedInvite:
        """Makes a one-time link for somebody; an earlier one for the same address ends."""
        email = check_email(email)
        _require_rank(scope, role)
        token, digest = issue_secret()
        now = self._clock.now()
        invite = Invite(
            id=new_id("inv"),
            organization_id=scope.organization_id,
            email=email,
            role=role,
            created_at=now,
            expires_at=now + self._invite_lasts,
        )
        with self._database.write() as connection:
            lock_organization(connection, scope.organization_id)
            if _is_member(connection, scope.organization_id, email):
                raise ConflictError(
                    f"{email!r} is a member already",
                    hint="Change the role instead.",
                    param="email",
                    code="member_exists",
                    params={"email": email},
                )
            self._close_invites(connection, scope.organization_id, email)
            self._require_few_invites(connection, scope.organization_id)
            connection.execute(
                insert(invites).values(
                    id=invite.id,
                    organization_id=scope.organization_id,
                    email=email,
                    role=role,
                    token_digest=digest,
                    created_at=now,
                    created_by=scope.principal.user_id or scope.principal.id,
                    expires_at=invite.expires_at,
                )
            )
            self._record(connection, scope, "user.invite", f"invite/{invite.id}", {"role": role})
        return CreatedInvite(invite, token)

    def list_invites(
        self, scope: OrganizationScope, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Invite]:
        """Open invitations, newest first, `limit` at a time."""
        c = invites.c
        query = select(invites).where(
            c.organization_id == scope.organization_id, c.closed_at.is_(None), c.expires_at > self._clock.now()
        )
        if cursor is not None:
            query = query.where(c.id < decode_cursor(cursor, (str,))[0])
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(c.id.desc()).limit(limit + 1)).all()
        return page_of(rows, limit, _to_invite, lambda row: (row.id,))

    def cancel_invite(self, scope: OrganizationScope, invite_id: str) -> None:
        """Makes a link worthless."""
        c = invites.c
        mine = and_(c.id == invite_id, c.organization_id == scope.organization_id, c.closed_at.is_(None))
        with self._database.write() as connection:
            closed = connection.execute(update(invites).where(mine).values(closed_at=self._clock.now()))
            if closed.rowcount == 0:
                raise NotFoundError(
                    f"no open invitation has id {invite_id[:64]!r}",
                    hint="It may be used or closed.",
                    code="invitation_not_found",
                    params={"id": invite_id[:64]},
                )
            self._record(connection, scope, "user.invite_cancel", f"invite/{invite_id}")

    def accept_invite(self, token: str, *, name: str, password: str, address: str) -> User:
        """Makes the invited person's account, or adds the organization to the one they have (password checked)."""
        invite, has_account = self._find_invite(token)
        account, password_hash = None, ""
        if has_account:
            account = self._accounts.check_login(invite.email, password, address)
        else:
            check_password(password, email=invite.email)
            password_hash = self._passwords.hash(password)
        with self._database.write() as connection:
            used = connection.execute(
                update(invites)
                .where(invites.c.id == invite.id, invites.c.closed_at.is_(None))
                .values(closed_at=self._clock.now())
            )
            if used.rowcount != 1:
                raise _wrong_invite()
            user = account or create_user(
                connection, email=invite.email, name=name, password_hash=password_hash, clock=self._clock
            )
            actor = as_principal(user.id, user.name)
            add_member(connection, self._audit, actor, invite.organization_id, user, invite.role, self._clock)
        return user

    def change_role(self, scope: OrganizationScope, user_id: str, role: Role) -> None:
        """Gives a member another role in the organization."""
        with self._database.write() as connection:
            lock_organization(connection, scope.organization_id)
            old = self._require_manageable(connection, scope, user_id)
            _require_rank(scope, role)
            if old == "owner" and role != "owner":
                _require_another_owner(connection, scope.organization_id, user_id)
            connection.execute(update(members).where(_is(scope.organization_id, user_id)).values(role=role))
            self._record(connection, scope, "user.role", f"user/{user_id}", {"from": old, "to": role})

    def remove(self, scope: OrganizationScope, user_id: str) -> None:
        """Takes a member out of the organization; their account stays."""
        with self._database.write() as connection:
            lock_organization(connection, scope.organization_id)
            old = self._require_manageable(connection, scope, user_id)
            if old == "owner":
                _require_another_owner(connection, scope.organization_id, user_id)
            of_organization = select(projects.c.id).where(projects.c.organization_id == scope.organization_id)
            connection.execute(
                delete(project_roles).where(
                    project_roles.c.user_id == user_id, project_roles.c.project_id.in_(of_organization)
                )
            )
            connection.execute(delete(members).where(_is(scope.organization_id, user_id)))
            self._record(connection, scope, "user.remove", f"user/{user_id}", {"role": old})

    def set_project_role(self, scope: OrganizationScope, project_id: str, user_id: str, role: Role | None) -> None:
        """Replaces a member's role in one project; None: the organization's role holds again."""
        with self._database.write() as connection:
            lock_organization(connection, scope.organization_id)
            require_project(connection, scope.organization_id, project_id)
            self._require_manageable(connection, scope, user_id)
            if role is not None:
                _require_rank(scope, role)
            if role == "owner":
                raise ConflictError(
                    "only an organization has owners",
                    hint="Use role 'admin'.",
                    param="role",
                    code="project_owner_refused",
                )
            key = and_(project_roles.c.project_id == project_id, project_roles.c.user_id == user_id)
            connection.execute(delete(project_roles).where(key))
            if role is not None:
                connection.execute(insert(project_roles).values(project_id=project_id, user_id=user_id, role=role))
            details: dict[str, Detail] = {"project_id": project_id, "role": role}
            self._record(connection, scope, "user.project_role", f"user/{user_id}", details)

    def _find_invite(self, token: str) -> tuple[Invite, bool]:
        with self._database.read() as connection:
            row = connection.execute(select(invites).where(invites.c.token_digest == digest_of(token))).one_or_none()
            if row is None or row.closed_at is not None or self._clock.now() >= row.expires_at:
                raise _wrong_invite()
            account = connection.execute(select(users.c.id).where(users.c.email == row.email)).first()
        return _to_invite(row), account is not None

    def _close_invites(self, connection: Connection, organization_id: str, email: str) -> None:
        c = invites.c
        open_ones = and_(c.organization_id == organization_id, c.email == email, c.closed_at.is_(None))
        connection.execute(update(invites).where(open_ones).values(closed_at=self._clock.now()))

    def _require_few_invites(self, connection: Connection, organization_id: str) -> None:
        c = invites.c
        count = select(func.count()).where(c.organization_id == organization_id, c.closed_at.is_(None))
        if connection.execute(count.where(c.expires_at > self._clock.now())).scalar_one() >= MAX_OPEN_INVITES:
            raise ConflictError(
                f"{MAX_OPEN_INVITES} invitations are open",
                hint="Cancel some.",
                code="too_many_invitations",
                params={"limit": MAX_OPEN_INVITES},
            )

    def _require_manageable(self, connection: Connection, scope: OrganizationScope, user_id: str) -> Role:
        role = connection.execute(
            select(members.c.role).where(_is(scope.organization_id, user_id))
        ).scalar_one_or_none()
        if role is None:
            raise NotFoundError(
                f"no member has id {user_id[:64]!r}",
                hint="They may have left.",
                code="member_not_found",
                params={"id": user_id[:64]},
            )
        _require_rank(scope, role)
        return role

    def _record(
        self,
        connection: Connection,
        scope: OrganizationScope,
        action: str,
        target: str,
        details: dict[str, Detail] | None = None,
    ) -> None:
        organization_id = scope.organization_id
        self._audit.record(connection, scope.principal, action, target, details, organization_id=organization_id)


def add_member(
    connection: Connection,
    audit: AuditLog,
    actor: Principal,
    organization_id: str,
    user: User,
    role: Role,
    clock: Clock,
) -> None:
    """Puts a user into an organization in the caller's transaction; raises ConflictError if they are in it."""
    if connection.execute(select(members.c.role).where(_is(organization_id, user.id))).first() is not None:
        raise ConflictError(
            f"{user.email!r} is a member already", hint="Log in.", code="member_exists", params={"email": user.email}
        )
    values = {"organization_id": organization_id, "user_id": user.id, "role": role, "joined_at": clock.now()}
    connection.execute(insert(members).values(values))
    audit.record(connection, actor, "user.join", f"user/{user.id}", {"role": role}, organization_id=organization_id)


def _is(organization_id: str, user_id: str) -> Any:
    return and_(members.c.organization_id == organization_id, members.c.user_id == user_id)


def _is_member(connection: Connection, organization_id: str, email: str) -> bool:
    query = (
        select(members.c.user_id)
        .join(users, users.c.id == members.c.user_id)
        .where(members.c.organization_id == organization_id, users.c.email == email)
    )
    return connection.execute(query).first() is not None


def _require_rank(scope: OrganizationScope, role: Role) -> None:
    membership = scope.principal.membership(scope.organization_id)
    if scope.principal.kind != "system" and (membership is None or outranks(role, membership.role)):
        raise PermissionDeniedError(
            f"role {role!r} is above yours", hint="Ask an owner.", code="role_above_yours", params={"role": role}
        )


def _require_another_owner(connection: Connection, organization_id: str, user_id: str) -> None:
    others = select(func.count()).where(
        members.c.organization_id == organization_id, members.c.role == "owner", members.c.user_id != user_id
    )
    if connection.execute(others).scalar_one() == 0:
        raise ConflictError(
            "this is the last owner of the organization", hint="Make somebody else an owner first.", code="last_owner"
        )


def _project_roles(connection: Connection, organization_id: str, user_ids: Sequence[str]) -> dict[str, dict[str, Role]]:
    query = (
        select(project_roles)
        .join(projects, projects.c.id == project_roles.c.project_id)
        .where(projects.c.organization_id == organization_id, project_roles.c.user_id.in_(user_ids))
    )
    found: dict[str, dict[str, Role]] = {}
    for row in connection.execute(query):
        found.setdefault(row.user_id, {})[row.project_id] = row.role
    return found


def _to_user(row: Row[Any]) -> User:
    return User(id=row.id, email=row.email, name=row.name, created_at=row.created_at)


def _to_member(row: Row[Any], overrides: dict[str, Role]) -> Member:
    return Member(user=_to_user(row), role=row.role, project_roles=overrides, joined_at=row.joined_at)


def _to_invite(row: Row[Any]) -> Invite:
    return Invite(
        id=row.id,
        organization_id=row.organization_id,
        email=row.email,
        role=row.role,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def _wrong_invite() -> UnauthenticatedError:
    return UnauthenticatedError(
        "the invitation isn't valid", hint="It may be used or expired: ask for another.", code="invitation_invalid"
    )
