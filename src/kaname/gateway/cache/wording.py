"""Whether two questions that an embedding finds alike can ask different things: a check of words, not of meaning.

Embeddings hardly notice what matters most: a number, a negation, an opposite, a name, the order of two names. So a
similar question is only answered alike when neither has a word in the place of another. What is compared: numbers, and
words of content in their order: in English without endings and without words that only make a question; in Japanese
runs of kanji, katakana and Latin letters, since hiragana carries grammar; negations are counted. Words added on one
side only are allowed.
It errs towards asking again: a paraphrase that uses other words is a miss. Numbers in docs/en/cache.md.
"""

import re
from collections import Counter
from typing import Final
from unicodedata import normalize

_TOKENS: Final = re.compile(
    r"\d+(?:[.,]\d+)*|[a-z\u00c0-\u024f]+(?:['’][a-z]+)?|[\u30a0-\u30ff]+|[\u3400-\u9fff々]+|[^\W\d_\u3040-\u309f]"
)
_ENGLISH_NO: Final = re.compile(r"\b(?:not|no|never|without|except|cannot|neither|nor|none|un[a-z]+able)\b|n['’]t\b")
_JAPANESE_NO: Final = re.compile(r"ない|なく|なけ|ません|ずに|以外|なし")
_QUOTED: Final = re.compile(r"「[^」]*」|『[^』]*』|“[^”]*”|\"[^\"]*\"")
_ENDING: Final = re.compile(r"(?:['’]s|ing|ed|es|s|e)$")
_ASKING: Final = frozenset(
    re.findall(
        r"\w+",
        "a an the i my me we our us you your it its this that there is are was were be been am do does did can could "
        "will would shall may might what which how whats please tell show give explain to of in on at for from by and "
        "or with as possible way want need have has get so if about 教 方法 何 下 説明 知 場合 時 使 願 私 場所 度",
    )
)


def ask_the_same(one: str, two: str) -> bool:
    """Whether nothing in the words speaks against one answer for both."""
    one, two = normalize("NFKC", one).lower(), normalize("NFKC", two).lower()
    if one == two:
        return True
    if any(len(no.findall(one)) != len(no.findall(two)) for no in (_ENGLISH_NO, _JAPANESE_NO)):
        return False
    first, second = _words(one), _words(two)
    if _numbers(first) != _numbers(second) or _QUOTED.findall(one) != _QUOTED.findall(two):
        return False
    only_first, only_second = Counter(first) - Counter(second), Counter(second) - Counter(first)
    if only_first and only_second:
        return False
    common = set(first) & set(second)
    return bool(common) and [w for w in first if w in common] == [w for w in second if w in common]


def _words(text: str) -> list[str]:
    words = (_ENDING.sub("", word) if word.isascii() and len(word) > 3 else word for word in _TOKENS.findall(text))
    return [word for word in words if word not in _ASKING]


def _numbers(words: list[str]) -> list[str]:
    return sorted(word for word in words if word[0].isdigit())
