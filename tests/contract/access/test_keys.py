"""API keys from creation to the hot path, on both SQL engines."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from fixtures_access import Browser, Site
from kaname.access.keyring import KeyRing
from kaname.access.keys import SqlKeySource
from kaname.access.permissions import DEFAULT_KEY_SCOPES
from kaname.access.tables import api_keys
from kaname.kernel.errors import UnauthenticatedError


def bearer(secret_key: str) -> bytes:
    return f"Bearer {secret_key}".encode()


def is_refused(ring: KeyRing, secret_key: str) -> bool:
    try:
        ring.authenticate(bearer(secret_key))
    except UnauthenticatedError:
        return True
    return False


def test_a_key_counts_at_once_here_and_carries_its_place(site: Site, owner: Browser) -> None:
    created = owner.client.post(owner.keys, json={"name": "本番"})
    assert created.status_code == 201
    key = created.json()
    principal = site.access.keyring.authenticate(bearer(key["secret_key"]))
    assert (principal.kind, principal.id, principal.name) == ("api_key", key["id"], "本番")
    assert (principal.project_id, principal.organization_id) == (owner.project_id, owner.organization_id)
    assert principal.permissions == set(DEFAULT_KEY_SCOPES)
    assert key["public_key"][6:] == key["secret_key"][6:26]


def test_the_secret_is_shown_once_and_stored_hashed(site: Site, owner: Browser) -> None:
    key = owner.client.post(owner.keys, json={"name": "k"}).json()
    listed = owner.client.get(owner.keys)
    assert key["secret_key"] not in listed.text
    with site.access.database.read() as connection:
        assert key["secret_key"] not in str(connection.execute(sa.select(api_keys)).all())


def test_other_processes_learn_of_new_and_revoked_keys_by_polling(site: Site, owner: Browser) -> None:
    elsewhere = KeyRing(SqlKeySource(site.access.database))
    elsewhere.refresh()
    key = owner.client.post(owner.keys, json={"name": "k"}).json()
    assert is_refused(elsewhere, key["secret_key"])
    elsewhere.refresh()
    assert not is_refused(elsewhere, key["secret_key"])
    assert owner.client.delete(f"{owner.keys}/{key['id']}").status_code == 204
    assert is_refused(site.access.keyring, key["secret_key"])
    elsewhere.refresh()
    assert is_refused(elsewhere, key["secret_key"])


def test_a_running_ring_follows_by_itself(site: Site, owner: Browser) -> None:
    with KeyRing(SqlKeySource(site.access.database)) as elsewhere:
        key = owner.client.post(owner.keys, json={"name": "k"}).json()
        deadline = time.monotonic() + 30
        while is_refused(elsewhere, key["secret_key"]):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_last_use_is_stored_in_batches_and_never_goes_back(site: Site, owner: Browser) -> None:
    key = owner.client.post(owner.keys, json={"name": "k"}).json()
    ring = site.access.keyring
    ring.flush_uses()
    assert owner.client.get(owner.keys).json()["items"][0]["last_used_at"] is None
    ring.authenticate(bearer(key["secret_key"]))
    ring.flush_uses()
    used = owner.client.get(owner.keys).json()["items"][0]["last_used_at"]
    assert abs(datetime.fromisoformat(used) - datetime.now(UTC)) < timedelta(minutes=5)
    SqlKeySource(site.access.database).record_uses({key["id"]: datetime(2020, 1, 1, tzinfo=UTC)})
    assert owner.client.get(owner.keys).json()["items"][0]["last_used_at"] == used


def test_an_expired_key_is_refused(site: Site, owner: Browser) -> None:
    # The test clock stands in the past, the ring reads the machine's: what is the future there is over here.
    ends = (site.clock.now() + timedelta(days=1)).isoformat()
    key = owner.client.post(owner.keys, json={"name": "k", "expires_at": ends}).json()
    assert key["expires_at"] == "2026-03-02T12:00:00Z"
    with pytest.raises(UnauthenticatedError, match="expired"):
        site.access.keyring.authenticate(bearer(key["secret_key"]))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": " \t"},
        {"name": "x" * 201},
        {"name": "a\nb"},
        {"name": "a\x00b"},
        {"name": 7},
        {"name": "k", "scopes": []},
        {"name": "k", "scopes": ["everything"]},
        {"name": "k", "scopes": ["audit:read"]},
        {"name": "k", "scopes": "traces:read"},
        {"name": "k", "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "k", "expires_at": "2030-01-01T00:00:00"},
        {"name": "k", "expires_at": "soon"},
        {"name": "k", "unknown": 1},
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(owner: Browser, body: dict) -> None:
    answer = owner.client.post(owner.keys, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"]
    assert owner.client.get(owner.keys).json()["items"] == []


def test_rename(site: Site, owner: Browser) -> None:
    key = owner.client.post(owner.keys, json={"name": "old"}).json()
    answer = owner.client.patch(f"{owner.keys}/{key['id']}", json={"name": "new"})
    assert answer.json()["name"] == "new"
    site.access.keyring.refresh()
    assert site.access.keyring.authenticate(bearer(key["secret_key"])).name == "new"


@pytest.mark.parametrize("key_id", ["key_nothing", "x", "%00", "a" * 3000, "..", "key_' OR 1=1 --"])
def test_forged_ids(owner: Browser, key_id: str) -> None:
    assert owner.client.delete(f"{owner.keys}/{key_id}").status_code in (400, 404)


def test_keys_of_another_project_dont_exist(site: Site, owner: Browser) -> None:
    other = site.second_organization()
    theirs = other.client.post(other.keys, json={"name": "theirs"}).json()
    mine = owner.client.post(owner.keys, json={"name": "mine"}).json()
    for path in (f"{owner.keys}/{theirs['id']}", f"{other.keys}/{theirs['id']}", f"{other.keys}/{mine['id']}"):
        assert owner.client.delete(path).status_code == 404, path
        assert owner.client.patch(path, json={"name": "x"}).status_code == 404, path
    assert owner.client.get(other.keys).status_code == 404
    assert owner.client.post(other.keys, json={"name": "x"}).status_code == 404
    assert not is_refused(site.access.keyring, theirs["secret_key"])
    assert [k["name"] for k in other.client.get(other.keys).json()["items"]] == ["theirs"]


def test_nobody_gives_a_key_more_than_they_may_do(site: Site, owner: Browser) -> None:
    scopes = ["keys:manage", "traces:read"]
    manager = owner.client.post(owner.keys, json={"name": "m", "scopes": scopes}).json()
    machine = site.visitor()
    machine.headers["authorization"] = f"Bearer {manager['secret_key']}"
    assert machine.post(owner.keys, json={"name": "same", "scopes": ["traces:read"]}).status_code == 201
    assert machine.post(owner.keys, json={"name": "more", "scopes": ["traces:write"]}).status_code == 403
    assert machine.post(owner.keys, json={"name": "default"}).status_code == 403


def test_a_key_without_the_scope_is_refused_and_reaches_no_other_project(site: Site, owner: Browser) -> None:
    key = owner.client.post(owner.keys, json={"name": "k"}).json()
    second = owner.client.post(f"{owner.organization}/projects", json={"name": "second"}).json()
    machine = site.visitor()
    machine.headers["authorization"] = f"Bearer {key['secret_key']}"
    assert machine.get(owner.keys).status_code == 403
    assert machine.get(f"/api/v1/projects/{second['id']}/keys").status_code == 404
    assert machine.get(f"{owner.organization}/users").status_code == 404
    assert machine.patch("/api/v1/me", json={"name": "x"}).status_code == 403
    me = machine.get("/api/v1/me").json()
    assert me["principal"]["kind"] == "api_key"
    assert [p["id"] for p in me["organizations"][0]["projects"]] == [owner.project_id]


def test_deleting_a_project_ends_its_keys(site: Site, owner: Browser) -> None:
    project = owner.client.post(f"{owner.organization}/projects", json={"name": "short-lived"}).json()
    keys = f"/api/v1/projects/{project['id']}/keys"
    key = owner.client.post(keys, json={"name": "k"}).json()
    assert owner.client.delete(f"{owner.organization}/projects/{project['id']}").status_code == 204
    assert is_refused(site.access.keyring, key["secret_key"])
    assert owner.client.get(keys).status_code == 404
    assert owner.client.delete(f"{owner.organization}/projects/{project['id']}").status_code == 404
