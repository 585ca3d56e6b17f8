"""Batches in SQL, by project, for whoever asks. What runs them writes through `lease_store.py`. Blocking."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row, insert, select, update

from kaname.gateway.batches.model import Batch, LineError, Owner
from kaname.gateway.batches.tables import batches
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ConflictError, NotFoundError
from kaname.kernel.ids import new_id
from kaname.storage.sql.database import Database

_REACHED = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
_CANCELLABLE = ("validating", "in_progress")


class BatchPage(NamedTuple):
    """Some batches and whether there are more."""

    batches: list[Batch]
    has_more: bool


class BatchStore:
    """All batches of all projects."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(
        self, owner: Owner, endpoint: str, input_file_id: str, window: str, length: timedelta,
        metadata: Mapping[str, str] | None,
    ) -> Batch:  # fmt: skip
        """A batch that waits to be run."""
        now, batch_id = self._clock.now(), new_id("batch")
        with self._database.write() as connection:
            connection.execute(
                insert(batches).values(
                    id=batch_id, **owner._asdict(), endpoint=endpoint, completion_window=window,
                    input_file_id=input_file_id, status="validating", total=0, completed=0, failed=0, errors=[],
                    metadata=dict(metadata) if metadata is not None else None, created_at=now, expires_at=now + length,
                )
            )  # fmt: skip
        return self.get(owner.project_id, batch_id)

    def get(self, project_id: str, batch_id: str) -> Batch:
        """Raises NotFoundError."""
        c = batches.c
        with self._database.read() as connection:
            row = connection.execute(select(batches).where(c.id == batch_id, c.project_id == project_id)).first()
        if row is None:
            raise NotFoundError(f"No batch found with id '{batch_id[:80]}'", code="batch_not_found", param="id")
        return read_batch(row)

    def page(self, project_id: str, *, after: str | None, limit: int) -> BatchPage:
        """The newest first."""
        c = batches.c
        query = select(batches).where(c.project_id == project_id)
        if after is not None:
            query = query.where(c.id < after)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(c.id.desc()).limit(limit + 1)).all()
        return BatchPage([read_batch(row) for row in rows[:limit]], len(rows) > limit)

    def cancel(self, project_id: str, batch_id: str) -> Batch:
        """Asks whoever runs it to stop; raises NotFoundError, or ConflictError when it is over."""
        c = batches.c
        with self._database.write() as connection:
            changed = connection.execute(
                update(batches)
                .where(c.id == batch_id, c.project_id == project_id, c.status.in_(_CANCELLABLE))
                .values(status="cancelling", cancelling_at=self._clock.now())
            ).rowcount
        batch = self.get(project_id, batch_id)
        if not changed and batch.status != "cancelling":
            raise ConflictError(
                f"Cannot cancel a batch with status '{batch.status}'", hint="It is over.", code="batch_not_cancellable"
            )
        return batch


def read_batch(row: Row[Any]) -> Batch:
    """A row of the table as a batch."""
    values = row._mapping  # pyright: ignore[reportPrivateUsage]  # the public name of SQLAlchemy's row mapping
    return Batch(
        id=row.id,
        owner=Owner(row.project_id, row.organization_id, row.key_id, row.key_name),
        endpoint=row.endpoint,
        completion_window=row.completion_window,
        input_file_id=row.input_file_id,
        output_file_id=row.output_file_id,
        error_file_id=row.error_file_id,
        status=row.status,
        total=row.total,
        completed=row.completed,
        failed=row.failed,
        errors=tuple(LineError(*error) for error in row.errors),
        metadata=values["metadata"],
        created_at=row.created_at,
        expires_at=row.expires_at,
        reached={name: at for name in _REACHED if (at := values[f"{name}_at"]) is not None},
    )
