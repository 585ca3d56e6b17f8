"""Nothing that was made with a key or token outlives it."""

import pytest
from fastapi.testclient import TestClient

from fixtures_access import Browser, Site

SOON, LATER = "2026-03-02T12:00:00Z", "2027-01-01T00:00:00Z"


def machine(site: Site, credential: str) -> TestClient:
    client = site.visitor()
    client.headers["authorization"] = f"Bearer {credential}"
    return client


@pytest.fixture
def manager(site: Site, owner: Browser) -> TestClient:
    """A key that may make keys and ends, far in the future of the test's clock and of the key ring's."""
    body = {"name": "m", "scopes": ["keys:manage", "traces:read"], "expires_at": "2100-01-01T00:00:00Z"}
    created = owner.client.post(owner.keys, json=body)
    return machine(site, created.json()["secret_key"])


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ({}, "2100-01-01T00:00:00Z"),
        ({"expires_at": None}, "2100-01-01T00:00:00Z"),
        ({"expires_at": "2200-01-01T00:00:00Z"}, "2100-01-01T00:00:00Z"),
        ({"expires_at": "2099-12-31T23:30:00-02:00"}, "2100-01-01T00:00:00Z"),
        ({"expires_at": LATER}, LATER),
    ],
)
def test_a_key_made_with_a_key(owner: Browser, manager: TestClient, wanted: dict, given: str) -> None:
    child = manager.post(owner.keys, json={"name": "child", "scopes": ["traces:read"], **wanted})
    assert (child.status_code, child.json()["expires_at"]) == (201, given)


def test_a_grandchild_is_no_way_around(site: Site, owner: Browser, manager: TestClient) -> None:
    body = {"name": "c", "scopes": ["keys:manage"], "expires_at": "2090-01-01T00:00:00Z"}
    child = manager.post(owner.keys, json=body).json()
    grandchild = machine(site, child["secret_key"]).post(owner.keys, json={"name": "g", "scopes": ["keys:manage"]})
    assert grandchild.json()["expires_at"] == "2090-01-01T00:00:00Z"


def test_a_key_made_with_a_personal_token(site: Site, owner: Browser) -> None:
    token = owner.client.post("/api/v1/me/tokens", json={"name": "t", "expires_at": SOON}).json()["token"]
    child = machine(site, token).post(owner.keys, json={"name": "child"})
    assert (child.status_code, child.json()["expires_at"]) == (201, SOON)


def test_people_and_endless_credentials_give_what_is_asked(site: Site, owner: Browser) -> None:
    assert owner.client.post(owner.keys, json={"name": "k"}).json()["expires_at"] is None
    token = owner.client.post("/api/v1/me/tokens", json={"name": "t"}).json()
    assert token["expires_at"] is None
    assert machine(site, token["token"]).post(owner.keys, json={"name": "k"}).json()["expires_at"] is None
