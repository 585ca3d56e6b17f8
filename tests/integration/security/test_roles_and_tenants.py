"""Who gets where: every role against every route, keys without scopes, other projects and other organizations."""

import json

import pytest

from kaname.access.http import SESSION_COOKIE
from kaname.access.permissions import ROLE_PERMISSIONS, ROLES, Role
from kaname.app.route_table import ROUTES
from live import PASSWORD, LiveServer, request
from security_places import OtherPlace, Person, join

TRACE, SPAN = "ab" * 16, "cd" * 8
NOBODY = {
    "trace_id": TRACE, "span_id": SPAN, "field": "input", "digest": "a" * 64, "session_id": "s",
    "user_id": "usr_nobody", "score_id": "scr_none", "key_id": "key_none", "token_id": "tok_none",
    "invite_id": "inv_none", "price_id": "prc_none",
}  # fmt: skip
GUARDED = [(method, path, rule.permission) for (method, path), rule in ROUTES.items() if rule.permission is not None]


def fill(path: str, *, organization_id: str, project_id: str) -> str:
    for name, value in {**NOBODY, "organization_id": organization_id, "project_id": project_id}.items():
        path = path.replace(f"{{{name}}}", value)
    return path


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reaches_exactly_what_it_may(attacked: LiveServer, people: dict[str, Person], role: Role) -> None:
    for method, template, permission in GUARDED:
        path = fill(template, organization_id=attacked.organization_id, project_id=attacked.project_id)
        if path.endswith("/live") or "/api/public/" in path:
            continue  # a stream; and routes of API keys alone
        # Nothing is changed: bodies lack what is demanded, ids don't exist, and a project is deleted by nobody.
        if method == "DELETE" and path.endswith(attacked.project_id):
            path = path.replace(attacked.project_id, "prj_none")
        answer = people[role].call(method, path, None if method in ("GET", "DELETE") else b"{}")
        assert answer.status < 500, (method, path, answer.body)
        allowed = permission in ROLE_PERMISSIONS[role]
        assert (answer.status != 403) == allowed, (role, method, path, permission, answer.status, answer.body)


def test_other_organizations_and_projects_do_not_exist(attacked: LiveServer, other_place: OtherPlace) -> None:
    for method, template, _ in GUARDED:
        if "{organization_id}" not in template and "{project_id}" not in template:
            continue  # it belongs to nobody, or to the installation
        path = fill(template, organization_id=other_place.organization_id, project_id=other_place.project_id)
        body = None if method in ("GET", "DELETE") else {}
        for answer in (attacked.call(method, path, body), attacked.with_key(method, path, body)):
            assert answer.status == 404, (method, path, answer.status, answer.body)
            assert b"Secret" not in answer.body


def test_a_path_of_two_places_is_of_neither(attacked: LiveServer, other_place: OtherPlace) -> None:
    base = f"/api/v1/organizations/{attacked.organization_id}/projects/{other_place.project_id}"
    assert attacked.call("PATCH", base, {"name": "mine"}).status == 404
    assert attacked.call("DELETE", base).status == 404
    assert attacked.call("PUT", f"{base}/roles/usr_stranger", {"role": "viewer"}).status == 404


def test_admins_cannot_rise_above_themselves(attacked: LiveServer, people: dict[str, Person]) -> None:
    users = f"/api/v1/organizations/{attacked.organization_id}/users"
    admin, owner = people["admin"], people["owner"]
    owner_role, admin_role = b'{"role":"owner"}', b'{"role":"admin"}'
    assert admin.call("PATCH", f"{users}/{admin.user_id}", owner_role).status == 403
    assert admin.call("PATCH", f"{users}/{owner.user_id}", admin_role).status == 403
    assert admin.call("DELETE", f"{users}/{owner.user_id}").status == 403
    assert admin.call("POST", users, b'{"email":"z@example.com","role":"owner"}').status == 403
    roles = f"/api/v1/organizations/{attacked.organization_id}/projects/{attacked.project_id}/roles"
    assert admin.call("PUT", f"{roles}/{owner.user_id}", b'{"role":"viewer"}').status == 403
    assert people["member"].call("PUT", f"{roles}/{people['member'].user_id}", admin_role).status == 403


def test_a_removed_member_is_out_at_once(attacked: LiveServer) -> None:
    gone = join(attacked, "admin", "gone")
    keys = attacked.project_path("keys")
    token = json.loads(gone.call("POST", "/api/v1/me/tokens", b'{"name":"t"}').body)["token"]
    assert gone.call("GET", keys).status == 200
    attacked.call("DELETE", f"/api/v1/organizations/{attacked.organization_id}/users/{gone.user_id}")
    assert gone.call("GET", keys).status == 404
    with_token = request("GET", f"{attacked.url}{keys}", headers={"authorization": f"Bearer {token}"})
    assert with_token.status == 404


def test_a_key_gives_no_more_than_it_has(attacked: LiveServer) -> None:
    keys = attacked.project_path("keys")
    made = attacked.call("POST", keys, {"name": "minter", "scopes": ["keys:manage", "traces:write"]}).json()
    bearer = {"authorization": f"Bearer {made['secret_key']}"}
    for scopes, status in ((["traces:read"], 403), (["traces:write"], 201), (["members:manage"], 400), ([], 400)):
        assert attacked.with_key("POST", keys, {"name": "k", "scopes": scopes}, headers=bearer).status == status
    assert attacked.with_key("POST", keys, {"name": "k"}, headers=bearer).status == 403, "the default is more"
    assert attacked.with_key("GET", attacked.project_path("spans"), headers=bearer).status == 403
    assert attacked.with_key("GET", "/api/v1/models", headers=bearer).status == 403
    assert attacked.with_key("GET", "/api/v1/system/status", headers=bearer).status == 403
    chat = attacked.with_key("POST", "/v1/chat/completions", {"model": "m"}, headers=bearer)
    assert (chat.status, chat.json()["error"]["code"]) == (403, "permission_denied")
    assert attacked.with_key("PATCH", "/api/v1/me", {"name": "k"}, headers=bearer).status == 403
    assert attacked.with_key("POST", "/api/v1/me/tokens", {"name": "k"}, headers=bearer).status == 403


def test_revoked_and_malformed_keys_are_refused_on_every_surface(attacked: LiveServer) -> None:
    made = attacked.call("POST", attacked.project_path("keys"), {"name": "short-lived"}).json()
    attacked.call("DELETE", attacked.project_path(f"keys/{made['id']}"))
    secret = made["secret_key"]
    wrong = attacked.secret_key[:-1] + ("0" if attacked.secret_key[-1] != "0" else "1")
    for credential in (
        f"Bearer {secret}",
        f"Bearer {wrong}",
        "Bearer ",
        "Basic !!",
        "Basic Og==",
        "kn-sk-",
        "x" * 5000,
    ):
        headers = {"authorization": credential}
        otlp = attacked.with_key("POST", "/v1/traces", {}, headers=headers)
        assert (otlp.status, otlp.json()["code"]) == (401, 16)
        assert otlp.headers["www-authenticate"]
        gateway = attacked.with_key("POST", "/v1/chat/completions", {}, headers=headers)
        assert (gateway.status, gateway.json()["error"]["code"]) == (401, "invalid_api_key")
        assert attacked.with_key("GET", attacked.project_path("spans"), headers=headers).status == 401
        assert attacked.with_key("POST", "/api/public/scores", {}, headers=headers).status == 401


def test_changes_by_cookie_need_the_csrf_token(attacked: LiveServer, people: dict[str, Person]) -> None:
    keys = attacked.project_path("keys")
    for token in ("", "0" * 64, people["admin"].csrf_token):
        refused = attacked.call("POST", keys, {"name": "csrf"}, headers={"x-csrf-token": token})
        assert (refused.status, refused.json()["code"]) == (403, "csrf_token_invalid")
    form = {"content-type": "text/plain"}
    assert attacked.call("POST", keys, {"name": "csrf"}, headers=form).status == 400


def test_a_login_takes_over_no_session_and_comes_from_our_pages_only(attacked: LiveServer) -> None:
    credentials = {"email": attacked.email, "password": attacked.password}
    planted = {"cookie": f"{SESSION_COOKIE}={'a' * 40}"}
    answer = attacked.call("POST", "/api/v1/auth/login", credentials, headers=planted)
    cookie = answer.headers["set-cookie"]
    assert "a" * 40 not in cookie
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
    for site in ("cross-site", "same-site"):
        refused = attacked.call("POST", "/api/v1/auth/login", credentials, headers={"sec-fetch-site": site})
        assert refused.status == 403


def test_an_invitation_works_once(attacked: LiveServer) -> None:
    users = f"/api/v1/organizations/{attacked.organization_id}/users"
    made = attacked.call("POST", users, {"email": "once@example.com", "role": "viewer"}).json()
    body = {"token": made["token"], "name": "Once", "password": PASSWORD}
    assert attacked.call("POST", "/api/v1/auth/accept-invite", body, headers={"cookie": ""}).status == 201
    assert attacked.call("POST", "/api/v1/auth/accept-invite", body, headers={"cookie": ""}).status == 401


def test_nothing_is_offered_to_other_origins(attacked: LiveServer) -> None:
    for path in ("/", "/api/v1/auth/state", "/v1/models", "/healthz"):
        for method in ("GET", "OPTIONS"):
            headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
            answer = attacked.call(method, path, headers=headers)
            assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "frame-ancestors 'none'" in attacked.call("GET", "/").headers["content-security-policy"]


def test_every_change_is_in_the_audit_log(attacked: LiveServer) -> None:
    """Does each kind of change once, as the owner, and then reads the log."""
    organization = f"/api/v1/organizations/{attacked.organization_id}"
    key = attacked.call("POST", attacked.project_path("keys"), {"name": "audited"}).json()["id"]
    attacked.call("PATCH", attacked.project_path(f"keys/{key}"), {"name": "renamed"})
    attacked.call("DELETE", attacked.project_path(f"keys/{key}"))
    project = attacked.call("POST", f"{organization}/projects", {"name": "audited"}).json()["id"]
    attacked.call("PATCH", f"{organization}/projects/{project}", {"name": "renamed"})
    audited = join(attacked, "viewer", "audited")
    attacked.call("PUT", f"{organization}/projects/{project}/roles/{audited.user_id}", {"role": "member"})
    attacked.call("DELETE", f"{organization}/projects/{project}/roles/{audited.user_id}")
    attacked.call("DELETE", f"{organization}/projects/{project}")
    attacked.call("PATCH", f"{organization}/users/{audited.user_id}", {"role": "member"})
    attacked.call("DELETE", f"{organization}/users/{audited.user_id}")
    invite = attacked.call("POST", f"{organization}/users", {"email": "n@example.com", "role": "viewer"}).json()["id"]
    attacked.call("DELETE", f"{organization}/invites/{invite}")
    attacked.call("PATCH", organization, {"name": "Renamed"})
    attacked.call("PATCH", "/api/v1/me", {"name": "Renamed"})
    token = attacked.call("POST", "/api/v1/me/tokens", {"name": "audited"}).json()["id"]
    attacked.call("DELETE", f"/api/v1/me/tokens/{token}")
    price = {"pattern": "m", "prices": {"input_uncached": "1"}}
    price_id = attacked.call("POST", attacked.project_path("prices"), price).json()["id"]
    attacked.call("PATCH", attacked.project_path(f"prices/{price_id}"), {"priority": 1})
    attacked.call("DELETE", attacked.project_path(f"prices/{price_id}"))
    score = {"name": "s", "value": 1, "target": {"session_id": "s"}}
    score_id = attacked.call("POST", attacked.project_path("scores"), score).json()["id"]
    assert attacked.call("DELETE", attacked.project_path(f"scores/{score_id}")).status == 204
    entries = attacked.call("GET", f"{organization}/audit?limit=200").json()["items"]
    assert {
        "key.create", "key.rename", "key.revoke", "project.create", "project.rename", "project.delete",
        "user.project_role", "user.role", "user.remove", "user.invite", "user.invite_cancel", "user.join",
        "organization.rename", "user.update", "token.create", "token.remove", "price.create", "price.update",
        "price.delete", "score.delete", "user.login",
    } <= {e["action"] for e in entries}  # fmt: skip
    assert attacked.call("GET", f"{organization}/audit/verify").json()["intact"] is True
    shown = json.dumps(entries)
    assert attacked.secret_key not in shown
    assert attacked.password not in shown
