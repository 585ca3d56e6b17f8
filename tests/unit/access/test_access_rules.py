"""Tokens, permissions, passwords and names: the small pure parts of access."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.access.model import Membership, Principal
from kaname.access.naming import check_email, check_name
from kaname.access.passwords import Passwords, check_password
from kaname.access.permissions import (
    DEFAULT_KEY_SCOPES,
    PERMISSIONS,
    PROJECT_PERMISSIONS,
    ROLE_PERMISSIONS,
    ROLES,
    outranks,
    parse_scopes,
)
from kaname.access.sessions import csrf_token_of, is_csrf_token
from kaname.access.throttle import network_of
from kaname.access.tokens import (
    PERSONAL_PREFIX,
    SECRET_PREFIX,
    digest_of,
    issue_secret,
    issue_token,
    matches_digest,
    public_part_of,
)
from kaname.kernel.errors import InvalidInputError


@pytest.mark.parametrize("prefix", [SECRET_PREFIX, PERSONAL_PREFIX])
def test_tokens_have_their_form_and_are_all_different(prefix: str) -> None:
    tokens = [issue_token(prefix) for _ in range(200)]
    assert all(re.fullmatch(rf"{prefix}[0-9a-hjkmnp-tv-z]{{20}}-[0-9a-hjkmnp-tv-z]{{40}}", t.text) for t in tokens)
    assert all(public_part_of(t.text, prefix) == t.public_part for t in tokens)
    assert len({t.text for t in tokens}) == len({t.public_part for t in tokens}) == 200
    assert all(matches_digest(t.text, t.digest) for t in tokens)


@given(st.text())
def test_no_text_is_taken_for_a_token_by_accident(text: str) -> None:
    for prefix in (SECRET_PREFIX, PERSONAL_PREFIX):
        part = public_part_of(text, prefix)
        assert part is None or (len(part) == 20 and text.startswith(prefix))
    assert not matches_digest(text, digest_of(issue_secret()[0]))


@given(st.text(), st.text())
def test_csrf_tokens_belong_to_one_session(session: str, header: str) -> None:
    token = csrf_token_of(session)
    assert is_csrf_token(session, token)
    assert is_csrf_token(session, header) is (header == token)
    assert is_csrf_token(session + "x", token) is False
    assert session not in token or session in "0123456789abcdef" or len(session) < 4


def test_roles_are_ordered_by_what_they_may_do() -> None:
    for higher, lower in itertools.pairwise(ROLES):
        assert ROLE_PERMISSIONS[higher] > ROLE_PERMISSIONS[lower]
        assert outranks(higher, lower)
        assert not outranks(lower, higher)
    assert ROLE_PERMISSIONS["owner"] == set(PERMISSIONS)


def test_viewers_and_annotators_cant_change_what_they_shouldnt() -> None:
    assert {p for p in ROLE_PERMISSIONS["viewer"] if not p.endswith(":read")} == set()
    assert {p for p in ROLE_PERMISSIONS["annotator"] if not p.endswith(":read")} == {"scores:write"}


def test_default_scopes_manage_nothing() -> None:
    assert not [s for s in DEFAULT_KEY_SCOPES if s.endswith(":manage") or s.startswith(("keys:", "members:"))]
    assert set(DEFAULT_KEY_SCOPES) <= PROJECT_PERMISSIONS
    assert parse_scopes(list(DEFAULT_KEY_SCOPES) * 2) == tuple(sorted(DEFAULT_KEY_SCOPES))


def test_an_owner_cant_be_shut_out_of_a_project() -> None:
    membership = Membership(organization_id="org_1", role="owner", project_roles={"prj_1": "viewer"})
    assert membership.role_in("prj_1") == "owner"


def test_a_project_role_gives_no_power_over_the_organization() -> None:
    place = Membership(organization_id="org_1", role="viewer", project_roles={"prj_1": "admin"})
    principal = Principal(kind="user", id="usr_1", name="x", user_id="usr_1", memberships=(place,))
    inside = principal.project_permissions("prj_1", "org_1")
    assert inside is not None
    assert "keys:manage" in inside
    assert not inside & {"members:manage", "audit:read", "organization:manage"}
    assert principal.project_permissions("prj_2", "org_1") == ROLE_PERMISSIONS["viewer"]
    assert principal.project_permissions("prj_1", "org_2") is None
    assert "members:manage" not in principal.permissions_anywhere()
    assert "keys:manage" in principal.permissions_anywhere()


def test_an_api_key_knows_one_project() -> None:
    key = Principal(
        kind="api_key", id="k", name="k", organization_id="o", project_id="p", permissions=frozenset({"traces:read"})
    )
    assert key.project_permissions("p", "o") == {"traces:read"}
    assert key.project_permissions("q", "o") is None
    assert key.organization_permissions("o") is None


def test_passwords_in_any_unicode_form() -> None:
    passwords = Passwords()
    stored = passwords.hash("がぎぐげご café 12")
    assert passwords.is_right("がぎぐげご cafe\u0301 12", stored)
    assert not passwords.is_right("がぎぐげご cafe 12", stored)
    assert not passwords.is_right("がぎぐげご café 12", None)
    assert not passwords.is_right("x", "not a hash")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_even_the_password_of_nobody_opens_nothing() -> None:
    assert not Passwords().is_right("no account has this password", None)


@pytest.mark.parametrize(
    "password", ["", "short", "123456789", "a" * 513, "aaaaaaaaaaaa", "somebody@example.com", "Somebody@Example.com"]
)
def test_refused_passwords(password: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_password(password, email="somebody@example.com")
    assert password == "" or password not in str(caught.value)


def test_accepted_passwords() -> None:
    for password in ("0123456789", "パスワードは長いほど良い", "correct horse"):
        check_password(password, email="somebody@example.com")


@given(st.text())
def test_names_are_clean_or_refused(text: str) -> None:
    try:
        name = check_name(text)
    except InvalidInputError:
        return
    assert 0 < len(name) <= 200
    assert name == name.strip()
    assert check_name(name) == name


@given(st.text())
def test_addresses_are_folded_once_and_for_all(text: str) -> None:
    try:
        email = check_email(text)
    except InvalidInputError:
        return
    assert check_email(email) == email
    assert not any(c.isspace() for c in email)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_networks(address: str, network: str) -> None:
    assert network_of(address) == network
