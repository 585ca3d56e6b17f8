"""Provider secrets in SQL: written by people, never shown again, read by `cache.py` alone.

Values are sealed by `storage.secrets`, under an owner that is no project: they belong to the installation. Every change
counts `config_changes.secrets` up, which all processes poll, and leaves an audit entry in the same transaction.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from kaname.access.model import Principal
from kaname.gateway.history.audit import InstallationAudit
from kaname.gateway.history.tables import config_changes, secret_facts
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ConflictError, InvalidInputError, NotFoundError
from kaname.storage.secrets import SecretStore
from kaname.storage.sql.database import Database

OWNER = "installation:gateway"
MAX_SECRETS = 500
MAX_CHARS = 16_384
"""Enough for a service account's JSON."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFacts:
    """What may be shown of a secret."""

    name: str
    created_at: datetime
    updated_at: datetime
    set_by_id: str
    set_by_name: str
    last_used_at: datetime | None
    """When a provider was last called with it, to about half a minute."""


class ProviderSecrets:
    """Sets, lists and removes secrets. Thread-safe."""

    def __init__(self, database: Database, sealed: SecretStore, audit: InstallationAudit, clock: Clock) -> None:
        self._database = database
        self._sealed = sealed
        self._audit = audit
        self._clock = clock

    def list_facts(self) -> list[SecretFacts]:
        """All secrets by name."""
        with self._database.read() as connection:
            rows = {row.name: row for row in connection.execute(select(secret_facts))}
        found: list[SecretFacts] = []
        for sealed in self._sealed.list_names(OWNER):
            row = rows.get(sealed.name)
            if row is not None:
                facts = SecretFacts(
                    name=sealed.name, created_at=sealed.created_at, updated_at=sealed.updated_at,
                    set_by_id=row.set_by_id, set_by_name=row.set_by_name, last_used_at=row.last_used_at,
                )  # fmt: skip
                found.append(facts)
        return found

    def put(self, principal: Principal, name: str, value: str) -> SecretFacts:
        """Stores or replaces a secret; raises InvalidInputError, or ConflictError when there are too many."""
        check_name(name)
        _check_value(value)
        with self._database.write() as connection:
            _count_change(connection)
            is_new = self._note_author(connection, principal, name)
            self._sealed.put(connection, OWNER, name, value)
            action = "gateway_secret.create" if is_new else "gateway_secret.replace"
            self._audit.record(connection, principal, action, f"gateway_secret/{name}")
        return next(facts for facts in self.list_facts() if facts.name == name)

    def remove(self, principal: Principal, name: str) -> None:
        """Removes a secret; raises NotFoundError."""
        with self._database.write() as connection:
            _count_change(connection)
            if connection.execute(delete(secret_facts).where(secret_facts.c.name == name)).rowcount == 0:
                raise NotFoundError(
                    f"no secret is called {name!r}", hint="`kaname gateway secrets list` shows them.",
                    code="gateway_secret_not_found", params={"name": name[:64]},
                )  # fmt: skip
            self._sealed.delete(connection, OWNER, name)
            self._audit.record(connection, principal, "gateway_secret.delete", f"gateway_secret/{name}")

    def note_uses(self, last_used: Mapping[str, datetime]) -> None:
        """Stores when secrets were last used; an older time changes nothing."""
        c = secret_facts.c
        with self._database.write() as connection:
            for name, at in sorted(last_used.items()):
                later = (c.name == name) & (c.last_used_at.is_(None) | (c.last_used_at < at))
                connection.execute(update(secret_facts).where(later).values(last_used_at=at))

    def changes(self) -> int:
        """A number that grows with every change of any secret."""
        with self._database.read() as connection:
            return connection.execute(select(config_changes.c.secrets)).scalar_one()

    def read_all(self) -> Mapping[str, str]:
        """Every secret in the clear, for the configuration that is about to use them."""
        return {sealed.name: self._sealed.get(OWNER, sealed.name) for sealed in self._sealed.list_names(OWNER)}

    def _note_author(self, connection: Connection, principal: Principal, name: str) -> bool:
        """Who set it last; true if there was no such secret."""
        author = {"set_by_id": principal.user_id or principal.id, "set_by_name": principal.name[:200]}
        changed = connection.execute(update(secret_facts).where(secret_facts.c.name == name).values(author))
        if changed.rowcount:
            return False
        if connection.execute(select(func.count()).select_from(secret_facts)).scalar_one() >= MAX_SECRETS:
            raise ConflictError(
                f"there are {MAX_SECRETS} secrets", hint="Remove some.", code="too_many_gateway_secrets",
                params={"limit": MAX_SECRETS},
            )  # fmt: skip
        connection.execute(insert(secret_facts).values(author | {"name": name, "last_used_at": None}))
        return True


def check_name(name: str) -> None:
    """Raises InvalidInputError unless a secret can be called this."""
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"{name[:80]!r} can't be a secret's name", hint="Use a-z, 0-9, dot, dash and underscore, 64 at most.",
            param="name", code="gateway_secret_name", params={"value": name[:80]},
        )  # fmt: skip


def _check_value(value: str) -> None:
    """Without naming it: a value must not come back in an error."""
    if not value.strip() or len(value) > MAX_CHARS or any(ord(c) < 32 and c not in "\n\r\t" for c in value):
        raise InvalidInputError(
            "the value can't be a provider's key: it is empty, too long, or has control characters",
            hint=f"Send 1 to {MAX_CHARS} characters.",
            param="value", code="gateway_secret_value", params={"limit": MAX_CHARS},
        )  # fmt: skip


def _count_change(connection: Connection) -> None:
    connection.execute(update(config_changes).values(secrets=config_changes.c.secrets + 1))
