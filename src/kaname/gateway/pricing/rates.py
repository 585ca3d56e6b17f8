"""What a token costs: rates per usage bucket, with tiers and the time they hold.

Amounts are whole pico-dollars (10⁻¹² $) a token: the store's Decimal(18, 12) exactly, so costs are integer products
and sums, never floats. A price of $2.50 per million tokens is 2,500,000 pico-dollars a token.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

from kaname.gateway.pricing.model import Cost

PRICE_BUCKETS = (
    "input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "cache_write", "input_audio", "input_image",
    "output_text", "reasoning", "output_audio",
)  # fmt: skip
"""Usage buckets, which are priced one by one."""
_INPUT_BUCKETS = PRICE_BUCKETS[:7]
_FALLBACK = {
    "cache_read": "input_uncached", "cache_write": "input_uncached", "cache_write_5m": "cache_write",
    "cache_write_1h": "cache_write", "input_audio": "input_uncached", "input_image": "input_uncached",
    "reasoning": "output_text", "output_audio": "output_text",
}  # fmt: skip
"""Where a bucket without a price of its own is charged: what a provider doesn't discount costs the plain rate."""
_PICO = Decimal("0.000000000001")
_DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The price of a model while it holds. `tiers` are (input tokens above which it holds, table), highest first.

    Crossing a tier's threshold prices all tokens at that tier, as Anthropic, Google and OpenAI do.
    """

    price_id: str
    table: Mapping[str, int]
    tiers: tuple[tuple[int, Mapping[str, int]], ...] = ()
    from_ns: int = 0
    until_ns: int | None = None
    daily_ns: tuple[int, int] | None = None
    """Start and end within the UTC day; may cross midnight."""
    is_constant: bool = field(init=False)
    """Whether it holds for good once it has begun."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_constant", self.until_ns is None and self.daily_ns is None)

    def holds(self, at_ns: int) -> bool:
        """Whether the rate applies at this time."""
        if at_ns < self.from_ns or (self.until_ns is not None and at_ns >= self.until_ns):
            return False
        if self.daily_ns is None:
            return True
        start, end = self.daily_ns
        now = at_ns % _DAY_NS
        return start <= now < end if start <= end else now >= start or now < end

    def cost(self, usage: Mapping[str, int]) -> Cost | None:
        """The cost of disjoint buckets; None if one of them has no price, because a partial sum would be a lie."""
        table = self._table_of(usage)
        total = 0
        buckets: dict[str, Decimal] = {}
        for bucket, tokens in usage.items():
            price = table.get(bucket)
            if price is None:
                return None
            amount = tokens * price
            total += amount
            buckets[bucket] = amount * _PICO
        return Cost(buckets=buckets, total=total * _PICO, price_id=self.price_id)

    def pico_usd(self, usage: Mapping[str, int]) -> int | None:
        """The total of `cost`, in pico-dollars; without Decimals, for hot paths."""
        table = self._table_of(usage) if self.tiers else self.table
        total = 0
        for bucket, tokens in usage.items():
            price = table.get(bucket)
            if price is None:
                return None
            total += tokens * price
        return total

    def _table_of(self, usage: Mapping[str, int]) -> Mapping[str, int]:
        if self.tiers:
            total_input = sum(usage.get(bucket, 0) for bucket in _INPUT_BUCKETS)
            for above, tier in self.tiers:
                if total_input > above:
                    return tier
        return self.table


def to_pico(usd_per_million: Decimal) -> int:
    """Pico-dollars a token of a price in dollars per million tokens, half even."""
    return int((usd_per_million * 1_000_000).to_integral_value(ROUND_HALF_EVEN))


def complete_table(prices: Mapping[str, int]) -> dict[str, int]:
    """A price for every bucket that has one or falls back to one."""
    table: dict[str, int] = {}
    for bucket in PRICE_BUCKETS:
        source: str | None = bucket
        while source is not None and source not in prices:
            source = _FALLBACK.get(source)
        if source is not None:
            table[bucket] = prices[source]
    return table
