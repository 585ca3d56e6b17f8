"""A price that a project set itself: for its own contract, a local model, or one that the snapshot doesn't know.

`PriceDraft` is what a person writes, checked as a whole; `ProjectPrice` is what the book matches and multiplies.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Literal

from kaname.gateway.pricing.rates import PRICE_BUCKETS, Rate, complete_table, to_pico
from kaname.kernel.clock import to_ns
from kaname.kernel.errors import InvalidInputError

MatchKind = Literal["exact", "prefix", "regex"]
MAX_PATTERN_CHARS = 200
MAX_PRICE = Decimal(1_000_000)
MAX_TIERS = 8
_PLACES = 6
_GENERALITY: dict[MatchKind, int] = {"exact": 0, "prefix": 1, "regex": 2}
_MAX_MODEL_CHARS = 200
_REPETITION_BITS = {"*": 7, "+": 7, "{": 7, "?": 1}
_MAX_CHOICE_BITS = 26
"""Bound of a regular expression's ways through a name: a repetition counts 7 bits, `?` and an alternative 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTier:
    """Prices for calls with more input tokens than this; they hold for all tokens of the call."""

    above_input_tokens: int
    prices: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceDraft:
    """What a person sets. Prices are US dollars per million tokens by usage bucket."""

    match: MatchKind
    pattern: str
    provider: str = ""
    priority: int = 0
    valid_from: datetime | None = None
    prices: Mapping[str, Decimal]
    tiers: Sequence[PriceTier] = ()


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


def check_draft(draft: PriceDraft) -> PriceDraft:
    """The draft, or InvalidInputError naming what is wrong."""
    if not draft.pattern or len(draft.pattern) > MAX_PATTERN_CHARS:
        raise InvalidInputError(
            f"pattern {draft.pattern[:80]!r} has {len(draft.pattern)} characters",
            hint=f"1 to {MAX_PATTERN_CHARS}.",
            param="pattern",
            code="price_pattern_length",
            params={"length": len(draft.pattern), "limit": MAX_PATTERN_CHARS},
        )
    if draft.match == "regex":
        _check_regex(draft.pattern)
    _check_prices(draft.prices, "prices")
    if len(draft.tiers) > MAX_TIERS:
        raise InvalidInputError(
            f"{len(draft.tiers)} tiers",
            hint=f"At most {MAX_TIERS}.",
            param="tiers",
            code="too_many_tiers",
            params={"count": len(draft.tiers), "limit": MAX_TIERS},
        )
    limits = [tier.above_input_tokens for tier in draft.tiers]
    if limits != sorted(set(limits)) or any(limit <= 0 for limit in limits):
        raise InvalidInputError(
            f"tiers above {limits!r} input tokens",
            hint="Positive, increasing limits.",
            param="tiers",
            code="tiers_not_increasing",
        )
    for tier in draft.tiers:
        _check_prices(tier.prices, "tiers")
    return draft


def to_rate(draft: PriceDraft, price_id: str) -> Rate:
    """The rate of a checked draft. A tier takes what it doesn't name from the base prices."""
    base = {bucket: to_pico(price) for bucket, price in draft.prices.items()}
    tiers = tuple(
        (tier.above_input_tokens, complete_table(base | {b: to_pico(p) for b, p in tier.prices.items()}))
        for tier in sorted(draft.tiers, key=lambda tier: -tier.above_input_tokens)
    )
    return Rate(
        price_id=price_id,
        table=complete_table(base),
        tiers=tiers,
        from_ns=0 if draft.valid_from is None else to_ns(draft.valid_from),
    )


def parse_amount(text: str, param: str = "prices") -> Decimal:
    """Dollars per million tokens; raises InvalidInputError unless 0 ≤ amount ≤ 1,000,000 with at most 6 places."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= MAX_PRICE or round(amount, _PLACES) != amount:
        raise InvalidInputError(
            f"price {text[:40]!r} isn't a valid amount",
            hint="Dollars per million tokens from 0 to 1000000, at most 6 places.",
            param=param,
            code="price_amount_invalid",
            params={"value": text[:40], "limit": int(MAX_PRICE), "places": _PLACES},
        )
    return amount


def _check_prices(amounts: Mapping[str, Decimal], param: str) -> None:
    unknown = sorted(set(amounts) - set(PRICE_BUCKETS))
    known = ", ".join(PRICE_BUCKETS)
    if unknown:
        raise InvalidInputError(
            f"usage bucket {unknown[0]!r} doesn't exist",
            hint=f"Known: {known}.",
            param=param,
            code="price_bucket_unknown",
            params={"value": unknown[0][:80], "known": known},
        )
    if not amounts:
        raise InvalidInputError("no price is given", hint=f"Known: {known}.", param=param, code="price_missing")


def _check_regex(pattern: str) -> None:
    """Refuses what could take exponential time: the worker runs it on names that come from outside."""
    plain = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern)
    bits = sum(_REPETITION_BITS[m[0]] for m in re.finditer(r"[*+{]|(?<![(*+}?])\?", re.sub(r"\{\d+\}", "", plain)))
    depth = 0
    for character in plain:
        depth += (character == "(") - (character == ")")
        bits += character == "|" and depth > 0  # the outermost alternatives are tried one after the other
    if bits > _MAX_CHOICE_BITS or re.search(r"\)[*+{]", plain) or "(?P=" in plain or re.search(r"\\[1-9]", pattern):
        raise InvalidInputError(
            f"regular expression {pattern!r} may be slow",
            hint="At most 3 repetitions, none of a group, few `?` and alternatives, and no back-references.",
            param="pattern",
            code="price_pattern_slow",
            params={"value": pattern},
        )
    try:
        re.compile(pattern, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as e:
        raise InvalidInputError(
            f"{pattern!r} isn't a regular expression: {e}",
            hint="Write Python syntax.",
            param="pattern",
            code="price_pattern_invalid",
            params={"value": pattern, "reason": str(e)},
        ) from e
