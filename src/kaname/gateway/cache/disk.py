"""Answers on disk, so that a restart keeps them: one SQLite file, written by one thread, read once at start.

The gateway's loop only appends to a bounded queue: what doesn't fit isn't kept on disk, and is counted. Losing the last
writes costs calls, never correctness, so writes aren't forced to the device; after `kill -9` the file is whole. A file
that can't be read is put aside. Several processes may share one file.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from kaname.gateway.cache.model import CachedAnswer, Key
from kaname.kernel.border import survive
from kaname.kernel.errors import UnavailableError

MAX_QUEUED = 10_000
MAX_QUEUED_BYTES = 32 << 20
BATCH_INTERVAL_S = 0.25
SWEEP_INTERVAL_S = 60.0
_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
  key BLOB PRIMARY KEY, project_id TEXT NOT NULL, user_id TEXT NOT NULL, created_s REAL NOT NULL,
  expires_s REAL NOT NULL, size INTEGER NOT NULL, answer BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_by_project ON answers (project_id, user_id);
CREATE INDEX IF NOT EXISTS answers_by_age ON answers (created_s);
"""
_INSERT = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)"
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(CachedAnswer)

logger = logging.getLogger(__name__)


class _Change(NamedTuple):
    key: Key
    answer: CachedAnswer | None
    """None: the entry is gone."""


class AnswerFile:
    """The file. Methods may be called from any thread."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._queue: deque[_Change] = deque()
        self._queued_bytes = 0
        self._lock = threading.Lock()
        """Held while the queue is changed, never while the file is."""
        self._file_lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._next_sweep = 0.0
        self.dropped = 0
        """Changes that the queue had no room for."""
        self.failing = ""
        """Why the last write failed; "" when it didn't."""

    # ---- lifecycle

    def start(self) -> None:
        """Begins to write."""
        self._stopping = False
        self._thread = threading.Thread(target=self._follow, name="kaname-cache-file", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Writes what is queued and ends."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def load(self) -> Iterator[tuple[Key, CachedAnswer]]:
        """Every answer that hasn't expired, youngest first, as long as they fit `max_bytes`."""
        if not self._path.exists():
            return
        total = 0
        try:
            with closing(self._connect()) as connection:
                rows = connection.execute(
                    "SELECT key, answer, size FROM answers WHERE expires_s > ? ORDER BY created_s DESC", (time.time(),)
                )
                for key, packed, size in rows:
                    total += size
                    if total > self._max_bytes:
                        return
                    try:
                        yield key, _DECODER.decode(packed)
                    except msgspec.DecodeError:
                        continue  # written by another version
        except sqlite3.DatabaseError as e:
            logger.warning("the answer cache %s can't be read and is put aside: %s", self._path, e)
            self._put_aside()

    # ---- changes

    def put(self, key: Key, answer: CachedAnswer | None) -> None:
        """Queues a new answer, or the end of one; never waits."""
        size = answer.size if answer is not None else 64
        with self._lock:
            if len(self._queue) >= MAX_QUEUED or self._queued_bytes + size > MAX_QUEUED_BYTES:
                self.dropped += 1
                return
            self._queue.append(_Change(key, answer))
            self._queued_bytes += size

    def count(self, project_id: str) -> int:
        """Answers of a project on disk, what is queued included."""
        try:
            self.write_queued()
            if not self._path.exists():
                return 0
            with self._file_lock, closing(self._connect()) as connection:
                row = connection.execute("SELECT count(*) FROM answers WHERE project_id = ?", (project_id,)).fetchone()
        except sqlite3.Error as e:
            raise self._unusable(e) from e
        return int(row[0])

    def erase(self, project_id: str, user_id: str | None = None) -> int:
        """Deletes a project's answers, or those that one of its users caused; how many."""
        where, values = "project_id = ?", [project_id]
        if user_id is not None:
            where, values = "project_id = ? AND user_id = ?", [project_id, user_id]
        try:
            self.write_queued()
            if not self._path.exists():
                return 0
            with self._file_lock, closing(self._connect()) as connection:
                with connection:
                    found = connection.execute(f"DELETE FROM answers WHERE {where}", values).rowcount  # noqa: S608 — ours
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log holds older versions of pages
        except sqlite3.Error as e:
            raise self._unusable(e) from e
        return found

    def write_queued(self) -> None:
        """Writes what is queued now, in one transaction; raises sqlite3.Error."""
        with self._file_lock:
            with self._lock:
                changes, self._queue = self._queue, deque()
                self._queued_bytes = 0
            if not changes:
                return
            with closing(self._connect()) as connection, connection:
                for key, answer in changes:
                    if answer is None:
                        connection.execute("DELETE FROM answers WHERE key = ?", (key,))
                    else:
                        connection.execute(_INSERT, _row(key, answer))

    # ---- within

    def _follow(self) -> None:
        while not self._stopping:
            self._wake.wait(BATCH_INTERVAL_S)
            with survive(logger, "writing the answer cache"):
                try:
                    self.write_queued()
                    if time.monotonic() >= self._next_sweep:
                        self._next_sweep = time.monotonic() + SWEEP_INTERVAL_S
                        self._sweep()
                    self.failing = ""
                except sqlite3.Error as e:
                    if not self.failing:
                        logger.warning("the answer cache %s can't be written: %s", self._path, e)
                    self.failing = str(e)

    def _sweep(self) -> None:
        """Removes what has expired, and the oldest while there is too much."""
        if not self._path.exists():
            return
        with self._file_lock, closing(self._connect()) as connection, connection:
            connection.execute("DELETE FROM answers WHERE expires_s <= ?", (time.time(),))
            total = int(connection.execute("SELECT coalesce(sum(size), 0) FROM answers").fetchone()[0])
            if total <= self._max_bytes:
                return
            for key, size in connection.execute("SELECT key, size FROM answers ORDER BY created_s").fetchall():
                connection.execute("DELETE FROM answers WHERE key = ?", (key,))
                total -= size
                if total <= self._max_bytes:
                    return

    def _connect(self) -> sqlite3.Connection:
        new = not self._path.exists()
        if new:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
        connection = sqlite3.connect(self._path, timeout=5.0)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")  # erased answers are gone from the file
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version != _SCHEMA_VERSION:
                connection.execute("DROP TABLE IF EXISTS answers")
                connection.executescript(_SCHEMA)
                connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _unusable(self, error: sqlite3.Error) -> UnavailableError:
        return UnavailableError(
            f"the answer cache {str(self._path)!r} can't be used: {error}", hint="See the disk and its rights."
        )

    def _put_aside(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            path = self._path.with_name(self._path.name + suffix)
            if path.exists():
                path.replace(path.with_name(f"broken-{path.name}"))


def _row(key: Key, answer: CachedAnswer) -> tuple[Key, str, str, float, float, int, bytes]:
    packed = _ENCODER.encode(answer)
    return key, answer.project_id, answer.user_id, answer.created_s, answer.expires_s, answer.size, packed
