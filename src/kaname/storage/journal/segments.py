"""Segment files on disk: names, the writer's open file, repair of a torn tail, removal, quarantine.

Every opening of the log begins a new segment whose number is above everything ever read or written, so a sequence
number is never given twice, even after a power cut that took unsynced entries which the consumer had already seen.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kaname.kernel.errors import ConfigurationError, DiskFullError
from kaname.storage.journal.frames import (
    SEGMENT_HEADER_BYTES,
    Buffer,
    Frame,
    SegmentHeader,
    decode_segment_header,
    encode_segment_header,
    find_frame,
    frame_at,
)

SUFFIX = ".log"
QUARANTINE = "quarantine"
_MAX_IOV = 512
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def segment_path(directory: Path, first_sequence: int) -> Path:
    """The file of the segment that begins with this sequence number."""
    return directory / f"{first_sequence:020d}{SUFFIX}"


def list_segments(directory: Path) -> list[int]:
    """First sequence numbers of all segments, ascending."""
    found: list[int] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            stem = entry.name.removesuffix(SUFFIX)
            if stem != entry.name and stem.isdigit():
                found.append(int(stem))
    return sorted(found)


def sync_directory(directory: Path) -> None:
    """Makes creations, renames and removals in a directory durable."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def lock_directory(directory: Path, name: str, what: str) -> int:
    """Takes an exclusive lock that dies with the process; raises ConfigurationError naming who holds it."""
    fd = os.open(directory / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        holder = os.read(fd, 32).decode(errors="replace").strip() or "?"
        os.close(fd)
        raise ConfigurationError(
            f"the journal in {str(directory)!r} already has a {what} (process {holder})",
            hint="Stop the other server, or give this one another data directory.",
        ) from e
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


@dataclass(frozen=True, slots=True, kw_only=True)
class TailReport:
    """What opening found in the last segment of an earlier run."""

    last_sequence: int
    torn_bytes: int
    """Cut off: an entry that was being written and never acknowledged."""
    damaged: bool
    """Valid entries follow invalid bytes: not a torn tail, so nothing was cut."""


def repair_tail(path: Path) -> TailReport:
    """Cuts an incomplete last entry off a segment. Damage in the middle is left for the reader to step over."""
    data = path.read_bytes()
    last, offset = 0, SEGMENT_HEADER_BYTES
    damaged = False
    if decode_segment_header(data) is None:
        damaged = len(data) >= SEGMENT_HEADER_BYTES
        offset = 0 if not damaged else SEGMENT_HEADER_BYTES
    while offset < len(data):
        frame = frame_at(data, offset)
        if isinstance(frame, Frame):
            last, offset = frame.sequence, frame.end
            continue
        further = find_frame(data, offset + 1, after_sequence=last)
        if further is None:
            break
        damaged, offset = True, further
    torn = len(data) - offset
    if torn > 0:
        _keep_tail(path, data[offset:])
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(fd, offset)
            os.fsync(fd)
        finally:
            os.close(fd)
    return TailReport(last_sequence=last, torn_bytes=max(torn, 0), damaged=damaged)


def quarantine_segment(directory: Path, first_sequence: int) -> str:
    """Keeps a damaged segment under `quarantine/` by a hard link: no copy, and it survives the log's own removal."""
    folder = directory / QUARANTINE
    folder.mkdir(exist_ok=True)
    source = segment_path(directory, first_sequence)
    target = folder / source.name
    if not target.exists():
        os.link(source, target)
        sync_directory(folder)
    return target.name


def _keep_tail(path: Path, tail: bytes) -> None:
    """A cut tail was never acknowledged, unless the disk lied; so it is kept for whoever must find out."""
    with contextlib.suppress(OSError):
        folder = path.parent / QUARANTINE
        folder.mkdir(exist_ok=True)
        (folder / f"{path.name}.tail").write_bytes(tail)


class SegmentWriter:
    """The open segment. One thread uses it; a failed write leaves the file as it was before."""

    def __init__(self, directory: Path, first_sequence: int, created_ns: int) -> None:
        self.first_sequence = first_sequence
        self.path = segment_path(directory, first_sequence)
        header = encode_segment_header(SegmentHeader(first_sequence, created_ns))
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.size = 0
        try:
            self._write_all([header])
            os.fsync(self._fd)
        except OSError as e:
            os.close(self._fd)
            self.path.unlink(missing_ok=True)
            raise _translate(e) from e
        self.size = len(header)
        sync_directory(directory)

    def append(self, buffers: Sequence[Buffer]) -> None:
        """Writes and fsyncs; raises DiskFullError with the file cut back, or OSError when the disk can't be trusted."""
        try:
            written = self._write_all(buffers)
        except OSError as e:
            os.ftruncate(self._fd, self.size)
            raise _translate(e) from e
        os.fdatasync(self._fd)
        self.size += written

    def close(self) -> None:
        """Closes the file; everything in it is already on disk."""
        os.close(self._fd)

    def _write_all(self, buffers: Sequence[Buffer]) -> int:
        offset = self.size
        for i in range(0, len(buffers), _MAX_IOV):
            chunk = list(buffers[i : i + _MAX_IOV])
            while chunk:
                n = os.pwritev(self._fd, chunk, offset)
                offset += n
                while chunk and n >= len(chunk[0]):
                    n -= len(chunk.pop(0))
                if chunk and n:
                    chunk[0] = memoryview(chunk[0])[n:]
        return offset - self.size


def _translate(error: OSError) -> OSError | DiskFullError:
    if error.errno in _FULL:
        return DiskFullError(
            f"the journal can't grow: {error.strerror}",
            hint="Free space on the device that holds the data directory.",
            retry_after_s=10,
        )
    return error
