"""A regular expression of the operator's, run by RE2: no pattern and no text can make it take long.

Look-around and back-references don't exist in RE2 and are refused when the configuration is read.
"""

from collections.abc import Iterator
from typing import Protocol, cast

import re2  # pyright: ignore[reportMissingTypeStubs]

from kaname.gateway.guardrails.model import UNTRUSTED, GuardKind, Options, Side
from kaname.privacy.model import Finding

MAX_PATTERN_CHARS = 2000


class _Match(Protocol):
    def span(self) -> tuple[int, int]: ...


class _Pattern(Protocol):
    """What is used of RE2's compiled pattern."""

    def search(self, text: str) -> _Match | None: ...
    def finditer(self, text: str) -> Iterator[_Match]: ...


_PatternError = cast("type[Exception]", re2.error)  # pyright: ignore[reportUnknownMemberType]


def _compile(pattern: str) -> _Pattern:
    settings = re2.Options()
    settings.log_errors = False
    return cast("_Pattern", re2.compile(pattern, settings))  # pyright: ignore[reportUnknownMemberType]


class RegexGuard:
    """See `TextGuard`."""

    __slots__ = ("_label", "_pattern")

    def __init__(self, pattern: _Pattern, label: str) -> None:
        self._pattern = pattern
        self._label = label

    def find(self, text: str) -> list[Finding]:
        if self._pattern.search(text) is None:  # finding out where costs ten times as much as whether
            return []
        spans = [match.span() for match in self._pattern.finditer(text)]
        return [Finding(self._label, start, end, 1.0, "pattern") for start, end in spans if end > start]


def _build(options: Options, side: Side) -> RegexGuard:
    text = options.text("pattern")
    if not text or len(text) > MAX_PATTERN_CHARS:
        raise options.refuse("pattern", "is missing" if not text else f"is longer than {MAX_PATTERN_CHARS} characters")
    try:
        pattern = _compile(text)
    except _PatternError as e:
        said = cast("object", e.args[0]) if e.args else ""
        why = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise options.refuse("pattern", f"{text[:80]!r} isn't an RE2 pattern: {why}", "See RE2's syntax.") from e
    return RegexGuard(pattern, options.text("label", "pattern"))


REGEX = GuardKind(
    name="regex",
    build=_build,
    options=("pattern", "label"),
    main="pattern",
    actions=("block", "mask", "replace", "observe"),
    roles=UNTRUSTED,
)
