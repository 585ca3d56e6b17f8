"""Projects: pages, names, what a deletion takes, and that nothing is left of a deleted one, on both SQL engines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from fixtures_access import Browser, Site
from kaname.access.audit import AuditLog
from kaname.access.erasure import SETTLE_S, ProjectEraser
from kaname.access.model import ProjectScope
from kaname.access.project_rows import SqlProjectRows, project_tables
from kaname.access.tables import projects
from kaname.app.wiring import build_installation
from kaname.gateway.pricing.project_price import PriceDraft, parse_amount
from kaname.gateway.pricing.store import PriceStore
from kaname.storage.sql.schema import metadata


@dataclass(slots=True)
class LateStore:
    """A store in memory into which rows can still arrive after the deletion."""

    rows: dict[str, int] = field(default_factory=dict)
    settled: bool = False
    store: str = "columns"

    def count(self, project_id: str) -> Mapping[str, int]:
        return {"spans": self.rows.get(project_id, 0)}

    def erase(self, project_id: str) -> bool:
        return self.rows.pop(project_id, 0) > 0

    def is_settled(self, since: datetime) -> bool:
        return self.settled


def make_project(owner: Browser, name: str) -> str:
    return (
        f"{owner.organization}/projects/"
        + owner.client.post(f"{owner.organization}/projects", json={"name": name}).json()["id"]
    )


def fill(site: Site, owner: Browser, project_id: str) -> None:
    """A key, a price and a role of the project."""
    owner.client.post(f"/api/v1/projects/{project_id}/keys", json={"name": "app"})
    member = site.join(owner, "member@example.com", "member")
    role = owner.client.put(
        f"{owner.organization}/projects/{project_id}/roles/{member.user_id}", json={"role": "viewer"}
    )
    assert role.status_code == 204, role.text
    principal = site.access.authenticator.by_session(owner.client.cookies["kaname_session"])
    scope: ProjectScope = site.access.authenticator.project_scope(principal, project_id)
    prices = PriceStore(site.access.database, AuditLog(site.clock), site.clock)
    prices.create(scope, PriceDraft(match="exact", pattern="ours", prices={"input_uncached": parse_amount("1")}))


def tombstones(site: Site) -> list[str]:
    with site.access.database.read() as connection:
        return list(connection.execute(select(projects.c.id).where(projects.c.deleted_at.is_not(None))).scalars())


def test_projects_are_listed_in_windows(owner: Browser) -> None:
    for number in range(4):
        make_project(owner, f"project {number}")
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        page = owner.client.get(f"{owner.organization}/projects?limit=2{cursor}").json()
        seen += [p["name"] for p in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    assert [name for name in seen if name.startswith("project")] == [f"project {n}" for n in range(4)]
    assert len(set(seen)) == len(seen) == 5
    assert owner.client.get(f"{owner.organization}/projects?limit=501").status_code == 400


def test_a_project_is_renamed(owner: Browser) -> None:
    path = make_project(owner, "old")
    assert owner.client.patch(path, json={"name": "新しい名前"}).json()["name"] == "新しい名前"
    assert "新しい名前" in [p["name"] for p in owner.client.get(f"{owner.organization}/projects").json()["items"]]


def test_the_contents_of_a_project_are_counted(site: Site, owner: Browser) -> None:
    path = make_project(owner, "full")
    assert owner.client.get(f"{path}/contents").json() == {"name": "full", "items": []}
    fill(site, owner, path.rpartition("/")[2])
    counted = owner.client.get(f"{path}/contents").json()
    assert {(i["store"], i["name"]): i["rows"] for i in counted["items"]} == {
        ("sql", "api_keys"): 1,
        ("sql", "prices"): 1,
        ("sql", "project_roles"): 1,
    }
    stranger = site.second_organization()
    assert stranger.client.get(f"{path}/contents").status_code == 404


def test_nothing_is_left_of_a_deleted_project(site: Site, owner: Browser) -> None:
    path = make_project(owner, "doomed")
    project_id = path.rpartition("/")[2]
    kept = owner.project_id
    fill(site, owner, project_id)
    owner.client.post(f"/api/v1/projects/{kept}/keys", json={"name": "stays"})
    late = LateStore({project_id: 3, kept: 7})
    sql = SqlProjectRows(site.access.database)
    eraser = ProjectEraser(site.access.database, (late, sql), site.clock)
    assert eraser.step() == 0
    assert late.rows[project_id] == 3
    assert owner.client.delete(path).status_code == 204
    assert owner.client.get(f"{path}/contents").status_code == 404
    assert eraser.step() == 1
    assert late.rows == {kept: 7}
    assert {name: n for name, n in sql.count(project_id).items() if n} == {"api_keys": 1}
    late.rows[project_id] = 2  # the journal held it when the project was deleted
    site.clock.advance(SETTLE_S + 1)
    assert eraser.step() == 1
    assert late.rows == {kept: 7}
    assert tombstones(site) == [project_id]
    late.settled = True
    assert eraser.step() == 0
    assert tombstones(site) == []
    assert not any(sql.count(project_id).values())
    assert sql.count(kept)["api_keys"] == 1
    audit = owner.client.get(f"{owner.organization}/audit?action=project.delete").json()["items"]
    assert [entry["details"] for entry in audit] == [{"name": "doomed"}]


def test_keys_of_a_deleted_project_are_refused_at_once_and_after_the_erasure(site: Site, owner: Browser) -> None:
    path = make_project(owner, "doomed")
    project_id = path.rpartition("/")[2]
    made = owner.client.post(f"/api/v1/projects/{project_id}/keys", json={"name": "app"}).json()
    app = site.visitor()
    app.headers["authorization"] = f"Bearer {made['secret_key']}"
    assert app.get(f"/api/v1/projects/{project_id}/keys").status_code == 403
    owner.client.delete(path)
    assert app.get(f"/api/v1/projects/{project_id}/keys").status_code == 401
    site.clock.advance(SETTLE_S + 1)
    assert site.access.eraser.step() == 0
    site.access.keyring.refresh()
    assert app.get(f"/api/v1/projects/{project_id}/keys").status_code == 401


def test_every_table_that_belongs_to_a_project_says_to_which() -> None:
    assert build_installation  # every slice's tables are declared once the composition root is imported
    of_project = {table.name for table in project_tables(metadata)}
    assert {"api_keys", "project_roles", "prices"} <= of_project
    silent = {
        table.name
        for table in metadata.tables.values()
        if table.name not in of_project
        and any(key.column.table.name in {*of_project, "projects"} for key in table.foreign_keys)
    }
    assert not silent, "these refer to a project's rows without a column project_id: erasing would leave or break them"
