"""What a process writes while it runs batches. Blocking.

A batch is run by the one process that holds its lease, and every write asks for it, so that a process that slept over
its end changes nothing any more. Finished requests are rows: after a crash what has no row runs again.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from sqlalchemy import Connection, delete, select, update
from sqlalchemy import or_ as any_of

from kaname.gateway.batches.batch_store import read_batch
from kaname.gateway.batches.file_store import insert_file
from kaname.gateway.batches.model import UNFINISHED, Batch, BatchStatus, ItemResult, LineError, StoredFile
from kaname.gateway.batches.tables import batches, items
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ConflictError
from kaname.storage.sql.database import Database
from kaname.storage.sql.upsert import insert_missing

LEASE_S = 15.0
"""How long a batch waits for another process after the death of its own. Clocks must agree better than this."""
_PAGE = 500


class LeaseLostError(ConflictError):
    """Another process runs the batch now, or it is erased. Never leaves the worker."""

    default_code = "lease_lost"


class LeaseStore:
    """One process's side; `owner` names it."""

    def __init__(self, database: Database, clock: Clock, owner: str) -> None:
        self._database = database
        self._clock = clock
        self._owner = owner

    def claim(self, room: int) -> list[Batch]:
        """Takes up to `room` batches that nobody runs, the oldest first."""
        c, now = batches.c, self._clock.now()
        free = any_of(c.lease_until.is_(None), c.lease_until < now)
        with self._database.read() as connection:
            query = select(c.id).where(c.status.in_(UNFINISHED), free).order_by(c.id).limit(room)
            waiting = connection.execute(query).scalars().all()
        claimed: list[Batch] = []
        for batch_id in waiting:
            with self._database.write() as connection:
                taken = connection.execute(
                    update(batches)
                    .where(c.id == batch_id, c.status.in_(UNFINISHED), free)
                    .values(lease_owner=self._owner, lease_until=now + timedelta(seconds=LEASE_S))
                ).rowcount
                if taken:
                    claimed.append(read_batch(connection.execute(select(batches).where(c.id == batch_id)).one()))
        return claimed

    def beat(self, batch_id: str) -> BatchStatus:
        """Keeps the lease; the batch's status. Raises LeaseLostError."""
        until = self._clock.now() + timedelta(seconds=LEASE_S)
        with self._database.write() as connection:
            self._update(connection, batch_id, lease_until=until)
            return connection.execute(select(batches.c.status).where(batches.c.id == batch_id)).scalar_one()

    def release(self, batch_id: str) -> None:
        """Lets others take it at once."""
        c = batches.c
        with self._database.write() as connection:
            connection.execute(
                update(batches)
                .where(c.id == batch_id, c.lease_owner == self._owner)
                .values(lease_owner=None, lease_until=None)
            )

    def begin(self, batch_id: str, total: int) -> None:
        """The input is right: from validating to in_progress."""
        c = batches.c
        with self._database.write() as connection:
            self._update(connection, batch_id, total=total)
            connection.execute(
                update(batches)
                .where(c.id == batch_id, c.status == "validating")
                .values(status="in_progress", in_progress_at=self._clock.now())
            )

    def fail(self, batch_id: str, errors: Sequence[LineError]) -> None:
        """The batch can't be run."""
        with self._database.write() as connection:
            self._update(
                connection, batch_id, status="failed", failed_at=self._clock.now(),
                errors=[list(error) for error in errors], lease_owner=None, lease_until=None,
            )  # fmt: skip
            connection.execute(delete(items).where(items.c.batch_id == batch_id))

    def done(self, batch_id: str) -> set[int]:
        """Positions of the requests that are over."""
        with self._database.read() as connection:
            return set(connection.execute(select(items.c.position).where(items.c.batch_id == batch_id)).scalars())

    def add_results(self, batch: Batch, results: Sequence[ItemResult]) -> None:
        """Stores what became of requests, once each."""
        completed = failed = 0
        with self._database.write() as connection:
            for result in results:
                values = {
                    "batch_id": batch.id, "position": result.position, "project_id": batch.owner.project_id,
                    "succeeded": result.succeeded, "line": result.line,
                }  # fmt: skip
                if insert_missing(connection, items, values):
                    completed += result.succeeded
                    failed += not result.succeeded
            c = batches.c
            self._update(connection, batch.id, completed=c.completed + completed, failed=c.failed + failed)

    def begin_finalizing(self, batch_id: str) -> None:
        """All requests are over, and the files are made next; a cancelled batch stays one."""
        c = batches.c
        with self._database.write() as connection:
            self._update(connection, batch_id)
            connection.execute(
                update(batches)
                .where(c.id == batch_id, c.status == "in_progress")
                .values(status="finalizing", finalizing_at=self._clock.now())
            )

    def result_lines(self, batch_id: str, *, succeeded: bool) -> Iterator[bytes]:
        """Lines of a result file in the order of the input, each with its end."""
        c, after = items.c, -1
        while True:
            query = select(c.position, c.line).where(c.batch_id == batch_id, c.succeeded == succeeded)
            with self._database.read() as connection:
                rows = connection.execute(query.where(c.position > after).order_by(c.position).limit(_PAGE)).all()
            for row in rows:
                yield row.line + b"\n"
            if len(rows) < _PAGE:
                return
            after = rows[-1].position

    def finish(self, batch_id: str, status: BatchStatus, output: StoredFile | None, errors: StoredFile | None) -> None:
        """The end: both files, the status, and no rows of requests any more, in one transaction."""
        values: dict[str, object] = {
            "status": status, f"{status}_at": self._clock.now(), "lease_owner": None, "lease_until": None,
            "output_file_id": output.id if output is not None else None,
            "error_file_id": errors.id if errors is not None else None,
        }  # fmt: skip
        with self._database.write() as connection:
            self._update(connection, batch_id, **values)
            for file in (output, errors):
                if file is not None:
                    insert_file(connection, file)
            connection.execute(delete(items).where(items.c.batch_id == batch_id))

    def _update(self, connection: Connection, batch_id: str, **values: object) -> None:
        """Changes the batch if the lease is ours; locks its row in any case."""
        c = batches.c
        mine = update(batches).where(c.id == batch_id, c.lease_owner == self._owner)
        changed = connection.execute(mine.values(**(values or {"lease_owner": self._owner}))).rowcount
        if not changed:
            raise LeaseLostError(f"batch {batch_id!r} isn't run by this process any more")
