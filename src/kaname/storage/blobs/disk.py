"""Blobs as files: `ab/cd/abcd…`, written to a temporary file, fsynced, then renamed into place.

A reader never sees half a blob, and what `put` returned survives a power cut (file and folders are fsynced). Temporary
files of a crashed writer are removed on opening.
"""

import errno
import os
import time
from pathlib import Path

from kaname.kernel.errors import DiskFullError, IntegrityError
from kaname.kernel.ids import random_token
from kaname.storage.blobs.ports import check_digest, digest_of, no_such_blob, verified

_TEMPORARY = "temporary"
_STALE_AFTER_S = 3600.0


class DiskBlobStore:
    """A folder of blobs. Implements `BlobStore`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._temporary = directory / _TEMPORARY
        self._temporary.mkdir(parents=True, exist_ok=True)
        self._remove_stale()

    def put(self, content: bytes) -> str:
        digest = digest_of(content)
        path = self._path(digest)
        if path.exists() and self._is_intact(path, digest):
            return digest
        temporary = self._temporary / random_token(10)
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._make_folders(path.parent)
            temporary.replace(path)
            _fsync_folder(path.parent)
        except OSError as e:
            temporary.unlink(missing_ok=True)
            if e.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFullError(
                    f"no space left for a blob of {len(content)} bytes", hint="Free some space.", retry_after_s=30
                ) from e
            raise
        return digest

    def get(self, digest: str) -> bytes:
        try:
            return verified(self._path(digest).read_bytes(), digest)
        except FileNotFoundError:
            raise no_such_blob(digest) from None

    def exists(self, digest: str) -> bool:
        return self._path(digest).exists()

    def delete(self, digest: str) -> bool:
        path = self._path(digest)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        _fsync_folder(path.parent)
        return True

    def _path(self, digest: str) -> Path:
        check_digest(digest)
        return self._directory / digest[:2] / digest[2:4] / digest

    def _is_intact(self, path: Path, digest: str) -> bool:
        # Storing it again is how a damaged blob is mended, so the old bytes must not be trusted by name.
        try:
            verified(path.read_bytes(), digest)
        except (IntegrityError, FileNotFoundError):
            return False
        return True

    def _make_folders(self, folder: Path) -> None:
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _fsync_folder(folder.parent)
            _fsync_folder(self._directory)

    def _remove_stale(self) -> None:
        for path in self._temporary.iterdir():
            try:
                if time.time() - path.stat().st_mtime > _STALE_AFTER_S:
                    path.unlink()
            except FileNotFoundError:
                continue  # another process put it in place or removed it meanwhile


def _fsync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
