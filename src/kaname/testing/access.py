"""API keys without a database, for tests and benchmarks of whatever sits behind a key ring."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kaname.access.keyring import KeyRing
from kaname.access.model import Principal
from kaname.access.permissions import DEFAULT_KEY_SCOPES, Permission
from kaname.access.ports import KeyRecord
from kaname.access.tokens import PUBLIC_PREFIX, SECRET_PREFIX, issue_token


@dataclass(slots=True)
class KeyList:
    """A key source in memory. `issue` makes a key and returns (public id, secret key); call `ring.refresh()` after."""

    records: list[KeyRecord] = field(default_factory=list[KeyRecord])
    uses: dict[str, datetime] = field(default_factory=dict[str, datetime])

    def issue(
        self,
        project_id: str = "prj_test",
        scopes: Iterable[Permission] = DEFAULT_KEY_SCOPES,
        *,
        expires_at: datetime | None = None,
    ) -> tuple[str, str]:
        token = issue_token(SECRET_PREFIX)
        key_id = f"key_{len(self.records)}"
        principal = Principal(
            kind="api_key",
            id=key_id,
            name=f"test key {len(self.records)}",
            organization_id="org_test",
            project_id=project_id,
            permissions=frozenset(scopes),
        )
        self.records.append(
            KeyRecord(
                key_id=key_id,
                public_part=token.public_part,
                digest=token.digest,
                principal=principal,
                expires_at=expires_at,
                usable=True,
            )
        )
        return PUBLIC_PREFIX + token.public_part, token.text

    def changes_since(self, version: int) -> tuple[int, Sequence[KeyRecord]]:
        return len(self.records), self.records[version:]

    def record_uses(self, uses: Mapping[str, datetime]) -> None:
        self.uses.update(uses)


def ring_with_key(
    project_id: str = "prj_test", scopes: Iterable[Permission] = DEFAULT_KEY_SCOPES
) -> tuple[KeyRing, str]:
    """A loaded key ring with one key: (ring, secret key)."""
    keys = KeyList()
    _, secret_key = keys.issue(project_id, scopes)
    ring = KeyRing(keys)
    ring.refresh()
    return ring, secret_key
