"""The port of blob storage: bytes by the SHA-256 of themselves. The same bytes are stored once."""

import hashlib
import re
from typing import Protocol

from kaname.kernel.errors import IntegrityError, InvalidInputError, NotFoundError

MAX_BLOB_BYTES = 1 << 30
_DIGEST = re.compile(r"[0-9a-f]{64}")


class BlobStore(Protocol):
    """Content-addressed bytes. Safe from any thread and process; a put that returned is durable."""

    def put(self, content: bytes) -> str:
        """Stores bytes and returns their digest; storing the same again changes nothing."""
        ...

    def get(self, digest: str) -> bytes:
        """The bytes, checked against the digest. Raises NotFoundError or IntegrityError."""
        ...

    def exists(self, digest: str) -> bool:
        """Whether the bytes are here (unchecked)."""
        ...

    def delete(self, digest: str) -> bool:
        """Removes the bytes; false if they weren't here."""
        ...


def digest_of(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def check_digest(digest: str) -> str:
    """Raises InvalidInputError unless this is a digest: it becomes part of a path."""
    if not _DIGEST.fullmatch(digest):
        raise InvalidInputError(f"{digest[:80]!r} isn't a blob's digest", hint="It has 64 hexadecimal digits.")
    return digest


def verified(content: bytes, digest: str) -> bytes:
    """The content, if it is what the digest says; else raises IntegrityError."""
    if digest_of(content) != digest:
        raise IntegrityError(f"blob {digest[:12]}… was changed or damaged", hint="Restore it from a backup.")
    return content


def no_such_blob(digest: str) -> NotFoundError:
    """The error of all stores for a digest that isn't here."""
    return NotFoundError(f"there is no blob {digest[:12]}…", hint="It may be deleted already.")
