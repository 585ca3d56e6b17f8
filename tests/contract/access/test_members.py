"""Members, roles and invitations: who may do what to whom, on both SQL engines."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from fixtures_access import PASSWORD, Browser, Site
from kaname.access.permissions import ROLES


def users_of(browser: Browser) -> dict[str, str]:
    return {u["email"]: u["role"] for u in browser.client.get(f"{browser.organization}/users").json()["items"]}


def test_an_invited_person_joins_with_the_role(site: Site, owner: Browser) -> None:
    site.join(owner, "Viewer@Example.com", "viewer")
    assert users_of(owner) == {"owner@example.com": "owner", "viewer@example.com": "viewer"}
    assert site.log_in("viewer@example.com").me["organizations"][0]["role"] == "viewer"


def test_people_are_listed_in_windows(site: Site, owner: Browser) -> None:
    for number in range(4):
        site.join(owner, f"person{number}@example.com", "viewer")
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        page = owner.client.get(f"{owner.organization}/users?limit=2{cursor}").json()
        seen += [u["email"] for u in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    assert len(seen) == len(set(seen)) == 5
    assert owner.client.get(f"{owner.organization}/users?cursor=nonsense").status_code == 400


def test_an_invitation_works_once(site: Site, owner: Browser) -> None:
    made = owner.client.post(f"{owner.organization}/users", json={"email": "a@example.com"}).json()
    assert made["link"] == f"/invite?token={made['token']}"
    body = {"token": made["token"], "name": "A", "password": PASSWORD}
    assert site.visitor().post("/api/v1/auth/accept-invite", json=body).status_code == 201
    assert site.visitor().post("/api/v1/auth/accept-invite", json=body).status_code == 401


def test_invitations_end_by_time_by_a_newer_one_and_by_cancelling(site: Site, owner: Browser) -> None:
    def accept(token: str) -> int:
        body = {"token": token, "name": "A", "password": PASSWORD}
        return site.visitor().post("/api/v1/auth/accept-invite", json=body).status_code

    invite = {"email": "a@example.com", "role": "member"}
    first = owner.client.post(f"{owner.organization}/users", json=invite).json()
    second = owner.client.post(f"{owner.organization}/users", json=invite).json()
    assert accept(first["token"]) == 401
    assert [i["id"] for i in owner.client.get(f"{owner.organization}/invites").json()["items"]] == [second["id"]]
    assert owner.client.delete(f"{owner.organization}/invites/{second['id']}").status_code == 204
    assert owner.client.delete(f"{owner.organization}/invites/{second['id']}").status_code == 404
    assert accept(second["token"]) == 401
    third = owner.client.post(f"{owner.organization}/users", json=invite).json()
    site.clock.advance(8 * 86_400)
    assert accept(third["token"]) == 401


def test_an_existing_account_joins_with_its_own_password(site: Site, owner: Browser) -> None:
    site.second_organization()
    made = owner.client.post(f"{owner.organization}/users", json={"email": "other@example.org"}).json()
    body = {"token": made["token"], "name": "ignored", "password": "not their password"}
    assert site.visitor().post("/api/v1/auth/accept-invite", json=body).status_code == 401
    joined = site.visitor().post("/api/v1/auth/accept-invite", json=body | {"password": PASSWORD})
    assert joined.status_code == 201
    assert sorted(o["role"] for o in joined.json()["organizations"]) == ["member", "owner"]
    assert joined.json()["user"]["name"] == "Other"


def test_the_last_owner_can_neither_leave_nor_step_down(site: Site, owner: Browser) -> None:
    me = f"{owner.organization}/users/{owner.user_id}"
    for answer in (owner.client.delete(me), owner.client.patch(me, json={"role": "admin"})):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    second = site.join(owner, "second@example.com", "owner")
    assert owner.client.patch(me, json={"role": "admin"}).status_code == 204
    assert second.client.delete(f"{owner.organization}/users/{second.user_id}").status_code == 409


def test_two_owners_who_leave_at_once_cant_both_leave(site: Site, owner: Browser) -> None:
    second = site.join(owner, "second@example.com", "owner")

    def leave(browser: Browser) -> int:
        return browser.client.delete(f"{browser.organization}/users/{browser.user_id}").status_code

    with ThreadPoolExecutor(2) as pool:
        codes = sorted(pool.map(leave, [owner, second]))
    assert codes == [204, 409]


def test_an_admin_cant_touch_or_make_owners(site: Site, owner: Browser) -> None:
    admin = site.join(owner, "admin@example.com", "admin")
    the_owner = f"{owner.organization}/users/{owner.user_id}"
    assert admin.client.delete(the_owner).status_code == 403
    assert admin.client.patch(the_owner, json={"role": "viewer"}).status_code == 403
    myself = f"{owner.organization}/users/{admin.user_id}"
    assert admin.client.patch(myself, json={"role": "owner"}).status_code == 403
    invite = {"email": "x@example.com", "role": "owner"}
    assert admin.client.post(f"{owner.organization}/users", json=invite).status_code == 403
    assert users_of(owner) == {"owner@example.com": "owner", "admin@example.com": "admin"}


def test_a_project_role_replaces_the_organizations_in_that_project_alone(site: Site, owner: Browser) -> None:
    member = site.join(owner, "m@example.com", "viewer")
    second = owner.client.post(f"{owner.organization}/projects", json={"name": "second"}).json()
    role = f"{owner.organization}/projects/{owner.project_id}/roles/{member.user_id}"
    assert member.client.post(owner.keys, json={"name": "k", "scopes": ["traces:read"]}).status_code == 403
    assert owner.client.put(role, json={"role": "admin"}).status_code == 204
    assert member.client.post(owner.keys, json={"name": "k", "scopes": ["traces:read"]}).status_code == 201
    assert member.client.get(f"/api/v1/projects/{second['id']}/keys").status_code == 403
    assert member.client.get(f"{owner.organization}/audit").status_code == 403
    listed = owner.client.get(f"{owner.organization}/users").json()["items"]
    assert {u["email"]: u["project_roles"] for u in listed} == {
        "m@example.com": {owner.project_id: "admin"},
        "owner@example.com": {},
    }
    assert owner.client.delete(role).status_code == 204
    assert member.client.get(owner.keys).status_code == 403
    assert owner.client.put(role, json={"role": "owner"}).status_code == 409
    assert owner.client.put(role.replace(owner.project_id, "prj_none"), json={"role": "admin"}).status_code == 404


def test_a_removed_member_loses_everything_at_once(site: Site, owner: Browser) -> None:
    member = site.join(owner, "m@example.com", "admin")
    token = member.client.post("/api/v1/me/tokens", json={"name": "t"}).json()["token"]
    owner.client.put(
        f"{owner.organization}/projects/{owner.project_id}/roles/{member.user_id}", json={"role": "member"}
    )
    assert owner.client.delete(f"{owner.organization}/users/{member.user_id}").status_code == 204
    assert member.client.get(owner.keys).status_code == 404
    assert site.visitor().get(owner.keys, headers={"authorization": f"Bearer {token}"}).status_code == 404
    assert member.client.get("/api/v1/me").json()["organizations"] == []
    assert owner.client.delete(f"{owner.organization}/users/{member.user_id}").status_code == 404


@pytest.mark.parametrize("role", ["", "root", "Owner", None, 1])
def test_unknown_roles(owner: Browser, role: object) -> None:
    body = {"email": "a@example.com", "role": role}
    assert owner.client.post(f"{owner.organization}/users", json=body).status_code == 400
    assert owner.client.get(f"{owner.organization}/invites").json()["items"] == []


@pytest.mark.parametrize("email", ["", "a", "@b", "a@", "a b@c", "a\x00@b.example", "a" * 321 + "@b"])
def test_bad_addresses(owner: Browser, email: str) -> None:
    assert owner.client.post(f"{owner.organization}/users", json={"email": email}).status_code == 400


@pytest.mark.parametrize("role", ROLES)
def test_organization_and_project_names(site: Site, owner: Browser, role: str) -> None:
    browser = owner if role == "owner" else site.join(owner, "x@example.com", role)
    renamed = browser.client.patch(browser.organization, json={"name": "要"}).status_code
    assert renamed == (200 if role == "owner" else 403)
    project = f"{browser.organization}/projects/{browser.project_id}"
    changed = browser.client.patch(project, json={"name": "変更"}).status_code
    assert changed == (200 if role in ("owner", "admin") else 403)
    assert browser.client.get(f"{browser.organization}/projects").status_code == 200
