"""Words and topics that aren't wanted: a list, in any script, whatever the case or width of its letters.

A word of ASCII letters must stand alone (`ass` isn't in `class`); other scripts have no such borders. `topics` are
named lists, so that a reason can say which topic it was.
"""

import re
from collections.abc import Mapping, Sequence

from kaname.gateway.guardrails.model import UNTRUSTED, GuardKind, Options, Side
from kaname.privacy.model import Finding, View

MAX_WORDS = 2000


class KeywordGuard:
    """See `TextGuard`."""

    __slots__ = ("_topics",)

    def __init__(self, topics: Mapping[str, Sequence[str]]) -> None:
        self._topics = [(name, _pattern(words)) for name, words in topics.items()]

    def find(self, text: str) -> list[Finding]:
        view = View(text)
        found = [
            view.finding(name, match.start(), match.end(), 1.0, "word")
            for name, pattern in self._topics
            for match in pattern.finditer(view.text)
        ]
        found.sort(key=lambda finding: finding.start)
        return [f for i, f in enumerate(found) if i == 0 or f.start >= found[i - 1].end]


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    """Longer words first, so that the longest of several is found."""
    folded = sorted({View(word.strip()).text for word in words}, key=lambda word: (-len(word), word))
    return re.compile("|".join(_alone(word) for word in folded), re.IGNORECASE)


def _alone(word: str) -> str:
    before = r"(?<![0-9A-Za-z])" if word[0].isascii() and word[0].isalnum() else ""
    after = r"(?![0-9A-Za-z])" if word[-1].isascii() and word[-1].isalnum() else ""
    return before + re.escape(word).replace(r"\ ", r"\s{1,4}") + after


def _build(options: Options, side: Side) -> KeywordGuard:
    topics = options.plain("topics")
    lists: dict[str, Sequence[str]] = {}
    if options.has("words"):
        lists["keyword"] = options.words("words")
    if topics is not None:
        if not isinstance(topics, dict):
            raise options.refuse("topics", "expected a map from topic to words")
        for name, words in topics.items():  # pyright: ignore[reportUnknownVariableType]
            listed = [words] if isinstance(words, str) else words if isinstance(words, list) else []  # pyright: ignore[reportUnknownVariableType]
            lists[str(name)] = [str(word) for word in listed]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    every = [word for words in lists.values() for word in words]
    if not every or not all(word.strip() for word in every):
        raise options.refuse(
            "words", "there are no words", "Write `words: [first, second]` or `topics: {name: [word]}`."
        )
    if len(every) > MAX_WORDS:
        raise options.refuse("words", f"{len(every)} words are too many", f"At most {MAX_WORDS}.")
    return KeywordGuard({name: words for name, words in lists.items() if words})


KEYWORDS = GuardKind(
    name="keywords",
    build=_build,
    options=("words", "topics"),
    main="words",
    actions=("block", "replace", "mask", "observe"),
    roles=UNTRUSTED,
)
