"""Prompt injection by rules with weights, English and Japanese: text that wants to take over the model.

What speaks for an injection has a weight: wordings (`injection_rules.toml`), and sentences in which certain things come
together (`injection_concepts.toml`), such as an order to drop something, instructions, and "your". Weights add up
within a few sentences; from `threshold` on it is one. Disguised texts are read too (`injection_disguise.py`), and to
quote an attack while speaking about it isn't one. It is a heuristic: it meets common wordings and misses paraphrase;
docs/en/guardrails.md says how often, measured on texts that the rules weren't made with.
"""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from kaname.gateway.guardrails.injection_concepts import (
    Concepts,
    ConceptsText,
    Mark,
    Met,
    Words,
    heaviest,
    read_words,
)
from kaname.gateway.guardrails.injection_disguise import plain_texts
from kaname.gateway.guardrails.injection_wordings import Wordings
from kaname.gateway.guardrails.model import UNTRUSTED, GuardKind, Options, Side
from kaname.privacy.model import Finding, View

THRESHOLD = 1.0
HIDDEN = 0.5
"""Added where a suspicious text was disguised."""
NEAR_QUOTE = 160
"""How far from a quotation words tell what it is."""
NEAR_TALK = 80
"""How far from a match talk of attacks takes half of its weight."""
_UNSEEN = re.compile("[\U000e0020-\U000e007e]{4,}|(?:[\u200b\u200c\u200d\u2060\ufeff][^\\n]?){12,}")
"""Characters that nobody sees but a model reads. Emoji joined to one another have fewer of them."""
_QUOTED = re.compile(
    r"\"[^\"\n]{4,200}\"|“[^”\n]{4,200}”|(?<!\w)'[^'\n]{4,200}'(?!\w)|`[^`\n]{4,200}`|「[^」\n]{3,200}」|『[^』\n]{3,200}』"
)


_WORDINGS = Wordings(Path(__file__).with_name("injection_rules.toml").read_text("utf-8"))
_CONCEPTS = Concepts(
    msgspec.convert(tomllib.loads(Path(__file__).with_name("injection_concepts.toml").read_text("utf-8")), ConceptsText)
)


class InjectionGuard:
    """See `TextGuard`: the findings are what spoke for an injection, or none below the threshold."""

    __slots__ = ("_threshold",)

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self._threshold = threshold

    def find(self, text: str) -> list[Finding]:
        view = View(text)
        lower = _lower(view.text)
        words = read_words(lower)
        score, met = _score(view.text, lower, words)
        if score < self._threshold and not text.isascii():
            met = [Met("smuggled", 1.0, *match.span()) for match in _UNSEEN.finditer(text)]
            if met:
                return [Finding(m.name, m.start, m.end, 1.0, "rule") for m in met]
        if score >= self._threshold:
            return [view.finding(m.name, m.start, m.end, 1.0, "rule") for m in _apart(met)]
        for plain in plain_texts(text, lower, words.whole):
            behind = View(plain.text).text
            found, _ = _score(behind, _lower(behind), read_words(_lower(behind)))
            if found > score and found + (HIDDEN if plain.hidden else 0.0) >= self._threshold:
                return [Finding("disguised", plain.start, plain.end, 1.0, "rule")]
        return []


def _lower(text: str) -> str:
    """In lower case, unless that changes places: a few capitals have two lower-case characters."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text


def _score(text: str, lower: str, words: Words) -> tuple[float, list[Met]]:
    """What speaks for an injection in a folded text: the greatest sum of weights in one place, and of what."""
    marks = _CONCEPTS.marks(lower, words)
    quoted = _quoted_attacks(lower, marks)
    if quoted:
        marks = [mark for mark in marks if not _within(mark.start, mark.end, quoted)]
    sentences = _CONCEPTS.met(lower, marks)
    talk = [mark.start for mark in marks if mark.mask & _CONCEPTS.attack_talk]
    for met in _WORDINGS.met(text, lower, words):
        if not _within(met.start, met.end, quoted):
            told = _any_between(talk, met.start - NEAR_TALK, met.end + NEAR_TALK)
            sentences.append([met._replace(weight=met.weight / 2) if told else met])
    sentences.sort(key=lambda mets: mets[0].start)
    return heaviest(sentences)


def _quoted_attacks(lower: str, marks: Sequence[Mark]) -> list[tuple[int, int]]:
    """Quotations that the words around them speak about: to quote an attack isn't to make one."""
    about = [mark.start for mark in marks if mark.mask & _CONCEPTS.about]
    if not about:
        return []
    return [
        (start, end)
        for start, end in (quoted.span() for quoted in _QUOTED.finditer(lower))
        if _any_between(about, start - NEAR_QUOTE, start) or _any_between(about, end, end + NEAR_QUOTE)
    ]


def _any_between(places: Sequence[int], start: int, end: int) -> bool:
    """`places` in order."""
    number = bisect_left(places, start)
    return number < len(places) and places[number] < end


def _within(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    """`spans` in order, apart."""
    number = bisect_left(spans, (start + 1,)) - 1
    return number >= 0 and end <= spans[number][1]


def _apart(met: Iterable[Met]) -> list[Met]:
    """In order and cut where one begins within another, so that each is still named."""
    apart: list[Met] = []
    for one in sorted(met, key=lambda m: (m.start, m.end)):
        start = max(one.start, apart[-1].start + 1) if apart else one.start
        if start < one.end:
            if apart:
                apart[-1] = apart[-1]._replace(end=min(apart[-1].end, start))
            apart.append(one._replace(start=start))
    return apart


def _build(options: Options, side: Side) -> InjectionGuard:
    return InjectionGuard(options.number("threshold", 0.3, 3.0, THRESHOLD))


INJECTION = GuardKind(name="injection", build=_build, options=("threshold",), main="threshold", roles=UNTRUSTED)
