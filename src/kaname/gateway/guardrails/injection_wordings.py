"""Wordings of injections: the patterns of `injection_rules.toml`, and which of them are worth trying on a text.

A pattern runs only where one of its cues stands, and cues are looked for only where the text has a word like theirs, so
that of some fifty patterns a harmless text meets a few.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from kaname.gateway.guardrails.injection_concepts import Met, Words, key_of

MAX_MATCHES = 8
_PLACE = re.compile(r"\{([a-z_]{3,})\}")


class _Pattern(NamedTuple):
    """Every match contains one of `cues`, and a word with one of `also`; to look for these costs a tenth of `match`."""

    name: str
    weight: float
    cues: tuple[str, ...]
    also: frozenset[str]
    match: re.Pattern[str]


class _PatternText(msgspec.Struct, forbid_unknown_fields=True):
    cues: list[str]
    match: str
    also: list[str] = []


class _RuleText(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    weight: float
    pattern: list[_PatternText]


class _RulesText(msgspec.Struct, forbid_unknown_fields=True):
    words: dict[str, str]
    rule: list[_RuleText]


class Wordings:
    """All patterns, by the words that call for them. `[words]` of the text fill the `{word}` places of the patterns."""

    __slots__ = ("_always", "_by_key", "_keys")

    def __init__(self, text: str) -> None:
        rules = msgspec.convert(tomllib.loads(text), _RulesText)
        self._always: list[_Pattern] = []
        """Those of whose cues some have no ASCII word."""
        self._by_key: dict[str, list[_Pattern]] = {}
        for rule in rules.rule:
            for pattern in rule.pattern:
                self._file(rule, pattern, rules.words)
        self._keys = frozenset(self._by_key)

    def met(self, text: str, lower: str, words: Words) -> Iterator[Met]:
        """Where the patterns match a text. `lower`: the same in lower case; `words`: those of the text."""
        candidates = {id(pattern): pattern for pattern in self._always}
        for key in self._keys & words.keys:
            for pattern in self._by_key[key]:
                candidates[id(pattern)] = pattern
        for pattern in candidates.values():
            if (not pattern.also or not words.keys.isdisjoint(pattern.also)) and _has_any(lower, pattern.cues):
                for match in islice(pattern.match.finditer(text), MAX_MATCHES):
                    yield Met(pattern.name, pattern.weight, match.start(), match.end())

    def _file(self, rule: _RuleText, source: _PatternText, words: dict[str, str]) -> None:
        pattern = _Pattern(
            rule.name,
            rule.weight,
            tuple(source.cues),
            frozenset(key_of(word) for word in source.also),
            re.compile(_PLACE.sub(lambda place: words[place[1]], source.match), re.IGNORECASE),
        )
        keys = {key_of(cue) if cue.isascii() else "" for cue in source.cues}
        if "" in keys:
            self._always.append(pattern)
        else:
            for key in keys:
                self._by_key.setdefault(key, []).append(pattern)


def _has_any(lower: str, cues: Sequence[str]) -> bool:
    for cue in cues:  # noqa: SIM110 - `any` takes four times as long
        if cue in lower:
            return True
    return False
