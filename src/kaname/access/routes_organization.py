"""Routes of an organization: its name, projects, members, invitations and audit log."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from kaname.access.http import organization_scope
from kaname.access.model import OrganizationScope
from kaname.access.permissions import parse_role
from kaname.access.service import AccessService
from kaname.access.wire import (
    AuditList,
    AuditVerdictView,
    AuditView,
    CreatedInviteView,
    Cursor,
    InviteList,
    InviteRequest,
    InviteView,
    Limit,
    NameRequest,
    OrganizationView,
    ProjectContents,
    ProjectList,
    ProjectView,
    RoleRequest,
    StoredRowsView,
    UserList,
    UserView,
)
from kaname.kernel.paging import DEFAULT_LIMIT

Scope = Annotated[OrganizationScope, Depends(organization_scope)]
_ORGANIZATION = "/api/v1/organizations/{organization_id}"
_PROJECT = _ORGANIZATION + "/projects/{project_id}"
_ROLE = _PROJECT + "/roles/{user_id}"


def build_projects_router(access: AccessService) -> APIRouter:
    """The organization's name and projects."""
    router = APIRouter(tags=["projects"])

    @router.patch(_ORGANIZATION, operation_id="rename_organization")
    def rename_organization(body: NameRequest, scope: Scope) -> OrganizationView:
        renamed = access.projects.rename_organization(scope, body.name)
        return OrganizationView(id=renamed.id, name=renamed.name, created_at=renamed.created_at)

    @router.get(_ORGANIZATION + "/projects", operation_id="list_projects")
    def list_projects(scope: Scope, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> ProjectList:
        page = access.projects.list_projects(scope, cursor=cursor, limit=limit)
        return ProjectList(items=[ProjectView.of(p) for p in page.items], next_cursor=page.next_cursor)

    @router.post(_ORGANIZATION + "/projects", operation_id="create_project", status_code=201)
    def create_project(body: NameRequest, scope: Scope) -> ProjectView:
        return ProjectView.of(access.projects.create(scope, body.name))

    @router.patch(_PROJECT, operation_id="rename_project")
    def rename_project(project_id: str, body: NameRequest, scope: Scope) -> ProjectView:
        return ProjectView.of(access.projects.rename(scope, project_id, body.name))

    @router.get(_PROJECT + "/contents", operation_id="count_project_rows")
    def count_project_rows(project_id: str, scope: Scope) -> ProjectContents:
        """What the deletion of the project takes: rows by table and store; tables without rows are left out."""
        project = access.projects.find(scope, project_id)
        found = access.eraser.count(project.id)
        return ProjectContents(
            name=project.name, items=[StoredRowsView(store=r.store, name=r.name, rows=r.rows) for r in found]
        )

    @router.delete(_PROJECT, operation_id="delete_project", status_code=204)
    def delete_project(project_id: str, scope: Scope) -> None:
        """Nothing of the project can be read from now on; its rows are then erased from every store."""
        access.projects.delete(scope, project_id)

    return router


def build_members_router(access: AccessService) -> APIRouter:
    """Members, invitations and roles."""
    router = APIRouter(tags=["users"])

    @router.get(_ORGANIZATION + "/users", operation_id="list_users")
    def list_users(scope: Scope, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> UserList:
        page = access.members.list_members(scope, cursor=cursor, limit=limit)
        return UserList(items=[UserView.of(m) for m in page.items], next_cursor=page.next_cursor)

    @router.post(_ORGANIZATION + "/users", operation_id="invite_user", status_code=201)
    def invite_user(body: InviteRequest, scope: Scope) -> CreatedInviteView:
        created = access.members.invite(scope, body.email, parse_role(body.role))
        view = InviteView.of(created.invite)
        return CreatedInviteView(**view.model_dump(), token=created.token, link=f"/invite?token={created.token}")

    @router.patch(_ORGANIZATION + "/users/{user_id}", operation_id="change_user_role", status_code=204)
    def change_user_role(user_id: str, body: RoleRequest, scope: Scope) -> None:
        access.members.change_role(scope, user_id, parse_role(body.role))

    @router.delete(_ORGANIZATION + "/users/{user_id}", operation_id="remove_user", status_code=204)
    def remove_user(user_id: str, scope: Scope) -> None:
        access.members.remove(scope, user_id)

    @router.put(_ROLE, operation_id="set_project_role", status_code=204)
    def set_project_role(project_id: str, user_id: str, body: RoleRequest, scope: Scope) -> None:
        access.members.set_project_role(scope, project_id, user_id, parse_role(body.role))

    @router.delete(_ROLE, operation_id="clear_project_role", status_code=204)
    def clear_project_role(project_id: str, user_id: str, scope: Scope) -> None:
        access.members.set_project_role(scope, project_id, user_id, None)

    @router.get(_ORGANIZATION + "/invites", operation_id="list_invites")
    def list_invites(scope: Scope, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> InviteList:
        page = access.members.list_invites(scope, cursor=cursor, limit=limit)
        return InviteList(items=[InviteView.of(i) for i in page.items], next_cursor=page.next_cursor)

    @router.delete(_ORGANIZATION + "/invites/{invite_id}", operation_id="cancel_invite", status_code=204)
    def cancel_invite(invite_id: str, scope: Scope) -> None:
        access.members.cancel_invite(scope, invite_id)

    return router


def build_audit_router(access: AccessService) -> APIRouter:
    """The audit log and its check."""
    router = APIRouter(tags=["audit"])

    @router.get(_ORGANIZATION + "/audit", operation_id="list_audit_entries")
    def list_audit_entries(
        scope: Scope,
        action: Annotated[
            str | None, Query(max_length=64, description="`key.create`, or `key.` for all of keys")
        ] = None,
        actor: Annotated[str | None, Query(max_length=64, description="id of who did it")] = None,
        cursor: Cursor = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> AuditList:
        page = access.list_audit(scope, action=action, actor_id=actor, cursor=cursor, limit=limit)
        return AuditList(items=[AuditView.of(entry) for entry in page.items], next_cursor=page.next_cursor)

    @router.get(_ORGANIZATION + "/audit/verify", operation_id="verify_audit_log")
    def verify_audit_log(scope: Scope) -> AuditVerdictView:
        verdict = access.verify_audit(scope)
        return AuditVerdictView(
            intact=verdict.intact, entries=verdict.entries, bad_seq=verdict.bad_seq, reason=verdict.reason
        )

    return router
