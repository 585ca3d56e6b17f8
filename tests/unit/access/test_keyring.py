"""The key ring without a database: whatever bytes come in, a principal or UnauthenticatedError comes out."""

import base64
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaname.access import keyring as keyring_module
from kaname.access.keyring import KeyRing
from kaname.access.ports import KeyRecord
from kaname.kernel.errors import PermissionDeniedError, UnauthenticatedError, UnavailableError
from kaname.testing.access import KeyList, ring_with_key


def basic(public_key: str, secret_key: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{public_key}:{secret_key}".encode())


@pytest.fixture
def keys() -> KeyList:
    return KeyList()


def test_the_three_ways_in(keys: KeyList) -> None:
    public_key, secret_key = keys.issue("prj_1")
    ring = KeyRing(keys)
    ring.refresh()
    for principal in (
        ring.authenticate(f"Bearer {secret_key}".encode()),
        ring.authenticate(f"bearer   {secret_key} ".encode()),
        ring.authenticate(basic(public_key, secret_key)),
        ring.authenticate(None, secret_key.encode()),
    ):
        assert principal.project_id == "prj_1"


def test_require() -> None:
    ring, secret_key = ring_with_key(scopes=["traces:write"])
    principal = ring.authenticate(f"Bearer {secret_key}".encode())
    ring.require(principal, "traces:write")
    with pytest.raises(PermissionDeniedError, match="traces:read"):
        ring.require(principal, "traces:read")


def test_the_public_id_of_another_key_doesnt_pass(keys: KeyList) -> None:
    (public_a, _), (_, secret_b) = keys.issue(), keys.issue()
    ring = KeyRing(keys)
    ring.refresh()
    with pytest.raises(UnauthenticatedError, match="pair"):
        ring.authenticate(basic(public_a, secret_b))


def test_no_credential_is_told_apart_from_a_wrong_one() -> None:
    ring, _ = ring_with_key()
    with pytest.raises(UnauthenticatedError, match="no API key was sent"):
        ring.authenticate(None)


def test_one_changed_character_anywhere_is_refused() -> None:
    ring, secret_key = ring_with_key()
    for i, old in enumerate(secret_key):
        changed = secret_key[:i] + ("0" if old != "0" else "1") + secret_key[i + 1 :]
        with pytest.raises(UnauthenticatedError):
            ring.authenticate(f"Bearer {changed}".encode())


def test_expiry(keys: KeyList) -> None:
    now = datetime.now(UTC)
    _, alive = keys.issue(expires_at=now + timedelta(hours=1))
    _, dead = keys.issue(expires_at=now - timedelta(seconds=1))
    ring = KeyRing(keys)
    ring.refresh()
    assert ring.authenticate(f"Bearer {alive}".encode())
    with pytest.raises(UnauthenticatedError, match="expired"):
        ring.authenticate(f"Bearer {dead}".encode())


def revoke(keys: KeyList) -> None:
    keys.records.append(dataclasses.replace(keys.records[0], usable=False))


def test_a_revoked_key_that_was_used_is_refused(keys: KeyList) -> None:
    _, secret_key = keys.issue()
    ring = KeyRing(keys)
    ring.refresh()
    header = f"Bearer {secret_key}".encode()
    for _ in range(2):
        ring.authenticate(header)
    revoke(keys)
    ring.refresh()
    with pytest.raises(UnauthenticatedError):
        ring.authenticate(header)


def test_a_key_revoked_while_it_is_checked_is_not_remembered(keys: KeyList, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret_key = keys.issue()
    ring = KeyRing(keys)
    ring.refresh()
    header = f"Bearer {secret_key}".encode()

    def revoked_meanwhile(a: bytes, b: bytes) -> bool:
        revoke(keys)
        ring.refresh()
        return a == b

    monkeypatch.setattr(keyring_module, "compare_digest", revoked_meanwhile)
    ring.authenticate(header)
    monkeypatch.undo()
    with pytest.raises(UnauthenticatedError):
        ring.authenticate(header)


def test_unknown_keys_and_wrong_secrets_take_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both reach the constant-time comparison, once, with digests of the same length."""
    ring, secret_key = ring_with_key()
    compared: list[tuple[int, int]] = []

    def watch(a: bytes, b: bytes) -> bool:
        compared.append((len(a), len(b)))
        return False

    monkeypatch.setattr(keyring_module, "compare_digest", watch)
    wrong_secret = secret_key[:-1] + ("0" if secret_key[-1] != "0" else "1")
    unknown = "kn-sk-" + "0" * 20 + secret_key[26:]
    messages = set()
    for text in (wrong_secret, unknown):
        with pytest.raises(UnauthenticatedError) as caught:
            ring.authenticate(f"Bearer {text}".encode())
        messages.add(str(caught.value))
    assert compared == [(32, 32), (32, 32)]
    assert len(messages) == 1


_RING, _SECRET = ring_with_key()
_NEAR = st.one_of(
    st.binary(max_size=600),
    st.builds(lambda s, b: s + b, st.sampled_from([b"Bearer ", b"Basic ", b"basic", b"Bearer kn-sk-"]), st.binary()),
    st.builds(lambda b: b"Basic " + base64.b64encode(b), st.binary(max_size=200)),
    st.builds(lambda i, b: (_SECRET[:i]).encode() + b, st.integers(0, 66), st.binary(max_size=70)),
)


@settings(max_examples=500)
@given(authorization=st.none() | _NEAR, x_api_key=st.none() | _NEAR)
def test_any_header_is_answered_with_unauthenticated(authorization: bytes | None, x_api_key: bytes | None) -> None:
    with pytest.raises(UnauthenticatedError):
        _RING.authenticate(authorization, x_api_key)


class _FlakySource(KeyList):
    down: bool = False

    def __init__(self) -> None:
        super().__init__()
        self.down = False

    def changes_since(self, version: int) -> tuple[int, list[KeyRecord]]:
        if self.down:
            raise UnavailableError("down")
        version, records = super().changes_since(version)
        return version, list(records)


def test_known_keys_go_on_counting_while_the_database_is_away() -> None:
    source = _FlakySource()
    _, secret_key = source.issue()
    ring = KeyRing(source)
    ring.refresh()
    source.down = True
    with pytest.raises(UnavailableError):
        ring.refresh()
    assert ring.authenticate(f"Bearer {secret_key}".encode())


def test_starting_without_a_database_fails_loudly() -> None:
    source = _FlakySource()
    source.down = True
    with pytest.raises(UnavailableError):
        KeyRing(source).start()


def test_uses_are_noted_once_and_flushed_at_the_end(keys: KeyList) -> None:
    _, secret_key = keys.issue()
    keys.issue()
    with KeyRing(keys) as ring:
        for _ in range(3):
            ring.authenticate(f"Bearer {secret_key}".encode())
    assert list(keys.uses) == ["key_0"]
    keys.uses.clear()
    ring.flush_uses()
    assert keys.uses == {}
