"""Prompt injection by rules with weights, English and Japanese: text that wants to take over the model.

Each rule is a shape of such texts (overriding earlier instructions, taking a new role, asking for the hidden prompt,
forged roles and delimiters, smuggled characters, sending data away). Weights add up over a text, each rule counts once,
and from `threshold` on the text is an injection. It is a heuristic: it meets the common wording and misses paraphrase;
docs/en/guardrails.md says how often, measured.
"""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

import msgspec

from kaname.gateway.guardrails.model import UNTRUSTED, GuardKind, Options, Side
from kaname.privacy.model import Finding, View

THRESHOLD = 1.0
_PLACE = re.compile(r"\{([a-z_]{3,})\}")


class _Pattern(NamedTuple):
    """`cues`: lower-case text, one of which every match contains; looking for them costs a tenth of the pattern."""

    cues: tuple[str, ...]
    match: re.Pattern[str]


class _Rule(NamedTuple):
    """`weight` 1 is enough alone."""

    name: str
    weight: float
    patterns: tuple[_Pattern, ...]


class _PatternText(msgspec.Struct):
    cues: list[str]
    match: str


class _RuleText(msgspec.Struct):
    name: str
    weight: float
    pattern: list[_PatternText]


class _Rules(msgspec.Struct):
    words: dict[str, str]
    rule: list[_RuleText]


def read_rules(text: str) -> tuple[_Rule, ...]:
    """The rules of a TOML text: `[words]` fill the `{word}` places of the patterns."""
    rules = msgspec.convert(tomllib.loads(text), _Rules)
    return tuple(
        _Rule(
            rule.name,
            rule.weight,
            tuple(
                _Pattern(tuple(p.cues), re.compile(_filled(p.match, rules.words), re.IGNORECASE)) for p in rule.pattern
            ),
        )
        for rule in rules.rule
    )


def _filled(pattern: str, words: dict[str, str]) -> str:
    return _PLACE.sub(lambda place: words[place[1]], pattern)


_RULES = read_rules(Path(__file__).with_name("injection_rules.toml").read_text("utf-8"))


class InjectionGuard:
    """See `TextGuard`: the findings are what each rule met, or none below the threshold."""

    __slots__ = ("_threshold",)

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self._threshold = threshold

    def find(self, text: str) -> list[Finding]:
        view, met, total = View(text), list[Finding](), 0.0
        lower = view.text.lower()
        for rule in _RULES:
            found = _first(rule, view, lower, text)
            if found is not None:
                total += rule.weight
                met.append(found)
        return met if total >= self._threshold else []


def _first(rule: _Rule, view: View, lower: str, text: str) -> Finding | None:
    for pattern in rule.patterns:
        if not pattern.cues:  # characters that the view leaves out
            if not text.isascii() and (match := pattern.match.search(text)):
                return Finding(rule.name, match.start(), match.end(), rule.weight, "rule")
        elif any(cue in lower for cue in pattern.cues) and (match := pattern.match.search(view.text)):
            return view.finding(rule.name, match.start(), match.end(), rule.weight, "rule")
    return None


def _build(options: Options, side: Side) -> InjectionGuard:
    return InjectionGuard(options.number("threshold", 0.3, 3.0, THRESHOLD))


INJECTION = GuardKind(name="injection", build=_build, options=("threshold",), main="threshold", roles=UNTRUSTED)
