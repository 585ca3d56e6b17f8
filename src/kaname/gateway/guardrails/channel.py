"""A text that arrives in pieces, and how much of it is certain: the hold-back window.

A channel is scanned when its length reaches certain values, whatever the pieces were, so the same text always gives the
same edits. What may still become part of a match (the last `hold_back` characters) isn't released; a match that
reaches to the end of what is there waits for more. Offsets count from the beginning of the channel.
"""

import sys
from collections import deque
from typing import Final, Protocol, cast

import orjson

from kaname.gateway.guardrails.screen import Screen
from kaname.kernel.errors import UpstreamError
from kaname.privacy.model import CONTEXT_AFTER, CONTEXT_BEFORE
from kaname.privacy.placeholders import MAX_TOKEN_CHARS, PARTIAL_TOKEN, Edit, apply_edits

MIN_HOLD_BACK: Final = 48
"""Room for a placeholder and for the words after a match that count."""
MAX_WAITING_CHARS: Final = 16_384
"""A match longer than this is taken as it stands."""
MAX_WHOLE_CHARS: Final = 4 << 20
_LOOK_BEHIND: Final = CONTEXT_BEFORE + 24
_LOOK_AHEAD: Final = CONTEXT_AFTER + 1


class Channel(Protocol):
    """One text on its way."""

    size: int
    released: int
    """Up to here everything is certain."""
    edits: deque[Edit]
    """Of the released part, in order; the reader takes out those that it is done with."""

    def add(self, text: str) -> None:
        """Appends; may release."""
        ...

    def finish(self) -> None:
        """There is no more: releases everything."""
        ...


class HeldChannel:
    """Released behind its end by the hold-back, because guards may change or stop it (`fixed`: only stop)."""

    __slots__ = (
        "_base",
        "_counts",
        "_fixed",
        "_hold",
        "_screen",
        "_stride",
        "_window",
        "edits",
        "next_scan",
        "released",
        "size",
    )

    def __init__(self, screen: Screen, hold_back: int, *, counts: bool = True, fixed: bool = False) -> None:
        self.size = 0
        self.released: int = 0
        self.edits: deque[Edit] = deque()
        self._screen = screen
        self._counts = counts
        self._fixed = fixed
        self._hold = max(hold_back, MIN_HOLD_BACK)
        self._stride = max(self._hold // 4, 16)
        self.next_scan = self._hold + self._stride
        """Until it is so long nothing happens, so what is added may come later."""
        self._window = ""
        self._base = 0
        """Where the window begins."""

    def add(self, text: str) -> None:
        """See `Channel`."""
        self._window += text
        self.size += len(text)
        while self.size >= self.next_scan:
            self._scan(self.next_scan, self.next_scan - self._hold)
            self.next_scan += self._stride

    def finish(self) -> None:
        """See `Channel`."""
        if self.released < self.size:
            self._scan(self.size, self.size)

    def _scan(self, end: int, limit: int) -> None:
        """Looks at the text up to `end` and releases it up to `limit`, more or less where a match lies across it."""
        base, released, screen = self._base, self.released, self._screen
        window = self._window[: end - base]
        last, waits = end - _LOOK_AHEAD, limit < end and end - released < MAX_WAITING_CHARS
        for candidate in screen.candidates(window):
            start, stop = candidate.start + base, candidate.end + base
            if start < released:
                continue
            if start >= limit:
                break
            if stop > last and waits:
                limit = start
                break
            value = window[candidate.start : candidate.end]
            edit = screen.accept(candidate._replace(start=start, end=stop), value, counts=self._counts)
            if screen.blocked_by is not None:
                limit = start
                break
            if edit is not None and not self._fixed and (not self.edits or self.edits[-1].end <= start):
                self.edits.append(edit)
                limit = max(limit, stop)
        if limit > released:
            self.released = limit
            cut = limit - _LOOK_BEHIND - base
            if cut > 0:
                self._window = self._window[cut:]
                self._base = base + cut


class OpenChannel:
    """Released at once but for what may be half a placeholder; guards that only observe look on."""

    __slots__ = ("_screen", "_tail", "_watched", "edits", "released", "restores", "size")

    def __init__(self, screen: Screen, watched: HeldChannel | None, *, fixed: bool = False) -> None:
        self.size = 0
        self.released = 0
        self.edits: deque[Edit] = deque()
        self._screen = screen
        self._watched = watched
        self.restores = screen.restores and not fixed
        """Whether placeholders are looked for."""
        self._tail = ""
        """What isn't released yet."""

    @property
    def next_scan(self) -> int:
        """Until it is so long nothing happens where nothing is restored, so what is added may come later."""
        return self._watched.next_scan if self._watched is not None else sys.maxsize

    def add(self, text: str) -> None:
        """See `Channel`."""
        self.size += len(text)
        if self._watched is not None:
            self._watched.add(text)
            self._watched.edits.clear()
        if not self.restores or not (self._tail or "<" in text):
            self.released = self.size
            return
        self._tail += text
        partial = PARTIAL_TOKEN.search(self._tail, max(0, len(self._tail) - MAX_TOKEN_CHARS))
        self._release(partial.start() if partial is not None else len(self._tail))

    def finish(self) -> None:
        """See `Channel`."""
        if self._watched is not None:
            self._watched.finish()
        self._release(len(self._tail))
        self.released = self.size

    def _release(self, count: int) -> None:
        text, self._tail = self._tail[:count], self._tail[count:]
        start = self.released
        for edit in self._screen.restorations(text):
            self.edits.append(edit._replace(start=edit.start + start, end=edit.end + start))
        self.released = self.size - len(self._tail)


class WholeChannel:
    """Released at its end: the JSON of a tool call's arguments, in which values are put back as JSON wants them."""

    __slots__ = ("_counts", "_parts", "_screen", "client", "edits", "is_changed", "masked", "released", "size")

    def __init__(self, screen: Screen, *, counts: bool = True) -> None:
        self.size = 0
        self.released = 0
        self.edits: deque[Edit] = deque()
        self._screen = screen
        self._counts = counts
        self._parts: list[str] = []
        self.masked = self.client = ""
        self.is_changed = False

    def add(self, text: str) -> None:
        """See `Channel`; raises UpstreamError when there is too much of it."""
        self.size += len(text)
        self._parts.append(text)
        if self.size > MAX_WHOLE_CHARS:
            raise UpstreamError(
                f"a tool call's arguments are longer than {MAX_WHOLE_CHARS} characters",
                code="upstream_response_too_large",
            )

    def finish(self) -> None:
        """See `Channel`."""
        text, self._parts = "".join(self._parts), []
        if not text:
            return
        masked, client = screen_json(self._screen, text, counts=self._counts)
        if self._screen.blocked_by is not None:
            return
        self.masked, self.client = masked, client
        self.is_changed = client != text
        self.released = self.size


def screen_json(screen: Screen, text: str, *, counts: bool = True) -> tuple[str, str]:
    """A JSON text after the guards, and what the client gets of it: with values restored inside its strings."""
    edits: list[Edit] = []
    restores = False
    for candidate in screen.candidates(text):
        if candidate.guard < 0:
            restores = True
            continue
        edit = screen.accept(candidate, text[candidate.start : candidate.end], counts=counts)
        if edit is not None and (not edits or edits[-1].end <= edit.start):
            edits.append(edit._replace(text=orjson.dumps(edit.text).decode()[1:-1]))
    masked = apply_edits(text, edits)
    if not screen.restores or not (restores or "u003c" in masked.lower()):
        return masked, masked
    try:
        document: object = orjson.loads(masked)
    except orjson.JSONDecodeError:
        return masked, screen.restore(masked)
    restored = _restore_strings(screen, document)
    return masked, masked if restored == document else orjson.dumps(restored).decode()


def _restore_strings(screen: Screen, value: object) -> object:
    if isinstance(value, str):
        return screen.restore(value)
    if isinstance(value, list):
        return [_restore_strings(screen, item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: _restore_strings(screen, item) for key, item in cast("dict[str, object]", value).items()}
    return value


def screen_text(screen: Screen, text: str, hold_back: int, *, counts: bool = True) -> tuple[str, str]:
    """A whole text as a stream of it would come out: after the guards, and what the client gets of it."""
    channel = HeldChannel(screen, hold_back, counts=counts)
    channel.add(text)
    channel.finish()
    return apply_edits(text, [e for e in channel.edits if not e.restores]), apply_edits(text, channel.edits)  # type: ignore[arg-type]
