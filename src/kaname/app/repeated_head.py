"""A request head that a client sends again and again: recognised by its bytes instead of being parsed anew.

Clients that keep a connection send the same head for every call, but for the body's length. What a parser makes of
bytes depends on nothing else, so the same bytes give the same request; only the length is read again. Heads with values
that change (a trace, a date) are never recognised and go to the parser, as does everything that isn't one whole
request.
"""

import re
from typing import Self

from kaname.app.direct_calls import MAX_DIRECT_BYTES

MAX_HEAD_BYTES = 4096
MAX_MISSES = 8
"""So often a head may turn out to be new before its connection isn't looked at any more."""
_LENGTH = re.compile(rb"\r\ncontent-length: ?(\d{1,7})\r\n", re.IGNORECASE)
_END = b"\r\n\r\n"


class RepeatedHead:
    """One head, as it was parsed."""

    __slots__ = ("_after", "_before", "headers", "keep_alive", "url")

    def __init__(self, before: bytes, after: bytes, url: bytes, headers: dict[bytes, bytes], keep_alive: bool) -> None:
        self._before = before
        self._after = after
        self.url = url
        self.headers = headers
        self.keep_alive = keep_alive

    @classmethod
    def read(
        cls, piece: bytes, body: bytes, url: bytes, headers: dict[bytes, bytes], *, keep_alive: bool
    ) -> Self | None:
        """From a plain request that came in one piece and has been parsed; None if it isn't that plain."""
        size = len(piece) - len(body)
        if size > MAX_HEAD_BYTES or piece.find(_END) != size - len(_END) or not piece.endswith(body):
            return None
        found = _LENGTH.search(piece, 0, size)
        if found is None or int(found[1]) != len(body):
            return None
        return cls(piece[: found.start(1)], piece[found.end(1) : size], url, headers, keep_alive)

    def body_of(self, piece: bytes) -> bytes | None:
        """The body, if the piece is this head with a whole body and nothing more."""
        before, after = self._before, self._after
        if not piece.startswith(before):
            return None
        start = len(before)
        end = piece.find(b"\r", start, start + 8)
        if end < 0 or not piece.startswith(after, end):
            return None
        digits, begin = piece[start:end], end + len(after)
        if not digits.isdigit() or int(digits) != len(piece) - begin or len(piece) - begin > MAX_DIRECT_BYTES:
            return None
        return piece[begin:]
