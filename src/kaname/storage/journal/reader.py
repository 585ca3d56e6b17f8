"""The consumer's side of the log, in another process: tails the segments and remembers how far it got.

It survives everything the writer can do under it: a group half written, a segment cut back after a full disk and
continued in a new one, a new segment at every start. Bytes that aren't a frame at the end of the newest segment are
waited for; anywhere else they are damage: the segment is kept under `quarantine/`, counted, and reading goes on at the
next frame.
"""

import logging
import os
import select
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from kaname.kernel.clock import Clock, SystemClock
from kaname.storage.journal.checkpoint import (
    Checkpoint,
    Intent,
    read_checkpoint,
    read_intent,
    write_checkpoint,
    write_intent,
)
from kaname.storage.journal.frames import (
    MAX_BODY_BYTES,
    SEGMENT_HEADER_BYTES,
    Frame,
    decode_entry,
    find_frame,
    frame_at,
    needed_bytes,
)
from kaname.storage.journal.model import Entry, Position
from kaname.storage.journal.segments import list_segments, lock_directory, quarantine_segment, segment_path

logger = logging.getLogger(__name__)

READER_LOCK = "reader.lock"
_READ_BYTES = 4 << 20
_POLL_S = 0.1
_WOKEN_POLL_S = 1.0
_NO_STOP = 1 << 63
_SETTLE_S = 2.0
"""Bytes at the end of the newest segment may be a group in flight; only after this long are they called damage."""


class JournalReader:
    """The one consumer of a directory. Not thread-safe."""

    def __init__(self, directory: Path, *, wake_fd: int | None = None, clock: Clock | None = None) -> None:
        self._directory = directory
        self._clock = clock or SystemClock()
        directory.mkdir(parents=True, exist_ok=True)
        self._lock_fd = lock_directory(directory, READER_LOCK, "consumer")
        self._checkpoint = read_checkpoint(directory)
        self._sequence = self._checkpoint.sequence
        self._segment = 0
        self._offset = 0
        self._fd = -1
        self._corrupt_regions = self._checkpoint.corrupt_regions
        self._corrupt_bytes = self._checkpoint.corrupt_bytes
        self._quarantined = list(self._checkpoint.quarantined)
        self._stuck_since: float | None = None
        self._stop_at = _NO_STOP
        self._wake_fd = wake_fd
        self._poll = select.poll()
        if wake_fd is not None:
            self._poll.register(wake_fd, select.POLLIN)

    @property
    def checkpoint(self) -> Checkpoint:
        """What was last committed."""
        return self._checkpoint

    @property
    def corrupt_regions(self) -> int:
        """Damaged regions stepped over since the log began."""
        return self._corrupt_regions

    @property
    def interrupted(self) -> Intent | None:
        """The entries that an earlier consumer was applying when it died: apply exactly these first."""
        intent = read_intent(self._directory)
        wanted = self._checkpoint.sequence + 1
        return intent if intent is not None and intent.first_sequence <= wanted <= intent.last_sequence else None

    def intend(self, entries: Sequence[Entry]) -> None:
        """Notes which entries are about to be applied."""
        first, last = entries[0].position.sequence, entries[-1].position.sequence
        write_intent(self._directory, Intent(first, last))

    def read_batch(
        self, max_bytes: int, wait_s: float, *, max_entries: int = 100_000, last_sequence: int | None = None
    ) -> list[Entry]:
        """The next entries in order, at least one, up to about `max_bytes`; empty when none came within `wait_s`.

        With `last_sequence` it stops behind that entry and ignores `max_bytes`.
        """
        deadline = time.monotonic() + wait_s
        if last_sequence is not None:
            max_bytes = 1 << 62
            self._stop_at = last_sequence
        else:
            self._stop_at = _NO_STOP
        while True:
            entries = self._read_available(max_bytes, max_entries)
            left = deadline - time.monotonic()
            if entries or left <= 0:
                return entries
            self._wait(left)

    def rewind(self) -> None:
        """Goes back to the last commit: what was read since then comes again."""
        self._close_segment()
        self._sequence = self._checkpoint.sequence

    def commit(self, position: Position, counters: Mapping[str, int] | None = None) -> None:
        """Remembers durably that everything up to here has taken effect."""
        self._checkpoint = Checkpoint(
            sequence=position.sequence,
            segment=position.segment,
            end_offset=position.end_offset,
            committed_ns=self._clock.now_ns(),
            corrupt_regions=self._corrupt_regions,
            corrupt_bytes=self._corrupt_bytes,
            quarantined=self._quarantined[-20:],
            counters=dict(self._checkpoint.counters if counters is None else counters),
        )
        write_checkpoint(self._directory, self._checkpoint)

    def close(self) -> None:
        """Releases the lock and the open file."""
        self._close_segment()
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def _wait(self, left_s: float) -> None:
        if self._wake_fd is None:
            time.sleep(min(left_s, _POLL_S))
            return
        if self._poll.poll(int(min(left_s, _WOKEN_POLL_S) * 1000) + 1):
            try:
                if not os.read(self._wake_fd, 65536):
                    self._poll.unregister(self._wake_fd)
                    self._wake_fd = None  # the writer is gone; `exit_with_parent` ends this process
            except BlockingIOError:
                pass

    def _read_available(self, max_bytes: int, max_entries: int) -> list[Entry]:
        entries: list[Entry] = []
        taken = 0
        while taken < max_bytes and len(entries) < max_entries and self._sequence < self._stop_at:
            if self._fd < 0 and not self._open_segment():
                break
            before = len(entries)
            taken += self._read_frames(entries, max_bytes - taken, max_entries)
            if len(entries) > before:
                continue
            if not self._advance():
                break
        return entries

    def _read_frames(self, entries: list[Entry], max_bytes: int, max_entries: int) -> int:
        """Decodes frames from the open segment; returns their bytes."""
        data = os.pread(self._fd, min(_READ_BYTES, max(max_bytes, 65536)), self._offset)
        at = taken = 0
        while len(entries) < max_entries and taken < max_bytes and self._sequence < self._stop_at:
            frame = frame_at(data, at)
            if frame == "short" and len(data) - at >= 4:
                need = needed_bytes(data, at)
                if need > len(data) - at and need <= MAX_BODY_BYTES:
                    more = os.pread(self._fd, need, self._offset + at)
                    if len(more) >= need:
                        self._offset, data, at = self._offset + at, more, 0
                        continue
            if not isinstance(frame, Frame):
                break
            if frame.sequence > self._sequence:
                entries.append(decode_entry(data, frame, self._segment, self._offset))
                self._sequence = frame.sequence
            taken += frame.end - at
            at = frame.end
        self._offset += at
        if at:
            self._stuck_since = None
        return taken

    def _advance(self) -> bool:
        """At the end of what can be read: goes to the next segment, steps over damage, or says there is nothing."""
        sealed = any(first > self._segment for first in list_segments(self._directory))
        size = os.fstat(self._fd).st_size
        if self._offset >= size:
            if sealed and self._offset >= os.fstat(self._fd).st_size:
                return self._open_segment()
            return False
        if not sealed and not self._stuck_for_long():
            return False
        return self._step_over_damage(size, sealed=sealed)

    def _stuck_for_long(self) -> bool:
        now = time.monotonic()
        if self._stuck_since is None:
            self._stuck_since = now
        return now - self._stuck_since > _SETTLE_S

    def _step_over_damage(self, size: int, *, sealed: bool) -> bool:
        rest = os.pread(self._fd, size - self._offset, self._offset)
        if isinstance(frame_at(rest, 0), Frame):
            return True
        found = find_frame(rest, 1, after_sequence=self._sequence)
        if found is None and not sealed:
            return False
        skipped = len(rest) if found is None else found
        self._corrupt_regions += 1
        self._corrupt_bytes += skipped
        name = quarantine_segment(self._directory, self._segment)
        if name not in self._quarantined:
            self._quarantined.append(name)
        logger.error("journal: %d damaged bytes in segment %s at %d stepped over", skipped, name, self._offset)
        self._offset += skipped
        self._stuck_since = None
        return True

    def _open_segment(self) -> bool:
        """Opens the segment behind the present one, or the one that holds the next sequence number."""
        firsts = list_segments(self._directory)
        wanted = [f for f in firsts if f > self._segment]
        if self._segment == 0:
            covering = [f for f in firsts if f <= self._sequence + 1]
            wanted = [covering[-1], *[f for f in firsts if f > covering[-1]]] if covering else firsts
        if not wanted:
            return False
        self._close_segment()
        first = wanted[0]
        self._fd = os.open(segment_path(self._directory, first), os.O_RDONLY | os.O_CLOEXEC)
        self._segment = first
        self._offset = SEGMENT_HEADER_BYTES
        checkpoint = self._checkpoint
        if checkpoint.segment == first and self._sequence == checkpoint.sequence:
            self._offset = min(max(checkpoint.end_offset, SEGMENT_HEADER_BYTES), os.fstat(self._fd).st_size)
        return True

    def _close_segment(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        self._segment = 0
        self._offset = 0
        self._stuck_since = None
