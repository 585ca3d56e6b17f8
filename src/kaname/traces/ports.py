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


class DeletionAudit(Protocol):
    """Records a deletion in the audit log."""

    def record_deletion(self, scope: ProjectScope, target: str) -> None:
        """Appends one entry; `target` is a kind and an id such as `score/scr_…`."""
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
