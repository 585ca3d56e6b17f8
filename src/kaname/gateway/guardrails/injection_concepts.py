"""What a sentence speaks about, in terms of `injection_concepts.toml`, and which combinations of that are suspicious.

English words are looked up in a table, phrases of any language are searched for, so the cost is that of splitting a
text into words. Each concept is a bit; a sentence is the union of its bits; a combination asks for bits. Weights add
up over a window of neighbouring sentences, not over the text, so that a long text doesn't become suspicious by length.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

_WORD = re.compile(r"[a-z](?:[a-z0-9_'-]*[a-z0-9])?")
_JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uff66-\uff9f]")
_SENTENCE_END = re.compile(r"[.!?;](?=\s|$)\s*|[。！？\n]")
_LEADS = frozenset((
    "please", "you", "must", "should", "to", "now", "and", "then", "just", "kindly", "also", "need", "shall",
    "will", "can", "could", "simply", "first", "next", "or", "instead", "let's", "immediately", "hereby", "i'd",
    "might", "would", "who", "ai", "assistant", "assistants", "chatbot", "llm", "agent", "agents", "reviewers",
    "so", "not", "don't", "never", "always", "either", "quickly", "model", "tell'em",
))  # fmt: skip
"""Words after which a verb can be an order."""
_IN_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_'")
_WORD_GOES_ON = _IN_WORD | {"@"}
_KEY_CHARS = 4
_COMMON = frozenset((
    "with", "without", "the", "from", "for", "what", "you", "your", "were", "that", "are", "only", "will",
    "over", "this", "when", "have", "not", "and", "was",
))  # fmt: skip
"""Words that tell little, so that a phrase isn't looked for by them if it has another."""
WINDOW_SENTENCES = 3
WINDOW_CHARS = 400


class Words(NamedTuple):
    """The ASCII words of a text, and how each begins: most of the lexicon is ruled out by a look at these."""

    whole: frozenset[str]
    keys: frozenset[str]


class Mark(NamedTuple):
    """A word or phrase of the lexicon in a text, and the concepts that it stands for."""

    start: int
    end: int
    mask: int


class Met(NamedTuple):
    """A combination that a sentence meets."""

    name: str
    weight: float
    start: int
    end: int


class _Combination(NamedTuple):
    """Each mask of `rest` must be met besides the concept that it is filed under, and `none` must not."""

    name: str
    weight: float
    rest: tuple[int, ...]
    none: int


class _ConceptText(msgspec.Struct, forbid_unknown_fields=True):
    orders: bool = False
    words: str = ""
    typos: str = ""
    phrases: list[str] = []


class _CombinationText(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    weight: float
    all: list[str]
    none: list[str] = []


class ConceptsText(msgspec.Struct, forbid_unknown_fields=True):
    """The file as it is read."""

    concept: dict[str, _ConceptText]
    combination: list[_CombinationText]


class Concepts:
    """The lexicon and its combinations, ready to be asked."""

    __slots__ = (
        "_combinations", "_keyed", "_keys", "_ordering", "_others", "_signs", "_vocabulary", "_words", "about",
        "attack_talk",
    )  # fmt: skip

    def __init__(self, source: ConceptsText) -> None:
        bits = {name: 1 << number for number, name in enumerate(source.concept)}
        self.about = bits["about"]
        """What surrounds a quotation of an attack."""
        self.attack_talk = bits["attack_talk"]
        self._words: dict[str, int] = {}
        """Of each word the concepts that it always stands for."""
        self._ordering: dict[str, int] = {}
        """And those that it stands for as an order."""
        self._keyed: dict[str, list[tuple[str, int]]] = {}
        """ASCII phrases by the key of their longest word."""
        self._others: list[tuple[str, int]] = []
        """Phrases that aren't ASCII, which all are Japanese."""
        self._signs: list[tuple[str, int]] = []
        """ASCII phrases without a word."""
        phrases: dict[str, int] = {}
        for name, concept in source.concept.items():
            table = self._ordering if concept.orders else self._words
            for word in _spellings(concept):
                table[word] = table.get(word, 0) | bits[name]
            for phrase in concept.phrases:
                phrases[phrase] = phrases.get(phrase, 0) | bits[name]
        for phrase, mask in phrases.items():
            key = key_of(phrase)
            if not phrase.isascii():
                self._others.append((phrase, mask))
            elif key:
                self._keyed.setdefault(key, []).append((phrase, mask))
            else:
                self._signs.append((phrase, mask))
        self._vocabulary = frozenset(self._words) | frozenset(self._ordering)
        self._keys = frozenset(self._keyed)
        self._combinations: dict[int, list[_Combination]] = {}
        for combination in source.combination:
            none = _mask("|".join(combination.none), bits) if combination.none else 0
            first, *rest = (_mask(names, bits) for names in combination.all)
            for bit in _bits(first):
                filed = self._combinations.setdefault(bit, [])
                filed.append(_Combination(combination.name, combination.weight, tuple(rest), none))

    def marks(self, lower: str, words: Words) -> list[Mark]:
        """What of the lexicon stands in a text in lower case, in order. `words`: those of the text."""
        marks: list[Mark] = []
        for word in self._vocabulary & words.whole:
            always, as_order = self._words.get(word, 0), self._ordering.get(word, 0)
            for start in _places(lower, word):
                mask = always | as_order if as_order and _is_order(lower, start) else always
                if mask:
                    marks.append(Mark(start, start + len(word), mask))
        phrases = list(self._signs)
        for key in self._keys & words.keys:
            phrases += self._keyed[key]
        if _JAPANESE.search(lower):
            phrases += self._others
        for phrase, mask in phrases:
            place = lower.find(phrase)
            while place >= 0:
                marks.append(Mark(place, place + len(phrase), mask))
                place = lower.find(phrase, place + len(phrase))
        marks.sort()
        return marks

    def met(self, lower: str, marks: Sequence[Mark]) -> list[list[Met]]:
        """For each sentence with anything in it what it meets, in order."""
        if not marks:
            return []
        ends = [match.end() for match in _SENTENCE_END.finditer(lower)]
        sentences: list[list[Met]] = []
        number = place = 0
        while place < len(marks):
            begin = marks[place].start
            while number < len(ends) and ends[number] <= begin:
                number += 1
            stop = ends[number] if number < len(ends) else len(lower)
            mask = last = 0
            while place < len(marks) and marks[place].start < stop:
                mask |= marks[place].mask
                last = max(last, marks[place].end)
                place += 1
            if found := self._combine(mask, begin, last):
                sentences.append(found)
        return sentences

    def _combine(self, mask: int, start: int, end: int) -> list[Met]:
        share = 0.5 if mask & self.attack_talk else 1.0
        found: list[Met] = []
        for bit in _bits(mask):
            for name, weight, rest, none in self._combinations.get(bit, ()):
                if mask & none:
                    continue
                for wanted in rest:
                    if not mask & wanted:
                        break
                else:
                    found.append(Met(name, weight * share, start, end))
        return found


def heaviest(sentences: Iterable[list[Met]]) -> tuple[float, list[Met]]:
    """The greatest sum within a window of neighbouring sentences, each name once at its heaviest, and what it is of."""
    most, of = 0.0, list[Met]()
    recent: list[list[Met]] = []
    for sentence in sentences:
        start = sentence[0].start
        recent = [*(s for s in recent[-WINDOW_SENTENCES + 1 :] if start - s[0].end <= WINDOW_CHARS), sentence]
        by_name: dict[str, Met] = {}
        for met in (met for sentence in recent for met in sentence):
            if met.name not in by_name or by_name[met.name].weight < met.weight:
                by_name[met.name] = met
        total = sum(met.weight for met in by_name.values())
        if total > most:
            most, of = total, sorted(by_name.values(), key=lambda met: met.start)
    return most, of


def read_words(lower: str) -> Words:
    """The words of a text in lower case."""
    whole = frozenset(_WORD.findall(lower))
    return Words(whole, frozenset([word[:_KEY_CHARS] for word in whole]))


def key_of(phrase: str) -> str:
    """What is in `Words.keys` of every text in which a phrase stands; "" where it has no ASCII word."""
    words: list[str] = _WORD.findall(phrase)
    return max(words, key=lambda word: (len(word) > 2 and word not in _COMMON, len(word)), default="")[:_KEY_CHARS]


def _places(lower: str, word: str) -> Iterator[int]:
    """Where a whole word stands."""
    start, size, length = lower.find(word), len(word), len(lower)
    while start >= 0:
        end = start + size
        if (start == 0 or lower[start - 1] not in _IN_WORD) and (end == length or lower[end] not in _WORD_GOES_ON):
            yield start
        start = lower.find(word, end)


def _is_order(lower: str, start: int) -> bool:
    """Whether a verb stands where an imperative can: first, after a mark, or after a word such as please."""
    if start == 0 or lower[start - 1] != " ":
        return True
    before = lower[max(0, start - 12) : start - 1]
    return not before or before[-1] not in _IN_WORD or before.rsplit(" ", 1)[-1] in _LEADS


def _bits(mask: int) -> Iterator[int]:
    while mask:
        bit = mask & -mask
        yield bit
        mask ^= bit


def _mask(names: str, bits: Mapping[str, int]) -> int:
    mask = 0
    for name in names.split("|"):
        mask |= bits[name]
    return mask


def _spellings(concept: _ConceptText) -> set[str]:
    """Words, and words with one letter missing or two neighbours exchanged."""
    spellings = set(concept.words.split())
    for word in concept.typos.split():
        spellings.add(word)
        for i in range(1, len(word)):
            spellings.add(word[:i] + word[i + 1 :])
            spellings.add(word[: i - 1] + word[i] + word[i - 1] + word[i + 1 :])
    return spellings
