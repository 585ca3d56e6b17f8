"""What access knows: principals, organizations, projects, users, keys. Immutable; secrets are never in here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from kaname.access.permissions import PERMISSIONS, PROJECT_PERMISSIONS, ROLE_PERMISSIONS, Permission, Role
from kaname.kernel.errors import NotFoundError, PermissionDeniedError

PrincipalKind = Literal["user", "api_key", "personal_token", "system"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A user's role in an organization, and the projects where another role replaces it."""

    organization_id: str
    role: Role
    project_roles: Mapping[str, Role] = field(default_factory=dict[str, Role])

    def role_in(self, project_id: str) -> Role:
        """The role that holds in one project of this organization. An owner can't be shut out of one."""
        return "owner" if self.role == "owner" else self.project_roles.get(project_id, self.role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is calling.

    An API key has `organization_id`, `project_id` and `permissions` (its scopes, within that project). A user or
    personal token has `user_id` and `memberships`; `permissions` is empty until a project or organization is known.
    """

    kind: PrincipalKind
    id: str
    name: str
    organization_id: str | None = None
    project_id: str | None = None
    permissions: frozenset[Permission] = frozenset()
    user_id: str | None = None
    memberships: tuple[Membership, ...] = ()
    expires_at: datetime | None = None
    """When the key or token that was sent ends; None for never, and for people."""

    def cap_expiry(self, wanted: datetime | None) -> datetime | None:
        """The end of a credential that the caller makes: none outlives the one it was made with."""
        if self.expires_at is None or (wanted is not None and wanted < self.expires_at):
            return wanted
        return self.expires_at

    def membership(self, organization_id: str) -> Membership | None:
        """The caller's place in an organization, None for none."""
        return next((m for m in self.memberships if m.organization_id == organization_id), None)

    def organization_permissions(self, organization_id: str) -> frozenset[Permission] | None:
        """What the caller may do in an organization as a whole; None if it must look as if it didn't exist."""
        if self.kind == "system":
            return frozenset(PERMISSIONS)
        membership = self.membership(organization_id)
        return None if membership is None else ROLE_PERMISSIONS[membership.role]

    def project_permissions(self, project_id: str, organization_id: str) -> frozenset[Permission] | None:
        """What the caller may do in a project; None if it must look as if it didn't exist."""
        if self.kind == "system":
            return frozenset(PERMISSIONS)
        if self.kind == "api_key":
            return self.permissions if self.project_id == project_id else None
        membership = self.membership(organization_id)
        if membership is None:
            return None
        of_project = ROLE_PERMISSIONS[membership.role_in(project_id)] & PROJECT_PERMISSIONS
        return of_project | (ROLE_PERMISSIONS[membership.role] - PROJECT_PERMISSIONS)

    def permissions_anywhere(self) -> frozenset[Permission]:
        """What the caller may do in at least one place, for routes that belong to no project."""
        if self.kind == "system":
            return frozenset(PERMISSIONS)
        found = set(self.permissions)
        for membership in self.memberships:
            found |= ROLE_PERMISSIONS[membership.role]
            for role in membership.project_roles.values():
                found |= ROLE_PERMISSIONS[role] & PROJECT_PERMISSIONS
        return frozenset(found)


SYSTEM = Principal(kind="system", id="system", name="Kaname")
"""The server itself, for what it does on its own: first-run setup, migrations, clean-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectScope:
    """One project, and what the caller may do in it. Every query of a slice takes its `project_id` from here."""

    project_id: str
    organization_id: str
    principal: Principal
    permissions: frozenset[Permission]

    def require(self, permission: Permission) -> None:
        """Raises PermissionDeniedError unless the caller has the permission here."""
        require_permission(self.permissions, permission, self.principal)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationScope:
    """One organization, and what the caller may do in it."""

    organization_id: str
    principal: Principal
    permissions: frozenset[Permission]

    def require(self, permission: Permission) -> None:
        """Raises PermissionDeniedError unless the caller has the permission here."""
        require_permission(self.permissions, permission, self.principal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    id: str
    organization_id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: str
    email: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A user as one organization sees it."""

    user: User
    role: Role
    project_roles: Mapping[str, Role]
    joined_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """An open invitation; its one-time token is shown once and not kept."""

    id: str
    organization_id: str
    email: str
    role: Role
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A project's key as people see it: no secret. `public_id` is the full `kn-pk-…`."""

    id: str
    project_id: str
    public_id: str
    name: str
    scopes: tuple[Permission, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalToken:
    """A user's own token for the management API and the command line: it acts as the user."""

    id: str
    user_id: str
    public_id: str
    name: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


def require_permission(permissions: frozenset[Permission], permission: Permission, principal: Principal) -> None:
    """Raises PermissionDeniedError naming what is missing."""
    if permission not in permissions:
        way_out = "Create a key with this scope." if principal.kind == "api_key" else "Ask an admin for a role with it."
        raise PermissionDeniedError(
            f"{principal.kind.replace('_', ' ')} {principal.name!r} lacks permission {permission!r}",
            hint=way_out,
            code="permission_missing",
            params={"permission": permission, "name": principal.name},
        )


def no_such_project(project_id: str) -> NotFoundError:
    """The one answer for projects that don't exist and projects of others: they can't be told apart."""
    return NotFoundError(
        f"no project has id {project_id[:64]!r}",
        hint="`GET /api/v1/me` lists yours.",
        code="project_not_found",
        params={"id": project_id[:64]},
    )
