"""JSON shapes of access: what its routes read and answer. Times are ISO 8601 in UTC; a secret appears just once."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from kaname.access.accounts import OrganizationOfUser, ProjectOfUser
from kaname.access.audit import AuditEntry, Detail
from kaname.access.model import ApiKey, Invite, Member, PersonalToken, PrincipalKind, Project
from kaname.access.permissions import Permission, Role
from kaname.kernel.paging import MAX_CURSOR_LENGTH, MAX_LIMIT

Text = Annotated[str, Field(max_length=512)]
Cursor = Annotated[str | None, Query(max_length=MAX_CURSOR_LENGTH, description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="rows of a page")]


class _Request(BaseModel):
    """An unknown field is a mistake that must not pass silently."""

    model_config = ConfigDict(extra="forbid")


class AuthState(BaseModel):
    setup_required: bool
    version: str


class SetupRequest(_Request):
    token: Text
    email: Text
    name: Text
    password: Text
    organization_name: Text | None = None
    project_name: Text | None = None


class LoginRequest(_Request):
    email: Text
    password: Text


class TokenRequest(_Request):
    """For command lines: e-mail address and password against a personal token."""

    email: Text
    password: Text
    name: Text = "command line"


class AcceptInviteRequest(_Request):
    token: Text
    name: Text
    password: Text


class MePrincipal(BaseModel):
    kind: PrincipalKind
    id: str
    name: str


class MeUser(BaseModel):
    id: str
    email: str
    name: str


class MeProject(BaseModel):
    id: str
    name: str
    role: Role | None
    permissions: list[Permission]

    @classmethod
    def of(cls, place: ProjectOfUser) -> "MeProject":
        return cls(id=place.project.id, name=place.project.name, role=place.role, permissions=sorted(place.permissions))


class MeOrganization(BaseModel):
    id: str
    name: str
    role: Role | None
    permissions: list[Permission]
    projects: list[MeProject]

    @classmethod
    def of(cls, place: OrganizationOfUser) -> "MeOrganization":
        return cls(
            id=place.organization.id,
            name=place.organization.name,
            role=place.role,
            permissions=sorted(place.permissions),
            projects=[MeProject.of(p) for p in place.projects],
        )


class Me(BaseModel):
    """Who is calling and where they belong. `csrf_token` goes into header `x-csrf-token` of every change by cookie."""

    principal: MePrincipal
    user: MeUser | None
    csrf_token: str | None
    organizations: list[MeOrganization]


class UpdateMe(_Request):
    name: Text | None = None
    password: Text | None = None
    current_password: Text | None = None


class NameRequest(_Request):
    name: Text


class OrganizationView(BaseModel):
    id: str
    name: str
    created_at: datetime


class ProjectView(BaseModel):
    id: str
    name: str
    created_at: datetime

    @classmethod
    def of(cls, project: Project) -> "ProjectView":
        return cls(id=project.id, name=project.name, created_at=project.created_at)


class ProjectList(BaseModel):
    items: list[ProjectView]
    next_cursor: str | None = None


class StoredRowsView(BaseModel):
    """Rows that one table (`name`) of one store (`sql`, `columns`, `files`) holds."""

    store: str
    name: str
    rows: int


class ProjectContents(BaseModel):
    """What a project holds and its deletion takes."""

    name: str
    items: list[StoredRowsView]


class CreateTokenRequest(_Request):
    name: Text
    expires_at: AwareDatetime | None = None


class TokenView(BaseModel):
    id: str
    public_id: str
    name: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, token: PersonalToken) -> "TokenView":
        return cls(
            id=token.id,
            public_id=token.public_id,
            name=token.name,
            created_at=token.created_at,
            expires_at=token.expires_at,
            last_used_at=token.last_used_at,
        )


class TokenList(BaseModel):
    items: list[TokenView]
    next_cursor: str | None = None


class CreatedTokenView(TokenView):
    """`token` is shown this once."""

    token: str


class CreateKeyRequest(_Request):
    """Without `scopes` the key can do what applications need: send and read telemetry, score, call models."""

    name: Text
    scopes: Annotated[list[Text], Field(max_length=64)] | None = None
    expires_at: AwareDatetime | None = None


class KeyView(BaseModel):
    id: str
    public_key: str
    name: str
    scopes: list[str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> "KeyView":
        return cls(
            id=key.id,
            public_key=key.public_id,
            name=key.name,
            scopes=list(key.scopes),
            created_at=key.created_at,
            created_by=key.created_by,
            expires_at=key.expires_at,
            last_used_at=key.last_used_at,
        )


class KeyList(BaseModel):
    items: list[KeyView]
    next_cursor: str | None = None


class CreatedKeyView(KeyView):
    """`secret_key` is shown this once."""

    secret_key: str


class RoleRequest(_Request):
    role: Text


class InviteRequest(_Request):
    email: Text
    role: Text = "member"


class UserView(BaseModel):
    """A member. `project_roles` replaces the role in single projects (by project id)."""

    id: str
    email: str
    name: str
    role: Role
    project_roles: dict[str, Role]
    joined_at: datetime

    @classmethod
    def of(cls, member: Member) -> "UserView":
        return cls(
            id=member.user.id,
            email=member.user.email,
            name=member.user.name,
            role=member.role,
            project_roles=dict(member.project_roles),
            joined_at=member.joined_at,
        )


class UserList(BaseModel):
    items: list[UserView]
    next_cursor: str | None = None


class InviteView(BaseModel):
    id: str
    email: str
    role: Role
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, invite: Invite) -> "InviteView":
        return cls(
            id=invite.id,
            email=invite.email,
            role=invite.role,
            created_at=invite.created_at,
            expires_at=invite.expires_at,
        )


class InviteList(BaseModel):
    items: list[InviteView]
    next_cursor: str | None = None


class CreatedInviteView(InviteView):
    """`link` (a path on this server) is shown this once; give it to the person."""

    token: str
    link: str


class AuditView(BaseModel):
    seq: int
    time: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    target: str
    details: dict[str, Detail]
    entry_hash: str

    @classmethod
    def of(cls, entry: AuditEntry) -> "AuditView":
        return cls(
            seq=entry.seq,
            time=entry.at,
            actor_kind=entry.actor_kind,
            actor_id=entry.actor_id,
            actor_name=entry.actor_name,
            action=entry.action,
            target=entry.target,
            details=dict(entry.details),
            entry_hash=entry.entry_hash,
        )


class AuditList(BaseModel):
    items: list[AuditView]
    next_cursor: str | None


class AuditVerdictView(BaseModel):
    """`bad_seq` is the first entry that is wrong or missing."""

    intact: bool
    entries: int
    bad_seq: int | None
    reason: str
