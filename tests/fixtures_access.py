"""Access behind its real routes, guard and error rendering, on both SQL engines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from kaname.access.accounts import as_principal, create_user
from kaname.access.http import RouteGuard, check_routes
from kaname.access.members import add_member
from kaname.access.model import Principal, ProjectScope
from kaname.access.passwords import Passwords
from kaname.access.projects import create_organization, create_project, record_creation
from kaname.access.routes import build_router
from kaname.access.service import AccessService, build_access
from kaname.access.settings import AccessSettings
from kaname.app.problem import install_problem_handlers
from kaname.app.route_table import ROUTES
from kaname.kernel.clock import ManualClock
from kaname.storage.sql.database import Database

PASSWORD = "correct horse battery"
ACCESS_PREFIXES = ("/api/v1/auth/", "/api/v1/me", "/api/v1/organizations/", "/api/v1/projects/{project_id}/keys")
ACCESS_ROUTES = {
    key: rule for key, rule in ROUTES.items() if key[1].startswith(ACCESS_PREFIXES) and "/gateway/" not in key[1]
}


@dataclass(slots=True)
class Browser:
    """A person with a cookie jar, who sends the CSRF token as our pages do."""

    client: TestClient
    me: dict

    def __post_init__(self) -> None:
        self.client.headers["x-csrf-token"] = self.me["csrf_token"]

    @property
    def user_id(self) -> str:
        return self.me["user"]["id"]

    @property
    def organization(self) -> str:
        return f"/api/v1/organizations/{self.me['organizations'][0]['id']}"

    @property
    def organization_id(self) -> str:
        return self.me["organizations"][0]["id"]

    @property
    def project_id(self) -> str:
        return self.me["organizations"][0]["projects"][0]["id"]

    @property
    def keys(self) -> str:
        return f"/api/v1/projects/{self.project_id}/keys"


@dataclass(slots=True)
class Site:
    """The server under test."""

    app: FastAPI
    access: AccessService
    clock: ManualClock

    def visitor(self) -> TestClient:
        return TestClient(self.app, base_url="http://testserver", raise_server_exceptions=True)

    def set_up(self) -> Browser:
        client = self.visitor()
        body = {"token": self.access.setup.issue(), "email": "owner@example.com", "name": "小川", "password": PASSWORD}
        answer = client.post("/api/v1/auth/setup", json=body)
        assert answer.status_code == 201, answer.text
        return Browser(client, answer.json())

    def join(self, admin: Browser, email: str, role: str) -> Browser:
        invite = admin.client.post(f"{admin.organization}/users", json={"email": email, "role": role})
        assert invite.status_code == 201, invite.text
        client = self.visitor()
        body = {"token": invite.json()["token"], "name": email, "password": PASSWORD}
        answer = client.post("/api/v1/auth/accept-invite", json=body)
        assert answer.status_code == 201, answer.text
        return Browser(client, answer.json())

    def log_in(self, email: str, password: str = PASSWORD) -> Browser:
        client = self.visitor()
        answer = client.post("/api/v1/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return Browser(client, answer.json())

    def second_organization(self) -> Browser:
        """Somebody who has nothing to do with the first organization."""
        with self.access.database.write() as connection:
            organization = create_organization(connection, "Others", self.clock)
            project = create_project(connection, organization.id, "Theirs", self.clock)
            user = create_user(
                connection,
                email="other@example.org",
                name="Other",
                password_hash=Passwords().hash(PASSWORD),
                clock=self.clock,
            )
            actor = as_principal(user.id, user.name)
            record_creation(connection, self.access.audit, actor, organization, project)
            add_member(connection, self.access.audit, actor, organization.id, user, "owner", self.clock)
        return self.log_in("other@example.org")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))


@pytest.fixture
def access(database: Database, clock: ManualClock) -> AccessService:
    service = build_access(database, AccessSettings(), clock)
    service.keyring.refresh()
    return service


@pytest.fixture
def site(access: AccessService, clock: ManualClock) -> Site:
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(RouteGuard(access.authenticator, ACCESS_ROUTES))],
    )
    install_problem_handlers(app)
    app.include_router(build_router(access, "0"))
    check_routes(app, ACCESS_ROUTES)
    return Site(app, access, clock)


@pytest.fixture
def owner(site: Site) -> Browser:
    return site.set_up()


@pytest.fixture
def scope_of(access: AccessService) -> Iterator[Callable[[Browser], ProjectScope]]:
    """The scope that a browser's user has in their first project."""

    def resolve(browser: Browser) -> ProjectScope:
        token = browser.client.cookies["kaname_session"]
        principal: Principal = access.authenticator.by_session(token)
        return access.authenticator.project_scope(principal, browser.project_id)

    return resolve
