"""The part of a passage that a question is about: a small model reads little, and reads it slowly.

Sentences are ranked by the terms that they share with the question, rare terms counting more, and the best are joined
in their own order until the budget is used up.
"""

import math
import re
from collections import Counter

from assistant.index import terms


def cut_snippet(passage: str, question: str, limit: int) -> str:
    """At most `limit` characters of whole sentences (or of one sentence's beginning)."""
    sentences = split_sentences(passage)
    found = [set(terms(s)) for s in sentences]
    frequency = Counter(t for each in found for t in each)
    wanted = set(terms(question))
    ranked = sorted(
        range(len(sentences)),
        key=lambda i: (-sum(1 / math.log2(1 + frequency[t]) for t in wanted & found[i]), i),
    )
    chosen: list[int] = []
    used = 0
    for i in ranked:
        if chosen and used + len(sentences[i]) > limit:
            continue
        chosen.append(i)
        used += len(sentences[i])
    return " ".join(sentences[i] for i in sorted(chosen))[:limit]


def split_sentences(text: str) -> list[str]:
    """Sentences at full stops and their Japanese kin; a dot inside a word or number ends none."""
    pieces = re.split(r"(?<=[。!?!?])|(?<=[.!?])\s+", " ".join(text.split()))
    return [p.strip() for p in pieces if p and p.strip()]
