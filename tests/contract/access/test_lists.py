"""Keys, tokens and invitations come in windows and can be renamed, on both SQL engines."""

import pytest

from fixtures_access import Browser


def walk(owner: Browser, path: str) -> list[str]:
    """Ids of a whole list, two rows at a time."""
    seen: list[str] = []
    cursor = ""
    while True:
        page = owner.client.get(f"{path}?limit=2{cursor}").json()
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return seen
        cursor = f"&cursor={page['next_cursor']}"


@pytest.mark.parametrize("count", [4, 5])
def test_keys_tokens_and_invitations_come_in_windows(owner: Browser, count: int) -> None:
    made: dict[str, list[str]] = {owner.keys: [], "/api/v1/me/tokens": []}
    for number in range(count):
        for path, ids in made.items():
            ids.append(owner.client.post(path, json={"name": f"n{number}"}).json()["id"])
    invites = [
        owner.client.post(f"{owner.organization}/users", json={"email": f"p{n}@example.com"}).json()["id"]
        for n in range(count)
    ]
    for path, ids in {**made, f"{owner.organization}/invites": invites}.items():
        assert walk(owner, path) == ids[::-1]
        assert owner.client.get(f"{path}?cursor=nonsense").status_code == 400


def test_a_token_is_renamed_by_its_owner(owner: Browser) -> None:
    token = owner.client.post("/api/v1/me/tokens", json={"name": "laptop"}).json()
    renamed = owner.client.patch(f"/api/v1/me/tokens/{token['id']}", json={"name": "desk"})
    assert renamed.json()["name"] == "desk"
    assert owner.client.get("/api/v1/me/tokens").json()["items"][0]["name"] == "desk"
    assert owner.client.patch("/api/v1/me/tokens/tok_none", json={"name": "x"}).status_code == 404
    assert owner.client.patch(f"/api/v1/me/tokens/{token['id']}", json={"name": " "}).status_code == 400
