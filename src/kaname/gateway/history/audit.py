"""Audit entries of what belongs to the installation: one in every organization whose right to it the caller used."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from kaname.access.audit import AuditLog, Detail
from kaname.access.model import Principal
from kaname.access.permissions import ROLE_PERMISSIONS
from kaname.access.tables import organizations


class InstallationAudit:
    """Writes entries in the caller's transaction."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    def record(
        self,
        connection: Connection,
        principal: Principal,
        action: str,
        target: str,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        """Appends an entry to each chain; acts of the system itself concern every organization."""
        for organization_id in _organizations(connection, principal):
            self._audit.record(connection, principal, action, target, details, organization_id=organization_id)


def _organizations(connection: Connection, principal: Principal) -> list[str]:
    if principal.kind == "system":
        return list(connection.execute(select(organizations.c.id).order_by(organizations.c.id)).scalars())
    return sorted(m.organization_id for m in principal.memberships if "gateway:manage" in ROLE_PERMISSIONS[m.role])
