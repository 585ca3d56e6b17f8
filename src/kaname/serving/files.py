"""Files that must be whole or absent: hashing copies, fsync, atomic rename, and locks that die with their process."""

import fcntl
import hashlib
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 20


def hash_file(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """sha256 of a file in hex; `on_bytes` gets the running count."""
    with path.open("rb") as file:
        return copy_hashed(file, None, on_bytes)


def copy_hashed(source: BinaryIO, target: BinaryIO | None, on_bytes: Callable[[int], None] | None = None) -> str:
    """Copies to the end (or only reads, without a target) and returns the sha256 in hex."""
    digest, done = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        if target is not None:
            target.write(chunk)
        done += len(chunk)
        if on_bytes is not None:
            on_bytes(done)
    return digest.hexdigest()


def write_atomic(path: Path, body: bytes) -> None:
    """Replaces a small file: temporary file, fsync, rename, fsync of the folder."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    replace_durably(temporary, path)


def replace_durably(temporary: Path, path: Path) -> None:
    """Renames an fsynced file into place and makes the rename itself durable."""
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def locked(path: Path, *, exclusive: bool, wait: bool = False) -> Generator[bool]:
    """Holds an advisory lock on a file (created if absent); yields False at once if another process has it.

    The lock ends with the process, even after kill -9: there is no stale lock to clean up.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        mode = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB)
        try:
            fcntl.flock(descriptor, mode)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)
