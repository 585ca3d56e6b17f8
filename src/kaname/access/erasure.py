"""Erasing deleted projects from every store, until nothing of them is left anywhere.

Deleting a project sets `projects.deleted_at`: from then on nothing of it can be read. That row is the tombstone that
the eraser works from, so an erasure goes on after a crash. Telemetry that was acknowledged before the deletion still
arrives after it (journal, open streams of the gateway), so each round erases again; the tombstone goes when `SETTLE_S`
have passed, every store says that nothing older can come, and a whole round found nothing.

Not erased: audit entries, which outlive whatever they speak of and hold no payload; journal segments, which go by their
own retention; blobs, which projects share by content.
"""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, select

from kaname.access.ports import ProjectStore
from kaname.access.tables import api_keys, projects
from kaname.kernel.border import survive
from kaname.kernel.clock import Clock
from kaname.kernel.errors import KanameError
from kaname.storage.sql.database import Database

SETTLE_S = 3600.0
"""Longer than any call that the gateway can still record and any key ring that hasn't heard of the revocation."""
ROUND_S = 60.0

logger = logging.getLogger(__name__)


class StoredRows(NamedTuple):
    """How many rows of a project one table of one store holds."""

    store: str
    name: str
    rows: int


class ProjectEraser:
    """Counts and erases what projects have. `start` runs the rounds in a thread; `step` is one round."""

    def __init__(self, database: Database, stores: Sequence[ProjectStore], clock: Clock) -> None:
        self._database = database
        self._stores = stores
        self._clock = clock
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Goes on with what was deleted earlier, and follows deletions from then on."""
        self._stopping = False
        self._wake.set()
        self._thread = threading.Thread(target=self._follow, name="kaname-eraser", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends after the statement under way; what is left is done after the next start."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def wake(self) -> None:
        """A project was deleted: don't wait for the next round."""
        self._wake.set()

    def count(self, project_id: str) -> list[StoredRows]:
        """What the deletion of a project would take, tables without rows left out."""
        return [
            StoredRows(store.store, name, rows)
            for store in self._stores
            for name, rows in store.count(project_id).items()
            if rows
        ]

    def step(self) -> int:
        """Erases what deleted projects have; returns how many of them are not gone for good yet."""
        c = projects.c
        with self._database.read() as connection:
            deleted = connection.execute(select(c.id, c.deleted_at).where(c.deleted_at.is_not(None))).all()
        return sum(not self._erase(row.id, row.deleted_at) for row in deleted)

    def _erase(self, project_id: str, deleted_at: datetime) -> bool:
        """Whether nothing is left of the project, its tombstone included."""
        settled_at = deleted_at + timedelta(seconds=SETTLE_S)
        # Asked before erasing: what arrives in between is found by this round or makes the next one necessary.
        is_settled = self._clock.now() >= settled_at and all(store.is_settled(settled_at) for store in self._stores)
        found = [store.store for store in self._stores if store.erase(project_id)]
        if found:
            logger.info("erased rows of deleted project %s in %s", project_id, ", ".join(found))
        if found or not is_settled:
            return False
        with self._database.write() as connection:
            connection.execute(delete(api_keys).where(api_keys.c.project_id == project_id))
            connection.execute(delete(projects).where(projects.c.id == project_id, projects.c.deleted_at.is_not(None)))
        logger.info("nothing is left of deleted project %s", project_id)
        return True

    def _follow(self) -> None:
        left = 0
        failing = False
        while not self._stopping:
            # Without a deletion under way nothing is asked: the next one wakes.
            self._wake.wait(ROUND_S if left or failing else None)
            self._wake.clear()
            if self._stopping:
                return
            with survive(logger, "erasing deleted projects"):
                try:
                    left = self.step()
                    failing = False
                except KanameError as e:
                    if not failing:
                        logger.warning("deleted projects can't be erased now, tried again later: %s", e)
                    failing = True
