"""A price that a project set itself: for its own contract, a local model, or one that the snapshot doesn't know."""

import re
from dataclasses import dataclass
from typing import Literal

from kaname.gateway.pricing.rates import Rate

MatchKind = Literal["exact", "prefix", "regex"]
_GENERALITY: dict[MatchKind, int] = {"exact": 0, "prefix": 1, "regex": 2}
_MAX_MODEL_CHARS = 200
"""Bounds what a project's regular expression is run on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectPrice:
    """One price of a project. Matching ignores case; an empty provider matches every provider."""

    id: str
    project_id: str
    provider: str
    match: MatchKind
    pattern: str
    priority: int
    rate: Rate

    @property
    def generality(self) -> int:
        """0 for the most specific kind of match."""
        return _GENERALITY[self.match] * 2 + (not self.provider)

    def matches(self, provider: str, model: str) -> bool:
        """Whether the price is for this model."""
        if self.provider and self.provider.lower() != provider.lower():
            return False
        model = model[:_MAX_MODEL_CHARS].lower()
        if self.match == "exact":
            return model == self.pattern.lower()
        if self.match == "prefix":
            return model.startswith(self.pattern.lower())
        return re.fullmatch(self.pattern, model, re.IGNORECASE) is not None
