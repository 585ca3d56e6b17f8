"""Envelope encryption for secrets at rest: AES-256-GCM under a fresh data key, which a master key wraps.

    envelope = 0x01 ‖ key id (8 bytes) ‖ nonce (12) ‖ wrapped data key (48) ‖ nonce (12) ‖ ciphertext and tag

Both layers bind `context` (where the secret belongs: table, row, column), so an envelope that is copied elsewhere
doesn't open. Rotation adds a master key in front and re-wraps data keys only; the payload is neither read nor changed.
Losing the master keys loses every secret. Deliberately not here: who may read a secret, and key management services.
"""

import base64
import binascii
import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kaname.kernel.errors import ConfigurationError, IntegrityError
from kaname.kernel.ids import random_token
from kaname.storage.crypto_settings import MASTER_KEY_FILE, CryptoSettings

KEY_BYTES = 32
_VERSION = b"\x01"
_KEY_ID_BYTES = 8
_NONCE_BYTES = 12
_WRAPPED_BYTES = KEY_BYTES + 16
_HEADER_BYTES = 1 + _KEY_ID_BYTES + _NONCE_BYTES + _WRAPPED_BYTES
_FILE_HEAD = """\
# Kaname's master keys: the first encrypts, the others only decrypt until everything is re-wrapped.
# Whoever has this file can read every stored secret; without it nobody can. Keep a copy apart from the data.
"""


class Keyring:
    """Master keys, newest first. Seals with the newest, opens with any."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ConfigurationError("a master key must have 32 bytes", hint="Make one: `openssl rand -base64 32`.")
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._newest = _key_id(keys[0])

    @property
    def newest_key_id(self) -> str:
        """Id of the key that new envelopes use: a part of its hash, in hex."""
        return self._newest.hex()

    @property
    def key_ids(self) -> frozenset[str]:
        """Ids of all keys that can open envelopes."""
        return frozenset(key_id.hex() for key_id in self._ciphers)

    def seal(self, plaintext: bytes, context: str) -> bytes:
        """The envelope of a secret that belongs at `context`."""
        data_key, nonce = os.urandom(KEY_BYTES), os.urandom(_NONCE_BYTES)
        head = self._wrap(data_key, context)
        return head + nonce + AESGCM(data_key).encrypt(nonce, plaintext, _bound(context))

    def open(self, envelope: bytes, context: str) -> bytes:
        """The secret inside; raises IntegrityError if anything but what `seal` made for this context comes in."""
        data_key = self._unwrap(envelope, context)
        nonce = envelope[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES]
        try:
            return AESGCM(data_key).decrypt(nonce, envelope[_HEADER_BYTES + _NONCE_BYTES :], _bound(context))
        except (InvalidTag, ValueError):
            raise _damaged() from None

    def rewrap(self, envelope: bytes, context: str) -> bytes:
        """The same secret under the newest master key."""
        return self._wrap(self._unwrap(envelope, context), context) + envelope[_HEADER_BYTES:]

    def _wrap(self, data_key: bytes, context: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        head = _VERSION + self._newest
        return head + nonce + self._ciphers[self._newest].encrypt(nonce, data_key, head + _bound(context))

    def _unwrap(self, envelope: bytes, context: str) -> bytes:
        if len(envelope) < _HEADER_BYTES + _NONCE_BYTES + 16 or envelope[:1] != _VERSION:
            raise _damaged()
        key_id = envelope[1 : 1 + _KEY_ID_BYTES]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise IntegrityError(
                f"a secret was sealed with master key {key_id.hex()!r}, which isn't here",
                hint="Put that key back: setting crypto.keys, or the file of master keys.",
                code="master_key_missing",
            )
        head, rest = envelope[: 1 + _KEY_ID_BYTES], envelope[1 + _KEY_ID_BYTES : _HEADER_BYTES]
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head + _bound(context))
        except InvalidTag:
            raise _damaged() from None


def key_id_of(envelope: bytes) -> str:
    """Id of the master key that wrapped an envelope."""
    return envelope[1 : 1 + _KEY_ID_BYTES].hex()


def load_keyring(settings: CryptoSettings, data_dir: Path) -> Keyring:
    """Master keys from the setting or the file; makes the file where there is neither."""
    if settings.keys:
        return Keyring([_decode(text, "setting crypto.keys") for text in settings.keys.split(",") if text.strip()])
    path = Path(settings.key_file) if settings.key_file else data_dir / MASTER_KEY_FILE
    if not path.exists():
        _write_key_file(path, [os.urandom(KEY_BYTES)], replace=False)
    return Keyring(_read_key_file(path))


def add_master_key(path: Path) -> Keyring:
    """Puts a new master key in front of those in the file. Re-wrap all secrets next; then old keys may be removed."""
    _write_key_file(path, [os.urandom(KEY_BYTES), *_read_key_file(path)], replace=True)
    return Keyring(_read_key_file(path))


def _read_key_file(path: Path) -> list[bytes]:
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigurationError(f"master key file {str(path)!r} can't be read: {e}", hint="Restore it.") from e
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"others may read master key file {str(path)!r}", hint=f"chmod 600 {path}")
    keys = [_decode(line, str(path)) for line in lines if line.strip() and not line.startswith("#")]
    if not keys:
        raise ConfigurationError(f"master key file {str(path)!r} has no key", hint="Restore it from your copy.")
    return keys


def _write_key_file(path: Path, keys: Sequence[bytes], *, replace: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = _FILE_HEAD + "".join(base64.b64encode(key).decode() + "\n" for key in keys)
    temporary = path.with_name(f"{path.name}.{random_token(10)}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        if replace:
            temporary.replace(path)
        else:
            # A link fails if the file exists: of two processes that start together, one makes the key and both use it.
            path.hardlink_to(temporary)
    except FileExistsError:
        pass
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _decode(text: str, origin: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except binascii.Error as e:
        raise ConfigurationError(f"a master key in {origin} isn't base64", hint="Restore it from your copy.") from e


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"kaname master key id" + key).digest()[:_KEY_ID_BYTES]


def _bound(context: str) -> bytes:
    return context.encode()


def _damaged() -> IntegrityError:
    return IntegrityError(
        "a sealed secret was changed, or belongs elsewhere", hint="Store the secret again, or restore a backup."
    )
