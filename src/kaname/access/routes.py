"""All routes of access as one router."""

from fastapi import APIRouter

from kaname.access.routes_auth import build_auth_router, build_me_router
from kaname.access.routes_keys import build_keys_router
from kaname.access.routes_organization import build_audit_router, build_members_router, build_projects_router
from kaname.access.service import AccessService


def build_router(access: AccessService, version: str) -> APIRouter:
    """Auth, profile, keys, projects, members, audit."""
    router = APIRouter()
    for part in (
        build_auth_router(access, version),
        build_me_router(access),
        build_keys_router(access),
        build_projects_router(access),
        build_members_router(access),
        build_audit_router(access),
    ):
        router.include_router(part)
    return router
