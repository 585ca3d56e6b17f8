"""Set-up, login, sessions and CSRF, as an attacker would try them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from fixtures_access import PASSWORD, Browser, Site
from kaname.access import throttle as throttle_module
from kaname.access.tables import login_attempts, login_sessions, setup_tokens, users
from kaname.access.throttle import FREE_FAILURES_OF_ACCOUNT
from kaname.kernel.errors import ConflictError, UnauthenticatedError

LOGIN = "/api/v1/auth/login"


def test_set_up_makes_an_owner_once(site: Site) -> None:
    visitor = site.visitor()
    assert visitor.get("/api/v1/auth/state").json() == {"setup_required": True, "version": "0"}
    owner = site.set_up()
    assert owner.me["organizations"][0]["role"] == "owner"
    assert owner.me["organizations"][0]["projects"][0]["role"] == "owner"
    assert visitor.get("/api/v1/auth/state").json()["setup_required"] is False
    assert site.access.setup.issue() is None


@pytest.mark.parametrize("token", ["", "x", "0" * 40])
def test_set_up_with_a_wrong_token_changes_nothing(site: Site, token: str) -> None:
    site.access.setup.issue()
    body = {"token": token, "email": "a@example.com", "name": "A", "password": PASSWORD}
    assert site.visitor().post("/api/v1/auth/setup", json=body).status_code == 401
    assert site.access.setup.is_required()


def test_a_set_up_link_works_once_and_ends(site: Site) -> None:
    setup = site.access.setup
    first, second = setup.issue(), setup.issue()
    details = {"email": "a@example.com", "name": "A", "password": PASSWORD}
    with pytest.raises(UnauthenticatedError):
        setup.complete(str(first), **details)
    site.clock.advance(86_401)
    with pytest.raises(UnauthenticatedError):
        setup.complete(str(second), **details)
    third = str(setup.issue())
    setup.complete(third, **details)
    with pytest.raises(ConflictError):
        setup.complete(third, **details)


def test_a_refused_password_leaves_the_link_valid(site: Site) -> None:
    body = {"token": site.access.setup.issue(), "email": "a@example.com", "name": "A", "password": "short"}
    visitor = site.visitor()
    answer = visitor.post("/api/v1/auth/setup", json=body)
    assert (answer.status_code, answer.json()["code"], answer.json()["param"]) == (400, "password_refused", "password")
    assert visitor.post("/api/v1/auth/setup", json=body | {"password": PASSWORD}).status_code == 201


def test_secrets_are_only_stored_hashed(site: Site) -> None:
    link = site.access.setup.issue()
    with site.access.database.read() as connection:
        assert link not in str(connection.execute(sa.select(setup_tokens)).all())
    owner = site.set_up()
    cookie = owner.client.cookies["kaname_session"]
    with site.access.database.read() as connection:
        stored = str(connection.execute(sa.select(login_sessions)).all() + connection.execute(sa.select(users)).all())
    assert cookie not in stored
    assert PASSWORD not in stored
    assert "$argon2id$" in stored


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(site: Site, owner: Browser) -> None:
    body = {"email": "OWNER@example.com ", "password": PASSWORD}
    plain = site.visitor().post(LOGIN, json=body).headers["set-cookie"].lower()
    assert "httponly" in plain
    assert "samesite=lax" in plain
    assert "path=/" in plain
    assert "secure" not in plain
    secure = site.visitor().post(f"https://testserver{LOGIN}", json=body).headers["set-cookie"].lower()
    assert "secure" in secure


def test_wrong_passwords_and_unknown_accounts_look_the_same(site: Site, owner: Browser) -> None:
    wrong = site.visitor().post(LOGIN, json={"email": "owner@example.com", "password": "wrong password"})
    unknown = site.visitor().post(LOGIN, json={"email": "nobody@example.com", "password": "wrong password"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.headers.keys() == unknown.headers.keys()


def test_unknown_accounts_cost_a_password_check_too(
    site: Site, owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str | None] = []
    right = type(site.access.members._passwords).is_right

    def watch(self: object, password: str, stored: str | None) -> bool:
        checked.append(stored)
        return right(self, password, stored)

    monkeypatch.setattr(type(site.access.members._passwords), "is_right", watch)
    site.visitor().post(LOGIN, json={"email": "nobody@example.com", "password": "wrong password"})
    assert checked == [None]


def test_guessing_is_slowed_down_for_known_and_unknown_accounts_alike(site: Site, owner: Browser) -> None:
    def guess(email: str) -> list[int]:
        visitor = site.visitor()
        body = {"email": email, "password": "wrong password"}
        return [visitor.post(LOGIN, json=body).status_code for _ in range(FREE_FAILURES_OF_ACCOUNT + 2)]

    expected = [401] * FREE_FAILURES_OF_ACCOUNT + [429] * 2
    assert guess("owner@example.com") == expected
    assert guess("nobody@example.com") == expected
    answer = site.visitor().post(LOGIN, json={"email": "owner@example.com", "password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


def test_what_is_remembered_of_guesses_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle_module, "MAX_ROWS", 20)
    throttle = throttle_module.LoginThrottle(site.clock)
    for number in range(100):
        site.clock.advance(1)
        with site.access.database.write() as connection:
            throttle.count_attempt(connection, f"a{number}@example.com", f"192.0.2.{number}")
    with site.access.database.read() as connection:
        rows = connection.execute(sa.select(sa.func.count()).select_from(login_attempts)).scalar_one()
    assert 0 < rows <= 20


def test_parallel_guesses_all_count(site: Site, owner: Browser) -> None:
    def guess(_: int) -> int:
        return site.visitor().post(LOGIN, json={"email": "owner@example.com", "password": "wrong password"}).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(guess, range(16)))
    assert sorted(set(codes)) == [401, 429]
    assert codes.count(401) == FREE_FAILURES_OF_ACCOUNT


def test_waiting_lets_the_right_password_in_and_clears_the_count(site: Site, owner: Browser) -> None:
    visitor = site.visitor()
    for _ in range(FREE_FAILURES_OF_ACCOUNT + 1):
        visitor.post(LOGIN, json={"email": "owner@example.com", "password": "wrong password"})
    site.clock.advance(2)
    assert site.log_in("owner@example.com")
    assert visitor.post(LOGIN, json={"email": "owner@example.com", "password": "wrong again"}).status_code == 401


def test_no_session_fixation(site: Site, owner: Browser) -> None:
    """A session that an attacker planted in the browser is not the one that gets logged in."""
    planted = site.log_in("owner@example.com").client.cookies["kaname_session"]
    victim = site.visitor()
    victim.cookies.set("kaname_session", planted)
    answer = victim.post(LOGIN, json={"email": "owner@example.com", "password": PASSWORD})
    token = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert token != planted
    attacker = site.visitor()
    attacker.cookies.set("kaname_session", planted)
    assert attacker.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("cookie", ["", "x", "0" * 40, "é" * 40, "a" * 5000])
def test_forged_sessions(site: Site, owner: Browser, cookie: str) -> None:
    headers = {"cookie": b"kaname_session=" + cookie.encode("utf-8")}
    assert site.visitor().get("/api/v1/me", headers=headers).status_code == 401


def test_changes_by_cookie_need_the_csrf_token_of_this_session(site: Site, owner: Browser) -> None:
    other = site.log_in("owner@example.com")
    for token in (None, "", "wrong", "é", other.me["csrf_token"]):
        headers = {} if token is None else {"x-csrf-token": token.encode()}
        del_default = site.visitor()
        del_default.cookies = owner.client.cookies
        answer = del_default.post(owner.keys, json={"name": "k"}, headers=headers)
        assert answer.status_code == 403, token
        assert answer.json()["code"] == "csrf_token_invalid"
    assert owner.client.get(owner.keys).json()["items"] == []
    assert owner.client.post(owner.keys, json={"name": "k"}).status_code == 201


def test_login_from_another_site_is_refused(site: Site, owner: Browser) -> None:
    body = {"email": "owner@example.com", "password": PASSWORD}
    answer = site.visitor().post(LOGIN, json=body, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


def test_logout_ends_the_session_for_good(site: Site, owner: Browser) -> None:
    token = owner.client.cookies["kaname_session"]
    assert owner.client.post("/api/v1/auth/logout").status_code == 204
    again = site.visitor()
    again.cookies.set("kaname_session", token)
    assert again.get("/api/v1/me").status_code == 401


def test_sessions_end_when_idle_and_at_their_absolute_limit(site: Site, owner: Browser) -> None:
    hour = timedelta(hours=1).total_seconds()
    site.clock.advance(71 * hour)
    assert owner.client.get("/api/v1/me").status_code == 200
    site.clock.advance(71 * hour)
    assert owner.client.get("/api/v1/me").status_code == 200
    for _ in range(9):
        site.clock.advance(71 * hour)
        owner.client.get("/api/v1/me")
    assert owner.client.get("/api/v1/me").status_code == 401
    idle = site.log_in("owner@example.com")
    site.clock.advance(73 * hour)
    assert idle.client.get("/api/v1/me").status_code == 401


def test_a_new_password_ends_the_other_sessions(site: Site, owner: Browser) -> None:
    elsewhere = site.log_in("owner@example.com")
    new = "another good password"
    refused = owner.client.patch("/api/v1/me", json={"password": new, "current_password": "guess"})
    assert refused.status_code == 400
    answer = owner.client.patch("/api/v1/me", json={"password": new, "current_password": PASSWORD, "name": "改名"})
    assert answer.status_code == 200
    assert answer.json()["user"]["name"] == "改名"
    assert elsewhere.client.get("/api/v1/me").status_code == 401
    assert owner.client.get("/api/v1/me").json()["csrf_token"] == answer.json()["csrf_token"]
    assert site.log_in("owner@example.com", new)


def test_a_stolen_session_cannot_guess_the_password(site: Site, owner: Browser) -> None:
    guesses = [
        owner.client.patch("/api/v1/me", json={"password": "another good password", "current_password": f"guess {i}"})
        for i in range(8)
    ]
    assert [guess.status_code for guess in guesses] == [400] * 5 + [429] * 3
    assert int(guesses[-1].headers["retry-after"]) >= 1
    assert site.log_in("owner@example.com")  # its owner isn't locked out
    site.clock.advance(timedelta(minutes=15).total_seconds())
    right = {"password": "another good password", "current_password": PASSWORD}
    assert owner.client.patch("/api/v1/me", json=right).status_code == 200


def test_personal_tokens(site: Site, owner: Browser) -> None:
    made = owner.client.post("/api/v1/me/tokens", json={"name": "laptop"}).json()
    shell = site.visitor()
    shell.headers["authorization"] = f"Bearer {made['token']}"
    me = shell.get("/api/v1/me").json()
    assert (me["principal"]["kind"], me["csrf_token"]) == ("personal_token", None)
    assert shell.post(owner.keys, json={"name": "from the shell"}).status_code == 201  # no CSRF: no cookie
    assert shell.post("/api/v1/me/tokens", json={"name": "more"}).status_code == 403
    listed = owner.client.get("/api/v1/me/tokens").json()["items"]
    assert [t["name"] for t in listed] == ["laptop"]
    assert listed[0]["last_used_at"] is not None
    assert made["token"] not in str(listed)
    assert owner.client.delete(f"/api/v1/me/tokens/{made['id']}").status_code == 204
    assert shell.get("/api/v1/me").status_code == 401


def test_personal_tokens_end(site: Site, owner: Browser) -> None:
    ends = (site.clock.now() + timedelta(hours=1)).isoformat()
    made = owner.client.post("/api/v1/me/tokens", json={"name": "short", "expires_at": ends}).json()
    headers = {"authorization": f"Bearer {made['token']}"}
    assert site.visitor().get("/api/v1/me", headers=headers).status_code == 200
    site.clock.advance(3600)
    assert site.visitor().get("/api/v1/me", headers=headers).status_code == 401


def test_a_token_by_password_is_throttled_like_login(site: Site, owner: Browser) -> None:
    visitor = site.visitor()
    body = {"email": "owner@example.com", "password": "wrong password"}
    codes = [visitor.post("/api/v1/auth/token", json=body).status_code for _ in range(FREE_FAILURES_OF_ACCOUNT + 1)]
    assert codes[-1] == 429
    site.clock.advance(1000)
    assert visitor.post("/api/v1/auth/token", json=body | {"password": PASSWORD}).status_code == 201
