"""The bytes of files, in parts that are blobs.

Every part begins with random bytes, so that no two files share a blob: deleting one can't take anything from another,
nor from traces, which share blobs by content. Blocking; never on an event loop.
"""

import os
from collections.abc import Iterable, Iterator

from kaname.kernel.errors import NotFoundError
from kaname.storage.blobs.ports import BlobStore

PART_BYTES = 4 << 20
_SALT_BYTES = 16


class FileContent:
    """Writes, reads and deletes parts."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def put(self, part: bytes) -> str:
        """Stores one part, durably; its digest."""
        return self._blobs.put(os.urandom(_SALT_BYTES) + part)

    def put_all(self, pieces: Iterable[bytes]) -> tuple[tuple[str, ...], int]:
        """Stores everything in parts of about `PART_BYTES`; (digests, size). Nothing is kept where it fails."""
        parts: list[str] = []
        size, waiting = 0, bytearray()
        try:
            for piece in pieces:
                waiting += piece
                size += len(piece)
                if len(waiting) >= PART_BYTES:
                    parts.append(self.put(bytes(waiting)))
                    waiting.clear()
            if waiting:
                parts.append(self.put(bytes(waiting)))
        except BaseException:
            self.delete(parts)
            raise
        return tuple(parts), size

    def get(self, digest: str) -> bytes:
        """One part."""
        return self._blobs.get(digest)[_SALT_BYTES:]

    def lines(self, parts: Iterable[str]) -> Iterator[bytes]:
        """The lines of a file without their ends; one part and one line are in memory."""
        rest = b""
        for digest in parts:
            *whole, rest = (rest + self.get(digest)).split(b"\n")
            yield from whole
        if rest:
            yield rest

    def delete(self, parts: Iterable[str]) -> None:
        """Removes parts; those that aren't there any more are no fault."""
        for digest in parts:
            try:
                self._blobs.delete(digest)
            except NotFoundError:
                continue
