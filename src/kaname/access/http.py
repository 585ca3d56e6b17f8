"""The one gate of the management API: FastAPI runs `RouteGuard` before every route, `RouteTable` says what it demands.

    guard = RouteGuard(authenticator, ROUTES)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(guard)])
    app.include_router(…)
    check_routes(app, ROUTES)            # at start: a route without a rule, or a rule without a route, is an error

    @router.get("/api/v1/projects/{project_id}/spans", operation_id="list_spans")
    def list_spans(scope: Annotated[ProjectScope, Depends(project_scope)]) -> SpanList: ...

A route missing from the table is refused. Things of other projects don't exist: 404, never 403. A request that comes
with a cookie must prove that it comes from our own pages (CSRF token) unless its method is safe.
"""

from collections.abc import Iterable, Iterator
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from kaname.access.authenticator import Authenticator
from kaname.access.model import OrganizationScope, Principal, ProjectScope, require_permission
from kaname.access.permissions import Permission
from kaname.access.rules import AUTHENTICATED, PUBLIC, SESSION, RouteKey, RouteRule, RouteTable
from kaname.access.sessions import is_csrf_token
from kaname.access.tokens import PERSONAL_PREFIX
from kaname.kernel.errors import ConfigurationError, PermissionDeniedError, UnauthenticatedError

SESSION_COOKIE = "kaname_session"
CSRF_HEADER = "x-csrf-token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class RouteGuard:
    """Refuses a request or leaves its principal and scope in `request.state` for the dependencies below."""

    def __init__(self, authenticator: Authenticator, routes: RouteTable) -> None:
        self._authenticator = authenticator
        self._routes = routes

    async def __call__(self, request: Request) -> None:
        rule = self._rule_of(request)
        if rule.demand == PUBLIC:
            _refuse_other_sites(request)
            return
        principal = await self._principal_of(request)
        request.state.kaname_principal = principal
        if rule.demand == SESSION and principal.user_id is None:
            raise PermissionDeniedError(
                "an API key can't be used here", hint="Log in, or send a personal token (`kaname login`)."
            )
        await self._demand(request, principal, rule.permission)

    def _rule_of(self, request: Request) -> RouteRule:
        path = getattr(request.scope.get("route"), "path_format", None)
        rule = self._routes.get((request.method, str(path)))
        if rule is None:
            raise PermissionDeniedError(
                f"route {request.method} {path} has no rule", hint="Add it to ROUTES in app/route_table.py."
            )
        return rule

    async def _principal_of(self, request: Request) -> Principal:
        authorization = request.headers.get("authorization")
        if authorization is None:
            return await self._by_cookie(request)
        scheme, _, credential = authorization.partition(" ")
        if scheme.lower() == "bearer" and credential.startswith(PERSONAL_PREFIX):
            return await run_in_threadpool(self._authenticator.by_personal_token, credential)
        return self._authenticator.keyring.authenticate(authorization.encode("latin-1", "replace"))

    async def _by_cookie(self, request: Request) -> Principal:
        token = request.cookies.get(SESSION_COOKIE)
        if not token:
            raise UnauthenticatedError("you aren't logged in", hint="Log in, or send an API key or personal token.")
        principal = await run_in_threadpool(self._authenticator.by_session, token)
        if request.method not in _SAFE_METHODS and not is_csrf_token(token, request.headers.get(CSRF_HEADER, "")):
            raise PermissionDeniedError(
                f"header {CSRF_HEADER} is missing or wrong",
                hint="Send `csrf_token` of GET /api/v1/me with every change.",
                code="csrf_token_invalid",
            )
        return principal

    async def _demand(self, request: Request, principal: Principal, permission: Permission | None) -> None:
        """Resolves the project or organization that the path names, even if only a principal is demanded."""
        project_id = request.path_params.get("project_id") or principal.project_id
        organization_id = request.path_params.get("organization_id")
        if organization_id is not None:
            scope = self._authenticator.organization_scope(principal, organization_id)
            request.state.kaname_organization = scope
            if permission is not None:
                scope.require(permission)
        elif project_id is not None:
            resolve = self._authenticator.project_scope
            of_key = principal.kind == "api_key"
            project = (
                resolve(principal, project_id) if of_key else await run_in_threadpool(resolve, principal, project_id)
            )
            request.state.kaname_project = project
            if permission is not None:
                project.require(permission)
        elif permission is not None:
            require_permission(principal.permissions_anywhere(), permission, principal)


async def project_scope(request: Request) -> ProjectScope:
    """Dependency: the project of the path, or of the API key where the path names none."""
    scope = getattr(request.state, "kaname_project", None)
    if not isinstance(scope, ProjectScope):
        raise PermissionDeniedError(
            "this route works on the project of an API key", hint="Send `Authorization: Bearer kn-sk-…`."
        )
    return scope


async def organization_scope(request: Request) -> OrganizationScope:
    """Dependency: the organization of the path."""
    return cast("OrganizationScope", request.state.kaname_organization)


async def principal(request: Request) -> Principal:
    """Dependency: who is calling. Not for PUBLIC routes."""
    return cast("Principal", request.state.kaname_principal)


def check_routes(app: FastAPI, routes: RouteTable) -> None:
    """Raises ConfigurationError unless routes and rules match one to one and every rule can be decided."""
    present = {key for route in app.routes for key in _keys_of(route)}
    if missing := sorted(present - set(routes)):
        raise ConfigurationError(f"routes without a rule: {_list(missing)}", hint="Add them to app/route_table.py.")
    if unused := sorted(set(routes) - present):
        raise ConfigurationError(f"rules without a route: {_list(unused)}", hint="Remove them, or add the router.")
    if unsaid := sorted(k for k, r in routes.items() if r.permission is None and r.demand not in _OPEN):
        raise ConfigurationError(f"rules with an unknown demand: {_list(unsaid)}", hint="See access/permissions.py.")


_OPEN = (PUBLIC, SESSION, AUTHENTICATED)


def _keys_of(route: Any) -> Iterator[RouteKey]:
    included = getattr(route, "original_router", None)
    if included is not None:
        # Newer FastAPI keeps included routers as they are. Ours have full paths, so no prefix has to be put before.
        for inner in included.routes:
            yield from _keys_of(inner)
        return
    if not isinstance(route, APIRoute):
        raise ConfigurationError(
            f"route {getattr(route, 'path', route)!r} isn't an API route, so the guard doesn't see it",
            hint="Build FastAPI with docs_url, redoc_url and openapi_url None, and mount nothing on it.",
        )
    for method in route.methods or ():
        yield method, route.path_format


def _refuse_other_sites(request: Request) -> None:
    """Login and set-up have no session and so no CSRF token; browsers say where such a request comes from."""
    if request.method not in _SAFE_METHODS and request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise PermissionDeniedError(
            "this request comes from another site", hint="Open Kaname's own page and log in.", code="cross_site_refused"
        )


def _list(keys: Iterable[RouteKey]) -> str:
    return ", ".join(f"{method} {path}" for method, path in keys)
