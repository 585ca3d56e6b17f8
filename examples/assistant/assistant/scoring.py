"""Exact match and F1 against known answers, and their intervals.

English as in SQuAD (Rajpurkar et al. 2016): lower case, no punctuation, no articles, single spaces; F1 over words.
Japanese: NFKC, no punctuation, no spaces; F1 over characters, because there are no spaces to split at. Of several known
answers the best counts. Intervals are 95 %: Wilson for exact match (a proportion), percentile bootstrap for F1.
"""

import math
import random
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from assistant.corpus import Language

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_RESAMPLES = 2_000
_Z = 1.959964


class AnswerScore(NamedTuple):
    """How good one answer is."""

    exact: bool
    f1: float


class Interval(NamedTuple):
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


def score_answer(answer: str, known: Sequence[str], language: Language) -> AnswerScore:
    """Exact match and F1 against the closest known answer.

    >>> score_answer("The Centrifugal governor.", ["centrifugal governor"], "en")
    AnswerScore(exact=True, f1=1.0)
    """
    given = _units(answer, language)
    expected = [_units(text, language) for text in known]
    return AnswerScore(exact=given in expected, f1=max(_f1(given, units) for units in expected))


def wilson(successes: int, n: int) -> Interval:
    """A proportion with Wilson's score interval (Wilson 1927); n ≥ 1.

    >>> tuple(round(v, 3) for v in wilson(8, 10))
    (0.8, 0.49, 0.943)
    """
    p = successes / n
    centre = p + _Z * _Z / (2 * n)
    spread = _Z * math.sqrt(p * (1 - p) / n + _Z * _Z / (4 * n * n))
    scale = 1 + _Z * _Z / n
    # min and max: rounding must not push a bound past 0, 1 or the proportion itself
    return Interval(p, min(p, max(0.0, (centre - spread) / scale)), max(p, min(1.0, (centre + spread) / scale)))


def bootstrap(values: Sequence[float]) -> Interval:
    """A mean of one value or more with its percentile bootstrap interval; the same every time."""
    draw = random.Random(0)  # noqa: S311 - statistics, not a secret
    means = sorted(math.fsum(draw.choices(values, k=len(values))) / len(values) for _ in range(_RESAMPLES))
    edge = int(0.025 * _RESAMPLES)
    return Interval(math.fsum(values) / len(values), means[edge], means[-1 - edge])


def _units(text: str, language: Language) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).lower()
    if language == "ja":
        return [c for c in folded if unicodedata.category(c)[0] not in "PZSC"]
    without_marks = "".join(c for c in folded if c not in string.punctuation)
    return _ARTICLES.sub(" ", without_marks).split()


def _f1(given: list[str], expected: list[str]) -> float:
    if not given or not expected:
        return float(given == expected)
    shared = sum((Counter(given) & Counter(expected)).values())
    if shared == 0:
        return 0.0
    precision, recall = shared / len(given), shared / len(expected)
    return 2 * precision * recall / (precision + recall)
