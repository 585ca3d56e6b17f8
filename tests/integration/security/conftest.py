"""One server under attack, with two organizations and a user of every role."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kaname.access.projects import create_organization, create_project
from kaname.access.tables import members, users
from kaname.kernel.clock import SystemClock
from kaname.storage.sql.database import Database
from live import LiveServer, start_live_server
from security_places import OtherPlace, Person, join


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    started = start_live_server(tmp_path_factory.mktemp("attacked") / "data")
    yield started
    started.stop()


@pytest.fixture(scope="module")
def people(attacked: LiveServer) -> dict[str, Person]:
    """Role → a user who has it."""
    return {role: join(attacked, role) for role in ("owner", "admin", "member", "annotator", "viewer")}


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
