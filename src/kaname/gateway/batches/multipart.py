"""Reading `multipart/form-data` as it arrives: short fields whole, one file piece by piece.

Source: RFC 7578, RFC 2046 section 5.1. Not here: nested parts, transfer encodings (no client of the API sends them).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from kaname.kernel.errors import InvalidInputError

MAX_HEAD_BYTES = 16 << 10
MAX_FIELD_BYTES = 64 << 10
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_NAME = re.compile(r'[;\s]name="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_FILENAME = re.compile(r'[;\s]filename="((?:[^"\\]|\\.)*)"', re.IGNORECASE)


class Piece(NamedTuple):
    """Some bytes of the part `name`; `filename` is None where the part is no file."""

    name: str
    filename: str | None
    data: bytes


def read_boundary(content_type: bytes) -> bytes:
    """The boundary of a request; raises InvalidInputError."""
    text = content_type.decode("latin-1")
    match = _BOUNDARY.search(text)
    if not text.lower().startswith("multipart/form-data") or match is None:
        raise InvalidInputError(
            f"content type {text[:100]!r} isn't multipart/form-data with a boundary",
            hint="Upload with fields `purpose` and `file`, as `client.files.create` does.",
        )
    return (match[1] or match[2]).encode("latin-1")


class MultipartReader:
    """Fed with bytes, gives pieces of parts. After the last bytes, `finish`."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._waiting = bytearray(b"\r\n")  # so that the first delimiter is like the others
        self._part: tuple[str, str | None] | None = None
        self._is_over = False

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Pieces that are certain now; raises InvalidInputError."""
        self._waiting += data
        while not self._is_over:
            if self._part is None:
                if not self._begin_part():
                    return
                continue
            name, filename = self._part
            at = self._waiting.find(self._delimiter)
            end = at if at >= 0 else len(self._waiting) - len(self._delimiter)
            if end > 0:
                piece = bytes(self._waiting[:end])
                del self._waiting[:end]
                yield Piece(name, filename, piece)
            if at < 0:
                return
            self._part = None
            yield Piece(name, filename, b"")

    def finish(self) -> None:
        """Raises InvalidInputError unless the closing delimiter came."""
        if not self._is_over:
            raise InvalidInputError("the multipart body ends before its closing boundary", hint="Send it again.")

    def _begin_part(self) -> bool:
        """Whether a part began or all are over; the waiting bytes are at a delimiter, or before the first."""
        at = self._waiting.find(self._delimiter)
        if at < 0:
            self._refuse_long_head()
            return False
        rest = at + len(self._delimiter)
        if self._waiting.startswith(b"--", rest):
            self._is_over = True
            return True
        end = self._waiting.find(b"\r\n\r\n", rest)
        if end < 0:
            self._refuse_long_head()
            return False
        self._part = _read_head(bytes(self._waiting[rest:end]))
        del self._waiting[: end + 4]
        return True

    def _refuse_long_head(self) -> None:
        if len(self._waiting) > MAX_HEAD_BYTES:
            raise InvalidInputError("a part of the multipart body has no end of its headers", hint="Send it again.")


def _read_head(head: bytes) -> tuple[str, str | None]:
    text = head.decode("utf-8", "replace")
    for line in text.split("\r\n"):
        if line.lower().startswith("content-disposition:"):
            name, filename = _NAME.search(line), _FILENAME.search(line)
            if name is not None:
                return name[1], _plain(filename[1]) if filename is not None else None
    raise InvalidInputError("a part of the multipart body has no name", hint="Send it again.")


def _plain(filename: str) -> str:
    """Without a folder and control characters."""
    last = filename.replace('\\"', '"').replace("%22", '"').rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:255]
