"""What the slice needs from elsewhere; `app/wiring.py` hands it in."""

from collections.abc import Sequence
from typing import Protocol

from kaname.access.model import Principal, ProjectScope
from kaname.access.permissions import Permission
from kaname.traces.model import ScoreRow


class ScoreWriter(Protocol):
    """Where scores go: the journal, from which the consumer inserts them."""

    async def write(self, rows: Sequence[ScoreRow]) -> None:
        """Returns when the rows are durable; they are visible within a second. Idempotent by score id."""
        ...


class BlobReader(Protocol):
    """Where values went that were too wide for a row."""

    def get(self, digest: str) -> bytes:
        """The whole value; raises NotFoundError."""
        ...


class ScoreAudit(Protocol):
    """Records in the audit log what happens to scores that were there."""

    def record_deletion(self, scope: ProjectScope, target: str) -> None:
        """Appends one entry; `target` is a kind and an id such as `score/scr_…`."""
        ...

    def record_replacements(self, scope: ProjectScope, targets: Sequence[str]) -> None:
        """Appends an entry for each of `targets`, all or none: somebody else's were written anew."""
        ...


class ScoreAuthority(Protocol):
    """Who may write a score under an id that exists."""

    async def admit(self, scope: ProjectScope, rows: Sequence[ScoreRow]) -> Sequence[ScoreRow]:
        """Those rows that the caller may write; replacements of others' scores are audited before this returns."""
        ...


class KeyAuthenticator(Protocol):
    """Who sent a request with an API key; in memory, microseconds."""

    def authenticate(self, authorization: bytes | None, x_api_key: bytes | None = None) -> Principal:
        """The principal of the key; raises UnauthenticatedError."""
        ...

    def require(self, principal: Principal, permission: Permission) -> None:
        """Raises PermissionDeniedError unless the key has this scope."""
        ...


class BlobWriter(Protocol):
    """Where values go that are too wide for a row."""

    def put(self, content: bytes) -> str:
        """Stores the bytes durably and returns their digest; idempotent."""
        ...
