"""Files in SQL and blobs, by project. Blocking; never on an event loop."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, exists, insert, select

from kaname.gateway.batches.content import FileContent
from kaname.gateway.batches.model import UNFINISHED, FilePurpose, StoredFile
from kaname.gateway.batches.tables import batches, files
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ConflictError, NotFoundError
from kaname.kernel.ids import new_id
from kaname.storage.sql.database import Database


class FilePage(NamedTuple):
    """Some files and whether there are more."""

    files: list[StoredFile]
    has_more: bool


class FileStore:
    """All files of all projects."""

    def __init__(self, database: Database, content: FileContent, clock: Clock) -> None:
        self.content = content
        self._database = database
        self._clock = clock

    def describe(
        self, project_id: str, purpose: FilePurpose, filename: str, parts: Iterable[str], size: int
    ) -> StoredFile:
        """A new file, not yet stored."""
        return StoredFile(
            id=new_id("file"), project_id=project_id, purpose=purpose, filename=filename, size=size,
            parts=tuple(parts), created_at=self._clock.now(),
        )  # fmt: skip

    def add(self, file: StoredFile) -> None:
        """Stores the row of a file whose parts are stored."""
        with self._database.write() as connection:
            insert_file(connection, file)

    def get(self, project_id: str, file_id: str) -> StoredFile:
        """Raises NotFoundError."""
        c = files.c
        with self._database.read() as connection:
            row = connection.execute(select(files).where(c.id == file_id, c.project_id == project_id)).first()
        if row is None:
            raise no_such_file(file_id)
        return _file(row)

    def page(self, project_id: str, *, purpose: str | None, after: str | None, limit: int, ascending: bool) -> FilePage:
        """Files in order of creation, which ids follow."""
        c = files.c
        query = select(files).where(c.project_id == project_id)
        if purpose is not None:
            query = query.where(c.purpose == purpose)
        if after is not None:
            query = query.where(c.id > after if ascending else c.id < after)
        query = query.order_by(c.id if ascending else c.id.desc()).limit(limit + 1)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return FilePage([_file(row) for row in rows[:limit]], len(rows) > limit)

    def delete(self, project_id: str, file_id: str) -> None:
        """Row and bytes; raises NotFoundError, or ConflictError while a batch reads it."""
        file = self.get(project_id, file_id)
        in_use = exists().where(batches.c.input_file_id == file_id, batches.c.status.in_(UNFINISHED))
        with self._database.write() as connection:
            gone = connection.execute(delete(files).where(files.c.id == file_id, ~in_use)).rowcount
        if not gone:
            raise ConflictError(
                f"file {file_id!r} is the input of a batch that isn't over", hint="Cancel the batch, or wait for it.",
                code="file_in_use",
            )  # fmt: skip
        self.content.delete(file.parts)

    def of_project(self, project_id: str) -> list[StoredFile]:
        """All of them."""
        with self._database.read() as connection:
            return [_file(r) for r in connection.execute(select(files).where(files.c.project_id == project_id))]


def insert_file(connection: Connection, file: StoredFile) -> None:
    """Adds the row of a file in a transaction under way."""
    connection.execute(
        insert(files).values(
            id=file.id, project_id=file.project_id, purpose=file.purpose, filename=file.filename, size=file.size,
            parts="\n".join(file.parts), created_at=file.created_at,
        )
    )  # fmt: skip


def no_such_file(file_id: str) -> NotFoundError:
    """No file of this project has the id."""
    return NotFoundError(f"No such File object: {file_id[:80]}", code="file_not_found", param="id")


def _file(row: Row[Any]) -> StoredFile:
    return StoredFile(
        id=row.id, project_id=row.project_id, purpose=row.purpose, filename=row.filename, size=row.size,
        parts=tuple(row.parts.split("\n")) if row.parts else (), created_at=row.created_at,
    )  # fmt: skip
