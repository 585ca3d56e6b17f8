"""The writer of the log: many coroutines append, one thread commits, one fsync serves everyone who waited.

Invariants: `append` returns only after its bytes are on disk; a sequence number is never given twice; after any failed
write the segment is cut back and closed, and the next group goes to a new one, so a reader never sees bytes change.
The gateway's lane (`append_soon`) never blocks: its buffer is bounded, new records are dropped and counted when it or
the log is full.
"""

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from kaname.kernel.clock import Clock, SystemClock
from kaname.kernel.errors import DiskFullError, JournalFullError, KanameError, UnavailableError
from kaname.storage.journal.frames import FRAME_HEADER_BYTES, Buffer, encode_body_head, encode_frame_header
from kaname.storage.journal.model import EntryKind, JournalStats, Position
from kaname.storage.journal.retention import SealedSegments
from kaname.storage.journal.segments import SegmentWriter, lock_directory, repair_tail, segment_path
from kaname.storage.journal.settings import JournalSettings

logger = logging.getLogger(__name__)

WRITER_LOCK = "writer.lock"
_NO_HEADERS: Mapping[str, str] = {}
_HOUSEKEEPING_S = 0.5
_IDLE_HOUSEKEEPING_S = 5.0
_RETRY_S = 1.0
_AGE_RESOLUTION_NS = 250_000_000


class _Waiting(NamedTuple):
    head: bytes
    payload: Buffer
    received_ns: int
    future: "asyncio.Future[Position] | None"

    @property
    def size(self) -> int:
        return FRAME_HEADER_BYTES + len(self.head) + len(self.payload)


class Journal:
    """The one writer of a directory. Open it, append from one event loop, close it."""

    def __init__(self, directory: Path, settings: JournalSettings, clock: Clock | None = None) -> None:
        self._directory = directory
        self._settings = settings
        self._clock = clock or SystemClock()
        self._condition = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._soon: list[_Waiting] = []
        self._pending_bytes = 0
        self._soon_bytes = 0
        self._soon_due = 0.0
        self._dropped_soon = 0
        self._appended = 0
        self._fsyncs = 0
        self._failing = "closed"
        self._closing = False
        self._sealed = SealedSegments(directory=directory, retain_s=settings.retain_s)
        self._open: SegmentWriter | None = None
        self._next_sequence = 1
        self._log_bytes = 0
        self._last_append = time.monotonic()
        self._groups: deque[tuple[int, int]] = deque()
        self._lock_fd = -1
        self._wake_read, self._wake_write = -1, -1
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    @property
    def wake_fd(self) -> int:
        """Read end of a pipe that gets a byte after each commit; hand it to the consumer's process."""
        return self._wake_read

    def open(self) -> None:
        """Locks the directory, repairs a torn tail and starts the thread; raises ConfigurationError if it is taken."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._lock_fd = lock_directory(self._directory, WRITER_LOCK, "writer")
        self._sealed.load()
        highest = self._sealed.checkpoint.sequence
        if self._sealed.sizes:
            last = max(self._sealed.sizes)
            report = repair_tail(segment_path(self._directory, last))
            if report.torn_bytes:
                logger.warning("journal: cut %d bytes of an unfinished entry off segment %d", report.torn_bytes, last)
            if report.damaged:
                logger.error("journal: segment %d is damaged in its middle; the consumer steps over it", last)
            highest = max(highest, report.last_sequence, last)
            self._sealed.load()
        self._next_sequence = highest + 1
        self._log_bytes = self._sealed.bytes
        if highest > self._sealed.checkpoint.sequence:
            self._groups.append((highest, self._clock.now_ns()))
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._failing = ""
        self._thread.start()

    async def append(
        self, kind: EntryKind, project_id: str, payload: Buffer, *, headers: Mapping[str, str] = _NO_HEADERS
    ) -> Position:
        """Stores an entry; returns when it is on disk. Raises JournalFullError, DiskFullError or UnavailableError."""
        future: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        item = self._item(kind, project_id, payload, headers, future)
        with self._condition:
            self._refuse_if_full(item.size)
            self._waiting.append(item)
            self._pending_bytes += item.size
            self._condition.notify()
        return await future

    def append_soon(
        self, kind: EntryKind, project_id: str, payload: Buffer, *, headers: Mapping[str, str] = _NO_HEADERS
    ) -> bool:
        """Stores an entry within the flush interval, without waiting; False if buffer or log was full: dropped."""
        item = self._item(kind, project_id, payload, headers, None)
        with self._condition:
            if self._closing or self._soon_bytes + item.size > self._settings.soon_max_bytes:
                self._dropped_soon += 1
                return False
            if self._log_bytes + self._soon_bytes + item.size > self._settings.max_bytes:
                self._failing = "full"
                self._dropped_soon += 1
                return False
            if not self._soon:
                self._soon_due = time.monotonic() + self._settings.soon_interval_s
                self._condition.notify()
            self._soon.append(item)
            self._soon_bytes += item.size
        return True

    def stats(self) -> JournalStats:
        """Sizes, the consumer's position and what fails, for status pages and back-pressure."""
        checkpoint = self._sealed.checkpoint
        behind = max(self._next_sequence - 1 - checkpoint.sequence, 0)
        groups = list(self._groups)
        oldest = groups[0][1] if groups else self._clock.now_ns()
        age = (self._clock.now_ns() - oldest) / 1e9 if behind else 0.0
        return JournalStats(
            bytes=self._log_bytes,
            segments=len(self._sealed.sizes) + (self._open is not None),
            next_sequence=self._next_sequence,
            consumed_sequence=checkpoint.sequence,
            unconsumed_entries=behind,
            oldest_unconsumed_age_s=max(age, 0.0),
            pending_bytes=self._pending_bytes + self._soon_bytes,
            appended_entries=self._appended,
            fsyncs=self._fsyncs,
            dropped_soon=self._dropped_soon,
            failing=self._failing,
        )

    def close(self) -> None:
        """Commits what waits, ends the thread, releases the directory. Idempotent."""
        with self._condition:
            if self._closing or self._lock_fd < 0:
                return
            self._closing = True
            self._condition.notify()
        self._thread.join()
        self._failing = "closed"
        for fd in (self._wake_read, self._wake_write, self._lock_fd):
            os.close(fd)
        self._lock_fd = -1

    def _item(
        self,
        kind: EntryKind,
        project_id: str,
        payload: Buffer,
        headers: Mapping[str, str],
        future: "asyncio.Future[Position] | None",
    ) -> _Waiting:
        now_ns = self._clock.now_ns()
        return _Waiting(encode_body_head(kind, project_id, now_ns, headers), payload, now_ns, future)

    def _refuse_if_full(self, size: int) -> None:
        if self._closing or self._lock_fd < 0:
            raise UnavailableError("the journal is closed", hint="The server is stopping; send again.", retry_after_s=5)
        s = self._settings
        if self._pending_bytes and self._pending_bytes + size > s.max_pending_bytes:
            raise JournalFullError(
                f"{self._pending_bytes} bytes already wait for the disk",
                hint="Send again later, or slower.",
                retry_after_s=1,
            )
        if self._log_bytes + self._pending_bytes + size > s.max_bytes:
            self._failing = "full"
            raise JournalFullError(
                f"the journal holds {self._log_bytes} of {s.max_bytes} bytes that aren't stored yet",
                hint="Send again later. `kaname doctor` says why the consumer is behind.",
                retry_after_s=5,
            )

    def _run(self) -> None:
        retry_at = 0.0
        next_look = 0.0
        while True:
            with self._condition:
                self._wait_for_work(next_look, retry_at)
                now = time.monotonic()
                batch, self._waiting = self._waiting, []
                take_soon = self._soon and (batch or self._closing or now >= max(self._soon_due, retry_at))
                soon, closing = (self._soon if take_soon else []), self._closing
                if take_soon:
                    self._soon = []
            if batch or soon:
                failure = self._commit([*batch, *soon])
                self._settle(batch, soon, failure)
                retry_at = time.monotonic() + _RETRY_S if failure is not None else 0.0
            if now >= next_look:
                with contextlib.suppress(OSError):  # a full or vanished disk shows itself at the next commit
                    self._keep_house()
                behind = self._next_sequence - 1 > self._sealed.checkpoint.sequence or self._sealed.sizes
                next_look = time.monotonic() + (_HOUSEKEEPING_S if behind else _IDLE_HOUSEKEEPING_S)
            elif batch or soon:
                next_look = min(next_look, time.monotonic() + _HOUSEKEEPING_S)
            if closing and not self._waiting:
                if self._open is not None:
                    self._open.close()
                return

    def _wait_for_work(self, next_look: float, retry_at: float) -> None:
        while not self._waiting and not self._closing:
            due = next_look
            if self._soon:
                due = min(due, max(self._soon_due, retry_at))
            timeout = due - time.monotonic()
            if timeout <= 0:
                return
            self._condition.wait(timeout)

    def _commit(self, items: list[_Waiting]) -> KanameError | None:
        """Writes and syncs one group; gives the failure that all of its waiters share."""
        buffers: list[Buffer] = []
        first = self._next_sequence
        for sequence, item in enumerate(items, first):
            buffers += (encode_frame_header(sequence, item.head, item.payload), item.head, item.payload)
        # Numbers of a failed group stay used: the consumer may already have seen its bytes.
        self._next_sequence = first + len(items)
        try:
            self._check_free_space()
            segment = self._segment(first)
            segment.append(buffers)
        except Exception as e:  # noqa: BLE001 - border: this thread must outlive any failure, its waiters wait for it
            self._abandon_segment()
            return self._describe_failure(e)
        if self._failing != "full":  # a group that was let in before the log was full proves nothing; pruning does
            self._failing = ""
        self._fsyncs += 1
        self._appended += len(items)
        self._log_bytes = self._sealed.bytes + segment.size
        self._last_append = time.monotonic()
        if not self._groups or items[0].received_ns - self._groups[-1][1] > _AGE_RESOLUTION_NS:
            self._groups.append((self._next_sequence - 1, items[0].received_ns))
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"\n")
        return None

    def _settle(self, batch: list[_Waiting], soon: list[_Waiting], failure: KanameError | None) -> None:
        first = self._next_sequence - len(batch) - len(soon)
        segment = self._open.first_sequence if self._open is not None else 0
        loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Position], Position]]] = {}
        for i, item in enumerate(batch):
            assert item.future is not None
            loops.setdefault(item.future.get_loop(), []).append((item.future, Position(first + i, segment)))
        with self._condition:
            self._pending_bytes -= sum(item.size for item in batch)
            if failure is None:
                self._soon_bytes -= sum(item.size for item in soon)
            else:
                self._soon = [*soon, *self._soon]
                if self._closing:
                    self._dropped_soon += len(self._soon)
                    self._soon = []
        for loop, results in loops.items():
            with contextlib.suppress(RuntimeError):  # the loop closed while its request waited
                loop.call_soon_threadsafe(_resolve, results, failure)

    def _segment(self, first_sequence: int) -> SegmentWriter:
        if self._open is not None and self._open.size >= self._settings.segment_bytes:
            self._seal_open()
        if self._open is None:
            self._open = SegmentWriter(self._directory, first_sequence, self._clock.now_ns())
        return self._open

    def _seal_open(self) -> None:
        if self._open is not None:
            self._open.close()
            self._sealed.seal(self._open.first_sequence, self._open.size)
            self._open = None

    def _abandon_segment(self) -> None:
        with contextlib.suppress(OSError):
            self._seal_open()
        self._log_bytes = self._sealed.bytes

    def _check_free_space(self) -> None:
        if self._settings.min_free_bytes <= 0:
            return
        stat = os.statvfs(self._directory)
        free = stat.f_bavail * stat.f_frsize
        if free < self._settings.min_free_bytes:
            raise DiskFullError(
                f"only {free} bytes are free on the device of {str(self._directory)!r}",
                hint=f"Free space, or lower journal.min_free_bytes ({self._settings.min_free_bytes}).",
                retry_after_s=10,
            )

    def _describe_failure(self, error: Exception) -> KanameError:
        logger.error("journal: can't write: %s", error, exc_info=not isinstance(error, OSError | KanameError))
        if isinstance(error, KanameError):
            self._failing = error.code
            return error
        self._failing = "disk_error"
        return UnavailableError(
            f"the journal can't be written: {error}",
            hint="Check the device that holds the data directory.",
            retry_after_s=10,
        )

    def _keep_house(self) -> None:
        self._sealed.refresh_checkpoint()
        consumed = self._sealed.checkpoint.sequence
        while self._groups and self._groups[0][0] <= consumed:
            self._groups.popleft()
        consumed_all = consumed >= self._next_sequence - 1
        idle = time.monotonic() - self._last_append >= self._settings.retain_s
        if self._open is not None and consumed_all and idle:
            self._seal_open()
        open_sequence = self._open.first_sequence if self._open is not None else self._next_sequence
        pressed = self._log_bytes > self._settings.max_bytes // 2 or self._failing != ""
        self._sealed.prune(open_sequence, time.monotonic(), pressed=pressed)
        self._log_bytes = self._sealed.bytes + (self._open.size if self._open is not None else 0)
        if self._failing == "full" and self._log_bytes < self._settings.max_bytes:
            self._failing = ""


def _resolve(results: "list[tuple[asyncio.Future[Position], Position]]", failure: KanameError | None) -> None:
    for future, position in results:
        if future.done():  # the client left while it waited
            continue
        if failure is None:
            future.set_result(position)
        else:
            future.set_exception(failure)
