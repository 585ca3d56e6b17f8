"""The route guard: every route × every role × every kind of credential, and what the start-up check refuses."""

import re

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.testclient import TestClient

from fixtures_access import ACCESS_ROUTES, Browser, Site
from kaname.access.http import RouteGuard, check_routes
from kaname.access.permissions import PROJECT_PERMISSIONS, ROLE_PERMISSIONS, ROLES, Role
from kaname.access.rules import PUBLIC, SESSION, RouteRule
from kaname.app.problem import install_problem_handlers
from kaname.kernel.errors import ConfigurationError

DESTRUCTIVE = {("POST", "/api/v1/auth/logout")}
CHECKED = sorted(key for key in ACCESS_ROUTES if key not in DESTRUCTIVE)


def path_of(template: str, browser: Browser) -> str:
    """The path with real places of this browser and ids of things that don't exist."""
    places = {"organization_id": browser.organization_id, "project_id": browser.project_id}
    return re.sub(r"{(\w+)}", lambda m: places.get(m.group(1), "absent"), template)


def call(client: TestClient, method: str, path: str) -> int:
    body = {} if method in ("POST", "PATCH", "PUT") else None
    return client.request(method, path, json=body).status_code


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_the_table_says_and_no_more(site: Site, owner: Browser, role: Role) -> None:
    browser = owner if role == "owner" else site.join(owner, "x@example.com", role)
    for method, template in CHECKED:
        rule = ACCESS_ROUTES[method, template]
        status = call(browser.client, method, path_of(template, owner)) if template not in _CHANGES else 0
        if status and rule.permission is not None:
            allowed = rule.permission in ROLE_PERMISSIONS[role]
            assert (status == 403) is not allowed, (role, method, template, status)


_CHANGES = {"/api/v1/organizations/{organization_id}/projects/{project_id}"}  # DELETE needs no body: it would happen


def test_nothing_but_public_routes_answers_a_stranger(site: Site, owner: Browser) -> None:
    for method, template in CHECKED:
        status = call(site.visitor(), method, path_of(template, owner))
        expected_401 = ACCESS_ROUTES[method, template].demand != PUBLIC
        assert (status == 401) is expected_401, (method, template, status)


def test_places_of_others_dont_exist_for_any_route(site: Site, owner: Browser) -> None:
    other = site.second_organization()
    for method, template in CHECKED:
        if "{organization_id}" in template or "{project_id}" in template:
            status = call(other.client, method, path_of(template, owner))
            assert status == 404, (method, template, status)


def test_api_keys_reach_only_routes_of_their_project(site: Site, owner: Browser) -> None:
    scopes = sorted(PROJECT_PERMISSIONS)
    key = owner.client.post(owner.keys, json={"name": "all", "scopes": scopes}).json()
    machine = site.visitor()
    machine.headers["authorization"] = f"Bearer {key['secret_key']}"
    for method, template in CHECKED:
        rule = ACCESS_ROUTES[method, template]
        status = call(machine, method, path_of(template, owner))
        if rule.demand == SESSION:
            assert status == 403, (method, template)
        elif "{organization_id}" in template:
            assert status == 404, (method, template)


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer x", "Basic", "Basic !!!", "Basic Og==", "Digest a", "kn-sk-", "Bearer kn-pt-x",
     "Bearer kn-pt-" + "0" * 20 + "-" + "0" * 40, "Bearer kn-sk-" + "0" * 20 + "-" + "0" * 40],
)  # fmt: skip
def test_forged_credentials_get_401_and_the_cookie_doesnt_help(owner: Browser, authorization: str) -> None:
    answer = owner.client.get(owner.keys, headers={"authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def _app(site: Site, routes: dict, router: APIRouter) -> FastAPI:
    guard = RouteGuard(site.access.authenticator, routes)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(guard)])
    install_problem_handlers(app)
    app.include_router(router)
    return app


def _router() -> APIRouter:
    router = APIRouter()

    @router.get("/api/v1/forgotten")
    def forgotten() -> dict[str, str]:
        return {"secret": "data"}

    return router


def test_a_route_without_a_rule_is_refused_and_stops_the_start(site: Site, owner: Browser) -> None:
    app = _app(site, {}, _router())
    client = TestClient(app)
    client.cookies = owner.client.cookies
    answer = client.get("/api/v1/forgotten")
    assert answer.status_code == 403
    assert "data" not in answer.text
    with pytest.raises(ConfigurationError, match="GET /api/v1/forgotten"):
        check_routes(app, {})


def test_a_rule_without_a_route_stops_the_start(site: Site) -> None:
    rules = {("GET", "/api/v1/forgotten"): RouteRule(PUBLIC), ("GET", "/api/v1/gone"): RouteRule(PUBLIC)}
    with pytest.raises(ConfigurationError, match="rules without a route: GET /api/v1/gone"):
        check_routes(_app(site, rules, _router()), rules)


def test_a_misspelt_permission_stops_the_start(site: Site) -> None:
    rules = {("GET", "/api/v1/forgotten"): RouteRule("trace:read")}
    with pytest.raises(ConfigurationError, match="unknown demand"):
        check_routes(_app(site, rules, _router()), rules)


def test_what_the_guard_cant_see_stops_the_start(site: Site) -> None:
    with pytest.raises(ConfigurationError, match="isn't an API route"):
        check_routes(FastAPI(), {})
    app = _app(site, {}, APIRouter())
    app.mount("/files", FastAPI())
    with pytest.raises(ConfigurationError, match="isn't an API route"):
        check_routes(app, {})


def test_a_permission_without_a_place_is_held_anywhere(site: Site, owner: Browser) -> None:
    rules = {("GET", "/api/v1/forgotten"): RouteRule("audit:read")}
    viewer = site.join(owner, "v@example.com", "viewer")
    for browser, status in ((owner, 200), (viewer, 403)):
        client = TestClient(_app(site, rules, _router()))
        client.cookies = browser.client.cookies
        assert client.get("/api/v1/forgotten").status_code == status


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "TRACE"])
def test_methods_that_no_route_declares(owner: Browser, method: str) -> None:
    assert owner.client.request(method, "/api/v1/me").status_code == 405
