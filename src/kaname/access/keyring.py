"""The hot path of authentication: who sent this `Authorization` header? No database, no lock, no I/O.

All usable project API keys lie in one dict by public part. A background thread asks the key source for changes every
half second, so a new or revoked key counts everywhere within a second; the last known keys go on counting while the
database is away. Whatever bytes come in, `authenticate` answers with a principal or raises UnauthenticatedError.
"""

import binascii
import logging
import threading
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from time import time_ns
from types import TracebackType
from typing import Self

from kaname.access.model import Principal, require_permission
from kaname.access.permissions import Permission
from kaname.access.ports import KeyRecord, KeySource
from kaname.access.tokens import PUBLIC_LENGTH, PUBLIC_PREFIX, SECRET_PREFIX, TOKEN_LENGTH
from kaname.kernel.border import survive
from kaname.kernel.clock import to_ns
from kaname.kernel.errors import KanameError, UnauthenticatedError

logger = logging.getLogger(__name__)

REFRESH_S = 0.5
FLUSH_USES_S = 10.0
MAX_HEADER_BYTES = 512
MAX_SEEN = 10_000
_NEVER_NS = (1 << 63) - 1
_PUBLIC_START = len(SECRET_PREFIX)
_PUBLIC_END = _PUBLIC_START + PUBLIC_LENGTH
_SECRET_PREFIX = SECRET_PREFIX.encode()
_PUBLIC_PREFIX = PUBLIC_PREFIX.encode()


class _Entry:
    """One usable key. The digest is compared as raw bytes; `last_used_ns` is written without a lock on purpose:
    two threads can only race to store two equally right times."""

    __slots__ = ("digest", "expires_ns", "flushed_ns", "key_id", "last_used_ns", "principal")

    def __init__(self, record: KeyRecord) -> None:
        self.digest = bytes.fromhex(record.digest)
        self.principal = record.principal
        self.key_id = record.key_id
        self.expires_ns = _NEVER_NS if record.expires_at is None else to_ns(record.expires_at)
        self.last_used_ns = 0
        self.flushed_ns = 0


_NOBODY = _Entry(
    KeyRecord(
        key_id="",
        public_part="",
        digest="00" * 32,
        principal=Principal(kind="api_key", id="", name=""),
        expires_at=None,
        usable=False,
    )
)


class KeyRing:
    """All project API keys of this installation. Reading is safe from any thread and from an event loop."""

    def __init__(self, source: KeySource) -> None:
        self._source = source
        self._entries: dict[bytes, _Entry] = {}
        self._seen: dict[bytes, _Entry] = {}
        """Keys by the digest of a header that was right; forgotten whenever keys change."""
        self._version = 0
        self._refreshing = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Loads all keys, raising what the source raises, and follows changes from then on."""
        self.refresh()
        self._stopping.clear()
        self._thread = threading.Thread(target=self._follow, name="kaname-keyring", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops following and stores the last uses."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def authenticate(self, authorization: bytes | None, x_api_key: bytes | None = None) -> Principal:
        """The key behind `Authorization: Bearer kn-sk-…`, `Basic base64(kn-pk-…:kn-sk-…)` or `x-api-key: kn-sk-…`.

        Raises UnauthenticatedError for anything else. About one microsecond.
        """
        digest = b""
        remembered = self._seen  # taken before the keys: what is noted in it is forgotten with them
        if authorization is not None:
            digest = sha256(authorization).digest()
            seen = remembered.get(digest)
            if seen is not None and (now_ns := time_ns()) < seen.expires_ns:
                seen.last_used_ns = now_ns
                return seen.principal
            secret = _secret_in(authorization)
        elif x_api_key is not None:
            secret = x_api_key
        else:
            raise UnauthenticatedError(
                "no API key was sent", hint="Send `Authorization: Bearer kn-sk-…`, a project's secret key."
            )
        if len(secret) != TOKEN_LENGTH or not secret.startswith(_SECRET_PREFIX):
            raise _malformed()
        # An unknown key takes the same way as a wrong secret, so that time doesn't tell which public ids exist.
        entry = self._entries.get(secret[_PUBLIC_START:_PUBLIC_END], _NOBODY)
        if not compare_digest(sha256(secret).digest(), entry.digest):
            raise UnauthenticatedError(
                "the API key isn't valid here", hint="It may be revoked, or belong to another installation."
            )
        now_ns = time_ns()
        if now_ns >= entry.expires_ns:
            raise UnauthenticatedError("the API key has expired", hint="Create another in the project's settings.")
        entry.last_used_ns = now_ns
        if digest:
            if len(remembered) >= MAX_SEEN:
                remembered.clear()
            remembered[digest] = entry
        return entry.principal

    def principal(self, key_id: str) -> Principal | None:
        """Who a key is that did something earlier; None if it isn't usable any more. Looks through all keys."""
        now_ns = time_ns()
        for entry in self._entries.values():
            if entry.key_id == key_id:
                return entry.principal if now_ns < entry.expires_ns else None
        return None

    def require(self, principal: Principal, permission: Permission) -> None:
        """Raises PermissionDeniedError unless the key has this scope."""
        if permission not in principal.permissions:
            require_permission(principal.permissions, permission, principal)

    def refresh(self) -> None:
        """Takes in all changes now. Called after a change in this process, so that it counts at once here."""
        with self._refreshing:
            version, records = self._source.changes_since(self._version)
            if records:
                entries = dict(self._entries)
                for record in records:
                    _apply(entries, record)
                self._entries = entries
                self._seen = {}
            self._version = version

    def flush_uses(self) -> None:
        """Stores the last uses that aren't stored yet."""
        used = {e: e.last_used_ns for e in self._entries.values() if e.last_used_ns > e.flushed_ns}
        if not used:
            return
        self._source.record_uses({e.key_id: datetime.fromtimestamp(ns / 1e9, UTC) for e, ns in used.items()})
        for entry, ns in used.items():
            entry.flushed_ns = ns

    def _follow(self) -> None:
        rounds_to_flush = round(FLUSH_USES_S / REFRESH_S)
        round_number = 0
        failing = False
        while not self._stopping.wait(REFRESH_S):
            round_number += 1
            with survive(logger, "refreshing API keys"):
                try:
                    self.refresh()
                    if round_number % rounds_to_flush == 0:
                        self.flush_uses()
                    failing = False
                except KanameError as e:
                    if not failing:
                        logger.warning("API keys can't be refreshed, the last known ones stay in force: %s", e)
                    failing = True
        try:
            self.flush_uses()
        except KanameError as e:
            logger.warning("the last uses of API keys weren't stored: %s", e)


def _apply(entries: dict[bytes, _Entry], record: KeyRecord) -> None:
    public_part = record.public_part.encode()
    old = entries.pop(public_part, None)
    if not record.usable:
        return
    entry = _Entry(record)
    if old is not None:
        entry.last_used_ns, entry.flushed_ns = old.last_used_ns, old.flushed_ns
    entries[public_part] = entry


def _secret_in(authorization: bytes) -> bytes:
    scheme, _, rest = authorization.partition(b" ")
    scheme = scheme.lower()
    if scheme == b"bearer":
        return rest.strip() if rest[:1] == b" " or rest[-1:] == b" " else rest
    if scheme != b"basic" or len(rest) > MAX_HEADER_BYTES:
        raise _malformed()
    try:
        public_id, _, secret = binascii.a2b_base64(rest, strict_mode=True).partition(b":")
    except binascii.Error:
        raise _malformed() from None
    if public_id != _PUBLIC_PREFIX + secret[_PUBLIC_START:_PUBLIC_END]:
        raise UnauthenticatedError("public and secret key aren't a pair", hint="Send both parts of the same key.")
    return secret


def _malformed() -> UnauthenticatedError:
    return UnauthenticatedError(
        "the credential isn't an API key", hint="Send `Authorization: Bearer kn-sk-…`, a project's secret key."
    )
