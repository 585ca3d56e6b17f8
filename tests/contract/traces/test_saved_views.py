"""Saved views behind the real guard, on both SQL engines: who sees which, who may change which."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from fixtures_access import Browser, Site, access, clock, owner, scope_of, site
from kaname.access.http import RouteGuard, check_routes
from kaname.access.model import Principal, ProjectScope
from kaname.access.permissions import ROLE_PERMISSIONS, Role
from kaname.access.service import AccessService
from kaname.app.problem import install_problem_handlers
from kaname.app.route_table import ROUTES
from kaname.kernel.clock import ManualClock
from kaname.kernel.errors import ConflictError, InvalidInputError, NotFoundError, PermissionDeniedError
from kaname.traces.filters import FilterClause
from kaname.traces.views.model import ViewChange, ViewQuery
from kaname.traces.views.routes import build_view_routes
from kaname.traces.views.service import MAX_VIEWS_PER_OWNER, ViewStore

__all__ = ["access", "clock", "owner", "scope_of", "site"]

QUERY = {
    "q": "紅葉",
    "filters": [
        {"field": "kind", "op": "in", "value": ["llm"]},
        {"field": "is_root", "op": "eq", "value": True},
        {"field": "duration_ms", "op": "gte", "value": 1500},
    ],
    "range": "24h",
    "start": None,
    "end": None,
    "order": "cost",
    "direction": "asc",
    "columns": ["time", "name", "cost"],
}
SLOW = ViewQuery(filters=(FilterClause(field="duration_ms", op="gte", value=1000),))


@pytest.fixture
def store(access: AccessService, clock: ManualClock) -> ViewStore:
    return ViewStore(access.database, clock)


@pytest.fixture
def call(store: ViewStore, owner: Browser, site: Site, access: AccessService) -> Callable[..., Any]:
    """call(method, rest, json): as the owner."""
    routes = {key: rule for key, rule in ROUTES.items() if key[1].startswith("/api/v1/projects/{project_id}/views")}
    app = FastAPI(dependencies=[Depends(RouteGuard(access.authenticator, routes))], openapi_url=None, docs_url=None)
    install_problem_handlers(app)
    app.include_router(build_view_routes(store))
    app.router.routes[:] = [r for r in app.router.routes if getattr(r, "path", "") != "/redoc"]
    check_routes(app, routes)
    client = TestClient(app)

    def send(method: str, rest: str = "", **kwargs: Any) -> Any:
        cookies = "; ".join(f"{k}={v}" for k, v in dict(owner.client.cookies).items())
        headers = {"x-csrf-token": owner.me["csrf_token"], "cookie": cookies}
        return client.request(method, f"/api/v1/projects/{owner.project_id}/views{rest}", headers=headers, **kwargs)

    return send


@pytest.fixture
def person(owner: Browser) -> Callable[..., ProjectScope]:
    """person(name, role): somebody else's scope of the owner's project."""

    def make(name: str, role: Role) -> ProjectScope:
        principal = Principal(kind="user", id=name, name=name, user_id=name)
        return ProjectScope(
            project_id=owner.project_id,
            organization_id="org_x",
            principal=principal,
            permissions=ROLE_PERMISSIONS[role],
        )

    return make


def test_a_view_comes_back_as_it_was_saved(call: Callable[..., Any]) -> None:
    created = call("POST", json={"name": "  Slow   answers ", "query": QUERY})
    assert created.status_code == 201, created.text
    view = created.json()
    assert (view["name"], view["is_shared"], view["is_own"], view["query"]) == ("Slow answers", False, True, QUERY)
    assert call("GET").json() == {"items": [view], "next_cursor": None}

    changed = call("PATCH", f"/{view['id']}", json={"name": "遅い回答", "is_shared": True}).json()
    assert (changed["name"], changed["is_shared"], changed["query"]) == ("遅い回答", True, QUERY)
    other = {**QUERY, "q": "", "range": None, "start": "2026-11-01T00:00:00Z"}
    assert call("PATCH", f"/{view['id']}", json={"query": other}).json()["query"] == other

    assert call("DELETE", f"/{view['id']}").status_code == 204
    assert call("GET").json()["items"] == []
    assert call("DELETE", f"/{view['id']}").status_code == 404


def test_views_are_listed_in_windows(call: Callable[..., Any]) -> None:
    for n in range(5):
        call("POST", json={"name": f"view {n}", "query": {}})
    names: list[str] = []
    cursor = None
    while True:
        page = call("GET", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        assert len(page["items"]) <= 2
        names += [view["name"] for view in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == [f"view {n}" for n in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    "body",
    [
        {"name": " ", "query": {}},
        {"name": "x" * 101, "query": {}},
        {"name": "x", "query": {"filters": [{"field": "no_such", "op": "eq", "value": "x"}]}},
        {"name": "x", "query": {"range": "24h", "start": "2026-11-01T00:00:00Z"}},
        {"name": "x", "query": {"start": "yesterday"}},
        {"name": "x", "query": {"order": "beauty"}},
        {"name": "x", "query": {"columns": [str(n) for n in range(41)]}},
    ],
)
def test_what_the_list_would_refuse_is_not_saved(call: Callable[..., Any], body: object) -> None:
    assert call("POST", json=body).status_code in (400, 422)
    assert call("GET").json()["items"] == []


def test_a_personal_view_does_not_exist_for_others(store: ViewStore, person: Callable[..., ProjectScope]) -> None:
    mine = person("usr_a", "viewer")
    view = store.create(mine, "mine", SLOW, is_shared=False)
    assert [v.id for v in store.list_views(mine, limit=10, cursor=None).items] == [view.id]
    for other in (person("usr_b", "member"), person("usr_c", "owner")):
        assert store.list_views(other, limit=10, cursor=None).items == []
        with pytest.raises(NotFoundError):
            store.delete(other, view.id)


def test_a_shared_view_is_changed_by_its_owner_and_by_managers(
    store: ViewStore, person: Callable[..., ProjectScope]
) -> None:
    with pytest.raises(PermissionDeniedError):
        store.create(person("usr_v", "viewer"), "shared", SLOW, is_shared=True)
    maker = person("usr_a", "member")
    view = store.create(maker, "shared", SLOW, is_shared=True)
    other = person("usr_b", "member")
    assert [v.id for v in store.list_views(other, limit=10, cursor=None).items] == [view.id]
    with pytest.raises(PermissionDeniedError):
        store.change(other, view.id, ViewChange(name="taken over"))
    assert store.change(person("usr_c", "admin"), view.id, ViewChange(name="tidied")).name == "tidied"
    store.delete(maker, view.id)
    assert store.list_views(other, limit=10, cursor=None).items == []


def test_views_are_bounded(store: ViewStore, person: Callable[..., ProjectScope]) -> None:
    mine = person("usr_a", "viewer")
    for n in range(MAX_VIEWS_PER_OWNER):
        store.create(mine, str(n), SLOW, is_shared=False)
    with pytest.raises(ConflictError):
        store.create(mine, "one more", SLOW, is_shared=False)
    with pytest.raises(InvalidInputError):
        store.create(mine, "", SLOW, is_shared=False)
