"""Regular expressions that can't be made to run long: a subset of Python's, refused by an upper bound on backtracking.

Python's matcher backtracks, and what it searches comes from callers. So a pattern is read once, before it is
compiled, and a bound on the work of searching `MAX_SUBJECT` characters is multiplied up: an open repeat counts that
length, an option 4, an alternation the square of its branches (a step of a choice costs far more than one of a plain
repeat). Repeats within repeats, look-around and back-references are refused. It is no parser of regular expressions:
what it lets through, `re.compile` still has to accept.
"""

import re

MAX_SUBJECT = 128
"""Longer texts don't match: the bound on work holds for this length (a few milliseconds at worst)."""

_MAX_PATTERN = 256
_MAX_WAYS = MAX_SUBJECT**3
_COUNTED = re.compile(r"\{(\d{1,3})(?:(,)(\d{0,3}))?\}")
_LETTER_ESCAPES = frozenset("dDwWsSbBAZntr")


class _Group:
    """What an open parenthesis holds so far."""

    __slots__ = ("branches", "varies")

    def __init__(self) -> None:
        self.branches = 1
        self.varies = False
        """It can match one text in several ways, so repeating it would multiply them."""


class _Reader:
    """Walks over a pattern once and multiplies up `ways`."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.place = 0
        self.ways = 1 if pattern.startswith(("^", "\\A")) else MAX_SUBJECT
        self.groups = [_Group()]
        self.closed: _Group | None = None
        """The group that ended just before, if one did: what a quantifier here would repeat."""

    def read(self) -> int:
        while self.place < len(self.pattern):
            character = self.pattern[self.place]
            if character in "*+?" or (character == "{" and _COUNTED.match(self.pattern, self.place)):
                self._quantifier(character)
                continue
            self.closed = None
            if character == "\\":
                self._escape()
            elif character == "[":
                self._character_class()
            elif character == "(":
                self._open()
            elif character == ")":
                self._close()
            else:
                if character == "|":
                    self.groups[-1].branches += 1
                self.place += 1
        self.ways *= self.groups[0].branches ** 2
        if self.groups[0].branches > 1 and self.ways < MAX_SUBJECT:
            self.ways *= MAX_SUBJECT  # `^a|b` anchors its first branch only
        return self.ways

    def _quantifier(self, character: str) -> None:
        pattern = self.pattern
        counted = _COUNTED.match(pattern, self.place)
        choices = MAX_SUBJECT
        if character == "?":
            choices = 4
        elif counted is not None and counted[2] is None:
            choices = 1
        elif counted is not None and counted[3]:
            choices = min(MAX_SUBJECT, max(1, int(counted[3]) - int(counted[1]) + 1) ** 2)
        self.place = counted.end() if counted is not None else self.place + 1
        if pattern[self.place : self.place + 1] in ("?", "+"):
            self.place += 1
        if character != "?" and self.closed is not None and self.closed.varies:
            raise ValueError("repeats a group that itself repeats or chooses")
        self.ways *= choices
        self.groups[-1].varies = True
        self.closed = None

    def _escape(self) -> None:
        following = self.pattern[self.place + 1 : self.place + 2]
        if following.isalnum() and following not in _LETTER_ESCAPES:
            raise ValueError(f"uses \\{following}, which isn't supported")
        self.place += 2

    def _character_class(self) -> None:
        end = self.place + 1
        if self.pattern[end : end + 1] == "^":
            end += 1
        if self.pattern[end : end + 1] == "]":
            end += 1
        while end < len(self.pattern) and self.pattern[end] != "]":
            if self.pattern[end] == "[" or self.pattern[end : end + 2] in ("--", "&&", "~~", "||"):
                raise ValueError("has set operations inside [], which aren't supported; escape the character with \\")
            end += 2 if self.pattern[end] == "\\" else 1
        self.place = end + 1

    def _open(self) -> None:
        self.place += 1
        if self.pattern[self.place : self.place + 1] == "?":
            if self.pattern[self.place : self.place + 2] != "?:":
                raise ValueError("uses look-around, flags or named groups, which aren't supported")
            self.place += 2
        self.groups.append(_Group())

    def _close(self) -> None:
        self.place += 1
        if len(self.groups) == 1:
            raise ValueError("closes a parenthesis that isn't open")
        group = self.groups.pop()
        self.ways *= group.branches**2
        group.varies |= group.branches > 1
        self.groups[-1].varies |= group.varies
        self.closed = group


def compile_safe_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern to search texts of up to `MAX_SUBJECT` characters; raises ValueError that says why not."""
    if len(pattern) > _MAX_PATTERN:
        raise ValueError(f"is longer than {_MAX_PATTERN} characters")
    ways = _Reader(pattern).read()
    if ways > _MAX_WAYS:
        raise ValueError("has too many repeats or choices to be searched in bounded time")
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"can't be read: {error}") from error
