"""Reads who belongs where: memberships of a user, the organization of a project. One place, so that one rule holds."""

from sqlalchemy import Connection, select

from kaname.access.model import Membership
from kaname.access.permissions import Role
from kaname.access.tables import members, project_roles, projects


def memberships_of(connection: Connection, user_id: str) -> tuple[Membership, ...]:
    """Every organization that the user is in, with the roles of single projects."""
    rows = connection.execute(
        select(members.c.organization_id, members.c.role)
        .where(members.c.user_id == user_id)
        .order_by(members.c.organization_id)
    ).all()
    if not rows:
        return ()
    of_projects: dict[str, dict[str, Role]] = {}
    query = (
        select(projects.c.organization_id, project_roles.c.project_id, project_roles.c.role)
        .join(projects, projects.c.id == project_roles.c.project_id)
        .where(project_roles.c.user_id == user_id)
    )
    for organization_id, project_id, role in connection.execute(query):
        of_projects.setdefault(organization_id, {})[project_id] = role
    return tuple(
        Membership(organization_id=organization_id, role=role, project_roles=of_projects.get(organization_id, {}))
        for organization_id, role in rows
    )


def organization_of(connection: Connection, project_id: str) -> str | None:
    """The organization of a project that isn't deleted."""
    query = select(projects.c.organization_id).where(projects.c.id == project_id, projects.c.deleted_at.is_(None))
    return connection.execute(query).scalar_one_or_none()
