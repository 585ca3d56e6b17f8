"""One server under attack, with two organizations and a user of every role."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kaname.access.projects import create_organization, create_project
from kaname.access.tables import members, users
from kaname.kernel.clock import SystemClock
from kaname.storage.sql.database import Database
from live import PASSWORD, LiveServer, Response, request, start_live_server


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A logged-in user of the attacked server."""

    server: LiveServer
    user_id: str
    cookie: str
    csrf_token: str

    def call(self, method: str, path: str, body: bytes | None = None) -> Response:
        headers = {"cookie": self.cookie, "x-csrf-token": self.csrf_token, "content-type": "application/json"}
        return request(method, f"{self.server.url}{path}", body=body, headers=headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPlace:
    """An organization and a project of somebody else."""

    organization_id: str
    project_id: str


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    started = start_live_server(tmp_path_factory.mktemp("attacked") / "data")
    yield started
    started.stop()


@pytest.fixture(scope="module")
def people(attacked: LiveServer) -> dict[str, Person]:
    """Role → a user who has it."""
    return {role: join(attacked, role) for role in ("owner", "admin", "member", "annotator", "viewer")}


def join(server: LiveServer, role: str, name: str = "") -> Person:
    """Invites somebody and accepts in their name."""
    invite = {"email": f"{name or role}@example.com", "role": role}
    made = server.call("POST", f"/api/v1/organizations/{server.organization_id}/users", invite).json()
    accept = {"token": made["token"], "name": role, "password": PASSWORD}
    answer = server.call("POST", "/api/v1/auth/accept-invite", accept, headers={"cookie": ""})
    assert answer.status == 201, answer.body
    me = answer.json()
    cookie = answer.headers["set-cookie"].partition(";")[0]
    return Person(server=server, user_id=me["user"]["id"], cookie=cookie, csrf_token=me["csrf_token"])


@pytest.fixture(scope="module")
def other_place(attacked: LiveServer) -> Iterator[OtherPlace]:
    """Made beside the server: its API makes one organization only. The owner is there, but not of this place."""
    database = Database(f"sqlite:///{Path(attacked.data_dir) / 'kaname.db'}")
    clock = SystemClock()
    with database.write() as connection:
        organization = create_organization(connection, "Somebody else's", clock)
        project = create_project(connection, organization.id, "Secret", clock)
        values = {"id": "usr_stranger", "email": "stranger@example.org", "name": "S", "created_at": clock.now()}
        connection.execute(users.insert().values(**values, password_hash="none"))
        connection.execute(
            members.insert().values(
                organization_id=organization.id, user_id="usr_stranger", role="owner", joined_at=clock.now()
            )
        )
    yield OtherPlace(organization_id=organization.id, project_id=project.id)
    database.close()
