"""Named secrets (provider keys, web-hook secrets …) of an owner, sealed at rest.

An owner is a project or organization id. Plaintext leaves through `get` alone, for the code that uses the secret;
nothing shows it to people again. Deliberately not here: permissions and audit entries, which are the caller's.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, LargeBinary, String, Table, delete, insert, select, update

from kaname.kernel.clock import Clock
from kaname.kernel.errors import NotFoundError, TooLargeError
from kaname.storage.crypto import Keyring, key_id_of
from kaname.storage.sql.database import Database
from kaname.storage.sql.schema import metadata
from kaname.storage.sql.types import UtcTime

MAX_SECRET_BYTES = 64 * 1024
_ROTATE_AT_ONCE = 100

secrets = Table(
    "secrets",
    metadata,
    Column("owner", String(40), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("key_id", String(16), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretName:
    """What may be shown of a secret."""

    name: str
    created_at: datetime
    updated_at: datetime


class SecretStore:
    """Put and list run in the caller's transaction, so that its audit entry commits with the change."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock

    def put(self, connection: Connection, owner: str, name: str, value: str) -> None:
        """Stores or replaces a secret."""
        plaintext = value.encode()
        if len(plaintext) > MAX_SECRET_BYTES:
            raise TooLargeError(f"secret {name!r} has {len(plaintext)} bytes", hint=f"At most {MAX_SECRET_BYTES}.")
        sealed = self._keyring.seal(plaintext, _context(owner, name))
        now = self._clock.now()
        values = {"sealed": sealed, "key_id": key_id_of(sealed), "updated_at": now}
        changed = connection.execute(
            update(secrets).where(secrets.c.owner == owner, secrets.c.name == name).values(values)
        )
        if changed.rowcount == 0:
            connection.execute(insert(secrets).values(values | {"owner": owner, "name": name, "created_at": now}))

    def get(self, owner: str, name: str) -> str:
        """The plaintext; raises NotFoundError, or IntegrityError if the stored bytes were changed."""
        query = select(secrets.c.sealed).where(secrets.c.owner == owner, secrets.c.name == name)
        with self._database.read() as connection:
            sealed = connection.execute(query).scalar_one_or_none()
        if sealed is None:
            raise NotFoundError(f"no secret is called {name!r}", hint="Store it in the settings.")
        return self._keyring.open(bytes(sealed), _context(owner, name)).decode()

    def list_names(self, owner: str) -> list[SecretName]:
        """Secrets of an owner by name, without their values."""
        c = secrets.c
        query = select(c.name, c.created_at, c.updated_at).where(c.owner == owner).order_by(c.name)
        with self._database.read() as connection:
            return [
                SecretName(name=r.name, created_at=r.created_at, updated_at=r.updated_at)
                for r in connection.execute(query)
            ]

    def delete(self, connection: Connection, owner: str, name: str) -> None:
        """Removes a secret; raises NotFoundError."""
        gone = connection.execute(delete(secrets).where(secrets.c.owner == owner, secrets.c.name == name))
        if gone.rowcount == 0:
            raise NotFoundError(f"no secret is called {name!r}", hint="It may be deleted already.")

    def rotate(self) -> int:
        """Re-wraps all secrets under older master keys and returns how many. May be cut short and repeated.

        Secrets whose key isn't here are left as they are: they come back when the key does.
        """
        total = 0
        while done := self._rotate_some():
            total += done
        return total

    def _rotate_some(self) -> int:
        c = secrets.c
        older = self._keyring.key_ids - {self._keyring.newest_key_id}
        query = select(c.owner, c.name, c.sealed).where(c.key_id.in_(older)).limit(_ROTATE_AT_ONCE)
        with self._database.write() as connection:
            rows = connection.execute(query.with_for_update()).all()
            for row in rows:
                sealed = self._keyring.rewrap(bytes(row.sealed), _context(row.owner, row.name))
                connection.execute(
                    update(secrets)
                    .where(c.owner == row.owner, c.name == row.name)
                    .values(sealed=sealed, key_id=key_id_of(sealed))
                )
        return len(rows)


def _context(owner: str, name: str) -> str:
    return f"secrets/{owner}/{name}"
