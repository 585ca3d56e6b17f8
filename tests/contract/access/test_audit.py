"""The audit log: complete, append-only, and any tampering is found, on both SQL engines."""

import sqlite3
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures_access import Browser, Site
from kaname.access.audit import AuditLog
from kaname.access.model import SYSTEM
from kaname.access.tables import audit_entries, audit_heads
from kaname.kernel.clock import ManualClock, SystemClock
from kaname.kernel.errors import ConflictError
from kaname.storage.sql.database import Database


def actions(browser: Browser, query: str = "") -> list[str]:
    answer = browser.client.get(f"{browser.organization}/audit{query}")
    assert answer.status_code == 200, answer.text
    return [entry["action"] for entry in answer.json()["items"]]


def test_every_change_of_settings_keys_users_and_projects_is_there(site: Site, owner: Browser) -> None:
    key = owner.client.post(owner.keys, json={"name": "k"}).json()
    owner.client.patch(f"{owner.keys}/{key['id']}", json={"name": "k2"})
    owner.client.delete(f"{owner.keys}/{key['id']}")
    member = site.join(owner, "m@example.com", "member")
    owner.client.patch(f"{owner.organization}/users/{member.user_id}", json={"role": "viewer"})
    role = f"{owner.organization}/projects/{owner.project_id}/roles/{member.user_id}"
    owner.client.put(role, json={"role": "admin"})
    owner.client.delete(role)
    owner.client.delete(f"{owner.organization}/users/{member.user_id}")
    invite = owner.client.post(f"{owner.organization}/users", json={"email": "n@example.com"}).json()
    owner.client.delete(f"{owner.organization}/invites/{invite['id']}")
    project = owner.client.post(f"{owner.organization}/projects", json={"name": "p"}).json()
    owner.client.patch(f"{owner.organization}/projects/{project['id']}", json={"name": "p2"})
    owner.client.delete(f"{owner.organization}/projects/{project['id']}")
    owner.client.patch(owner.organization, json={"name": "o2"})
    owner.client.patch("/api/v1/me", json={"name": "n2"})
    token = owner.client.post("/api/v1/me/tokens", json={"name": "t"}).json()
    owner.client.delete(f"/api/v1/me/tokens/{token['id']}")
    site.visitor().post("/api/v1/auth/login", json={"email": "owner@example.com", "password": "wrong password"})
    site.log_in("owner@example.com")
    assert actions(owner, "?limit=200")[::-1] == [
        "organization.create", "project.create", "user.join",
        "key.create", "key.rename", "key.revoke",
        "user.invite", "user.join", "user.role", "user.project_role", "user.project_role", "user.remove",
        "user.invite", "user.invite_cancel",
        "project.create", "project.rename", "project.delete",
        "organization.rename", "user.update", "token.create", "token.remove", "user.login_failed", "user.login",
    ]  # fmt: skip


def test_no_secret_is_in_it(site: Site, owner: Browser) -> None:
    key = owner.client.post(owner.keys, json={"name": "k"}).json()
    token = owner.client.post("/api/v1/me/tokens", json={"name": "t"}).json()
    with site.access.database.read() as connection:
        stored = str(connection.execute(sa.select(audit_entries)).all())
    assert key["secret_key"] not in stored
    assert token["token"] not in stored


def test_filters_and_pages(site: Site, owner: Browser) -> None:
    for number in range(5):
        owner.client.post(owner.keys, json={"name": f"k{number}"})
    assert actions(owner, "?action=key.create") == ["key.create"] * 5
    assert actions(owner, "?action=key.") == ["key.create"] * 5
    assert actions(owner, "?action=key") == []
    assert actions(owner, "?action=%25.") == []
    assert actions(owner, f"?actor={owner.user_id}&limit=200") == actions(owner, "?limit=200")
    assert actions(owner, "?actor=nobody") == []
    seen: list[int] = []
    query = "?limit=3"
    while query:
        page = owner.client.get(f"{owner.organization}/audit{query}").json()
        seen += [entry["seq"] for entry in page["items"]]
        query = f"?limit=3&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert seen == list(range(8, 0, -1))


@pytest.mark.parametrize("query", ["?cursor=forged", "?limit=0", "?limit=201", "?limit=x", f"?action={'a' * 65}"])
def test_bad_queries(owner: Browser, query: str) -> None:
    assert owner.client.get(f"{owner.organization}/audit{query}").status_code == 400


def test_organizations_have_chains_of_their_own(site: Site, owner: Browser) -> None:
    other = site.second_organization()
    assert "key.create" not in actions(other)
    assert other.client.get(f"{owner.organization}/audit").status_code == 404
    for browser in (owner, other):
        assert browser.client.get(f"{browser.organization}/audit/verify").json()["intact"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor_name = 'x'",
        "DELETE FROM audit_entries",
        "DELETE FROM audit_entries WHERE seq = 1",
    ],
)
def test_the_database_itself_refuses_changes(database: Database, statement: str) -> None:
    _write(database, 3)
    with pytest.raises(ConflictError, match="append-only"), database.write() as connection:
        connection.exec_driver_sql(statement)
    assert _verdict(database).intact


def test_replace_and_truncate_are_refused_too(database: Database) -> None:
    _write(database, 3)
    replace = "INSERT OR REPLACE INTO audit_entries SELECT * FROM audit_entries"
    statement = replace if database.is_sqlite else "TRUNCATE audit_entries"
    with pytest.raises(ConflictError, match="append-only"), database.write() as connection:
        connection.exec_driver_sql(statement)


ORGANIZATION = "org_test"


def _write(database: Database, count: int) -> None:
    log = AuditLog(SystemClock())
    with database.write() as connection:
        for number in range(count):
            log.record(
                connection,
                SYSTEM,
                "test.write",
                f"thing/{number}",
                {"n": number, "名": "値"},
                organization_id=ORGANIZATION,
            )


def _verdict(database: Database):
    with database.read() as connection:
        return AuditLog(SystemClock()).verify(connection, ORGANIZATION)


def _without_triggers(database: Database, act: Callable[[sa.Connection], object]) -> None:
    """What somebody with the database's own password could do."""
    with database.write() as connection:
        if database.is_sqlite:
            for operation in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER audit_entries_no_{operation}")
        else:
            connection.exec_driver_sql("ALTER TABLE audit_entries DISABLE TRIGGER ALL")
        act(connection)


@pytest.mark.parametrize(
    ("statement", "bad_seq"),
    [
        ("UPDATE audit_entries SET actor_name = 'x' WHERE seq = 3", 3),
        ("UPDATE audit_entries SET details = '{}' WHERE seq = 1", 1),
        ("UPDATE audit_entries SET target = 'thing/9' WHERE seq = 5", 5),
        ("UPDATE audit_entries SET entry_hash = previous_hash WHERE seq = 2", 2),
        ("DELETE FROM audit_entries WHERE seq = 1", 1),
        ("DELETE FROM audit_entries WHERE seq = 3", 3),
        ("DELETE FROM audit_entries WHERE seq = 5", 5),
        ("DELETE FROM audit_entries", 1),
        ("DELETE FROM audit_heads", 6),
        ("UPDATE audit_heads SET seq = 4", 6),
        ("UPDATE audit_entries SET seq = 99 WHERE seq = 4", 4),
    ],
)
def test_tampering_is_found_where_it_happened(database: Database, statement: str, bad_seq: int) -> None:
    _write(database, 5)
    assert _verdict(database).entries == 5
    _without_triggers(database, lambda c: c.exec_driver_sql(statement))
    verdict = _verdict(database)
    assert (verdict.intact, verdict.bad_seq) == (False, bad_seq)
    assert verdict.reason


def test_swapped_entries_are_found(database: Database) -> None:
    _write(database, 4)

    def swap(connection: sa.Connection) -> None:
        for old, new in ((2, 90), (3, 2), (90, 3)):
            connection.execute(sa.update(audit_entries).where(audit_entries.c.seq == old).values(seq=new))

    _without_triggers(database, swap)
    assert _verdict(database).bad_seq == 2


def test_an_entry_is_written_with_its_act_or_not_at_all(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            AuditLog(SystemClock()).record(connection, SYSTEM, "a.b", "t", organization_id=ORGANIZATION)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert _verdict(database).entries == 0
    with database.read() as connection:
        assert connection.execute(sa.select(audit_heads)).all() == []


def test_parallel_writers_make_one_chain(database: Database) -> None:
    from concurrent.futures import ThreadPoolExecutor

    _write(database, 1)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: _write(database, 5), range(6)))
    assert (_verdict(database).intact, _verdict(database).entries) == (True, 31)


@settings(max_examples=25)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60),
    number=st.one_of(st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False)),
    names=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=9)),
)
def test_any_details_survive_the_round_trip(database: Database, text: str, number: float, names: list[str]) -> None:
    log = AuditLog(ManualClock(SystemClock().now()))
    with database.write() as connection:
        details = {"text": text, "number": number, "names": names, "none": None, "flag": True}
        log.record(connection, SYSTEM, "test.any", text, details, organization_id=ORGANIZATION)
    assert _verdict(database).intact
    with database.read() as connection:
        assert log.list_entries(connection, ORGANIZATION, limit=1).items[0].details == details


def test_sqlite_is_new_enough_for_returning() -> None:
    assert sqlite3.sqlite_version_info >= (3, 35)
