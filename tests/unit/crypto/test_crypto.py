"""Envelope encryption: what comes out is what went in, or an IntegrityError; and master keys on disk."""

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.kernel.errors import ConfigurationError, IntegrityError
from kaname.storage.crypto import Keyring, add_master_key, key_id_of, load_keyring
from kaname.storage.crypto_settings import MASTER_KEY_FILE, CryptoSettings

OLD, NEW = b"o" * 32, b"n" * 32
RING = Keyring([OLD])


@given(st.binary(max_size=2000), st.text(max_size=50))
def test_round_trip(secret: bytes, context: str) -> None:
    sealed = RING.seal(secret, context)
    assert RING.open(sealed, context) == secret
    assert RING.seal(secret, context) != sealed
    assert len(secret) < 8 or secret not in sealed


@given(st.binary(max_size=100), st.text(max_size=20), st.text(max_size=20))
def test_an_envelope_opens_only_where_it_belongs(secret: bytes, context: str, other: str) -> None:
    if context != other:
        with pytest.raises(IntegrityError):
            RING.open(RING.seal(secret, context), other)


@given(st.data())
def test_every_changed_bit_is_noticed(data: st.DataObject) -> None:
    sealed = bytearray(RING.seal(b"the secret", "here"))
    position = data.draw(st.integers(0, len(sealed) - 1))
    sealed[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(IntegrityError):
        RING.open(bytes(sealed), "here")


@given(st.binary(max_size=200))
def test_rubbish_and_pieces_are_refused(rubbish: bytes) -> None:
    with pytest.raises(IntegrityError):
        RING.open(rubbish, "here")
    sealed = RING.seal(b"the secret", "here")
    for cut in range(len(sealed)):
        with pytest.raises(IntegrityError):
            RING.open(sealed[:cut], "here")


def test_rotation_rewraps_without_touching_the_payload() -> None:
    sealed = RING.seal(b"secret", "here")
    both, newest = Keyring([NEW, OLD]), Keyring([NEW])
    assert both.open(sealed, "here") == b"secret"
    rewrapped = both.rewrap(sealed, "here")
    assert key_id_of(sealed) != key_id_of(rewrapped) == newest.newest_key_id
    assert newest.open(rewrapped, "here") == b"secret"
    assert rewrapped[-18:] == sealed[-18:]
    with pytest.raises(IntegrityError) as caught:
        newest.open(sealed, "here")
    assert caught.value.code == "master_key_missing"
    with pytest.raises(IntegrityError):
        both.rewrap(sealed, "elsewhere")


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = load_keyring(CryptoSettings(), tmp_path)
    path = tmp_path / MASTER_KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    again = load_keyring(CryptoSettings(), tmp_path)
    assert again.open(first.seal(b"x", "c"), "c") == b"x"
    assert [p.name for p in path.parent.iterdir()] == ["master.key"]


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: load_keyring(CryptoSettings(), tmp_path), range(16)))
    assert len({ring.newest_key_id for ring in rings}) == 1


def test_a_new_master_key_goes_in_front(tmp_path: Path) -> None:
    old = load_keyring(CryptoSettings(), tmp_path)
    sealed = old.seal(b"x", "c")
    new = add_master_key(tmp_path / MASTER_KEY_FILE)
    assert new.newest_key_id != old.newest_key_id
    assert new.open(sealed, "c") == b"x"
    assert load_keyring(CryptoSettings(), tmp_path).newest_key_id == new.newest_key_id


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    load_keyring(CryptoSettings(), tmp_path)
    (tmp_path / MASTER_KEY_FILE).chmod(0o640)
    with pytest.raises(ConfigurationError, match="others may read"):
        load_keyring(CryptoSettings(), tmp_path)


@pytest.mark.parametrize("text", ["", "# nothing\n", "not base64!\n", base64.b64encode(b"short").decode(), "é"])
def test_damaged_key_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "k"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError):
        load_keyring(CryptoSettings(key_file=str(path)), tmp_path)


def test_keys_from_the_setting(tmp_path: Path) -> None:
    texts = [base64.b64encode(key).decode() for key in (NEW, OLD)]
    ring = load_keyring(CryptoSettings(keys=", ".join(texts)), tmp_path)
    assert ring.open(RING.seal(b"x", "c"), "c") == b"x"
    assert not (tmp_path / MASTER_KEY_FILE).exists()
    with pytest.raises(ConfigurationError):
        load_keyring(CryptoSettings(keys="c2hvcnQ="), tmp_path)
