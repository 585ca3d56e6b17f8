"""The key ring's source over an SQLite file, with nothing but the standard library.

For a process that serves calls before it has loaded SQLAlchemy, whose import takes longer than all the rest of its
start. It reads what `SqlKeySource` reads; a contract test holds the two together.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from kaname.access.model import Principal
from kaname.access.ports import KeyRecord
from kaname.kernel.errors import UnavailableError

_TIMEOUT_S = 5.0
_CHANGES = """
SELECT k.id, k.public_part, k.digest, k.name, k.scopes, k.expires_at, k.revoked_at, k.project_id, p.organization_id
FROM api_keys AS k JOIN projects AS p ON p.id = k.project_id WHERE k.version > ? AND k.version <= ?
"""
_USED = "UPDATE api_keys SET last_used_at = ?1 WHERE id = ?2 AND (last_used_at IS NULL OR last_used_at < ?1)"


class SqliteKeySource:
    """Opens the file for each look: twice a second, some 50 microseconds."""

    def __init__(self, file: Path) -> None:
        self._uri = file.resolve().as_uri()

    def changes_since(self, version: int) -> tuple[int, Sequence[KeyRecord]]:
        try:
            with closing(self._connect("ro")) as connection:
                connection.execute("BEGIN")
                (present,) = connection.execute("SELECT version FROM key_changes").fetchone()
                if present == version:
                    return version, ()
                return present, [_to_record(row) for row in connection.execute(_CHANGES, (version, present))]
        except sqlite3.Error as e:
            raise _unavailable(e) from e

    def record_uses(self, uses: Mapping[str, datetime]) -> None:
        rows = [(f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}", key_id) for key_id, at in sorted(uses.items())]
        try:
            with closing(self._connect("rw")) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(_USED, rows)
                connection.execute("COMMIT")
        except sqlite3.Error as e:
            raise _unavailable(e) from e

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(f"{self._uri}?mode={mode}", uri=True, timeout=_TIMEOUT_S, isolation_level=None)


def _to_record(row: Sequence[str | None]) -> KeyRecord:
    key_id, public_part, digest, name, scopes, expires, revoked_at, project_id, organization_id = row
    expires_at = None if expires is None else datetime.fromisoformat(expires).replace(tzinfo=UTC)
    return KeyRecord(
        key_id=key_id or "",
        public_part=public_part or "",
        digest=digest or "",
        expires_at=expires_at,
        usable=revoked_at is None,
        principal=Principal(
            kind="api_key",
            id=key_id or "",
            name=name or "",
            organization_id=organization_id,
            project_id=project_id,
            permissions=frozenset(msgspec.json.decode(scopes or "[]", type=tuple[str, ...])),  # pyright: ignore[reportArgumentType] - as in `SqlKeySource`
            expires_at=expires_at,
        ),
    )


def _unavailable(error: sqlite3.Error) -> UnavailableError:
    return UnavailableError(
        f"the metadata database can't be read: {error}", hint="Check setting sql.url and the data folder.",
        code="database_unavailable", retry_after_s=5,
    )  # fmt: skip
