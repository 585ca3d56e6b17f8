"""Organizations and projects: rename, create, delete.

Deleting a project ends its keys at once and makes its data unreachable; `erasure.py` then removes it from every store.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, tuple_, update

from kaname.access.audit import AuditLog
from kaname.access.keys import revoke_project_keys
from kaname.access.model import Organization, OrganizationScope, Principal, Project, no_such_project
from kaname.access.naming import check_name
from kaname.access.tables import organizations, project_roles, projects
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ConflictError
from kaname.kernel.ids import new_id
from kaname.kernel.paging import DEFAULT_LIMIT, Page, decode_cursor, page_of
from kaname.storage.sql.database import Database

MAX_PROJECTS = 1000


class ProjectService:
    """The projects of an organization, and its own name."""

    def __init__(
        self,
        database: Database,
        audit: AuditLog,
        clock: Clock,
        *,
        keys_changed: Callable[[], None],
        deleted: Callable[[], None],
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._keys_changed = keys_changed
        self._deleted = deleted

    def rename_organization(self, scope: OrganizationScope, name: str) -> Organization:
        """Gives the organization another name."""
        name = check_name(name)
        c = organizations.c
        with self._database.write() as connection:
            connection.execute(update(organizations).where(c.id == scope.organization_id).values(name=name))
            self._record(connection, scope, "organization.rename", f"organization/{scope.organization_id}", name)
            row = connection.execute(select(organizations).where(c.id == scope.organization_id)).one()
        return Organization(id=row.id, name=row.name, created_at=row.created_at)

    def list_projects(
        self, scope: OrganizationScope, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Project]:
        """Projects by name, `limit` at a time."""
        c = projects.c
        query = select(projects).where(c.organization_id == scope.organization_id, c.deleted_at.is_(None))
        if cursor is not None:
            query = query.where(tuple_(c.name, c.id) > tuple_(*decode_cursor(cursor, (str, str))))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(c.name, c.id).limit(limit + 1)).all()
        return page_of(rows, limit, _to_project, lambda row: (row.name, row.id))

    def find(self, scope: OrganizationScope, project_id: str) -> Project:
        """One project; raises NotFoundError."""
        with self._database.read() as connection:
            return _to_project(require_project(connection, scope.organization_id, project_id))

    def create(self, scope: OrganizationScope, name: str) -> Project:
        """Adds a project."""
        name = check_name(name)
        with self._database.write() as connection:
            lock_organization(connection, scope.organization_id)
            count = select(func.count()).where(projects.c.organization_id == scope.organization_id)
            if connection.execute(count.where(projects.c.deleted_at.is_(None))).scalar_one() >= MAX_PROJECTS:
                raise ConflictError(
                    f"the organization has {MAX_PROJECTS} projects",
                    hint="Delete unused ones.",
                    code="too_many_projects",
                    params={"limit": MAX_PROJECTS},
                )
            project = create_project(connection, scope.organization_id, name, self._clock)
            self._record(connection, scope, "project.create", f"project/{project.id}", name)
        return project

    def rename(self, scope: OrganizationScope, project_id: str, name: str) -> Project:
        """Gives a project another name."""
        name = check_name(name)
        with self._database.write() as connection:
            require_project(connection, scope.organization_id, project_id)
            connection.execute(update(projects).where(projects.c.id == project_id).values(name=name))
            self._record(connection, scope, "project.rename", f"project/{project_id}", name)
            return _to_project(require_project(connection, scope.organization_id, project_id))

    def delete(self, scope: OrganizationScope, project_id: str) -> None:
        """Ends a project: its keys are refused everywhere within a second, nothing of it can be read any more, and
        the eraser begins."""
        now = self._clock.now()
        with self._database.write() as connection:
            revoke_project_keys(connection, project_id, scope.organization_id, now)
            row = require_project(connection, scope.organization_id, project_id)
            connection.execute(delete(project_roles).where(project_roles.c.project_id == project_id))
            connection.execute(update(projects).where(projects.c.id == project_id).values(deleted_at=now))
            self._record(connection, scope, "project.delete", f"project/{project_id}", row.name)
        self._keys_changed()
        self._deleted()

    def _record(self, connection: Connection, scope: OrganizationScope, action: str, target: str, name: str) -> None:
        organization_id = scope.organization_id
        details = {"name": name}
        self._audit.record(connection, scope.principal, action, target, details, organization_id=organization_id)


def create_organization(connection: Connection, name: str, clock: Clock) -> Organization:
    """Adds an organization in the caller's transaction."""
    organization = Organization(id=new_id("org"), name=check_name(name), created_at=clock.now())
    connection.execute(
        insert(organizations).values(id=organization.id, name=organization.name, created_at=organization.created_at)
    )
    return organization


def create_project(connection: Connection, organization_id: str, name: str, clock: Clock) -> Project:
    """Adds a project in the caller's transaction."""
    project = Project(id=new_id("prj"), organization_id=organization_id, name=check_name(name), created_at=clock.now())
    connection.execute(
        insert(projects).values(
            id=project.id, organization_id=organization_id, name=project.name, created_at=project.created_at
        )
    )
    return project


def require_project(connection: Connection, organization_id: str, project_id: str) -> Row[Any]:
    """The project's row; raises NotFoundError unless it is alive and of this organization."""
    c = projects.c
    query = select(projects).where(c.id == project_id, c.organization_id == organization_id, c.deleted_at.is_(None))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise no_such_project(project_id)
    return row


def lock_organization(connection: Connection, organization_id: str) -> None:
    """Until the transaction ends, nobody else can change members or projects of this organization."""
    query = select(organizations.c.id).where(organizations.c.id == organization_id)
    connection.execute(query.with_for_update()).one()


def record_creation(
    connection: Connection, audit: AuditLog, actor: Principal, organization: Organization, project: Project
) -> None:
    """The first entries of a new organization's chain."""
    for target, name in (
        (f"organization/{organization.id}", organization.name),
        (f"project/{project.id}", project.name),
    ):
        action = f"{target.partition('/')[0]}.create"
        audit.record(connection, actor, action, target, {"name": name}, organization_id=organization.id)


def _to_project(row: Row[Any]) -> Project:
    return Project(id=row.id, organization_id=row.organization_id, name=row.name, created_at=row.created_at)
