"""Money is a Decimal of US dollars with 12 places, or an integer of nano-dollars on hot paths. Never a float."""

from decimal import Decimal

COST_QUANTUM = Decimal("0.000000000001")
"""The store's Decimal(18, 12): a trillionth of a dollar."""


def quantize_cost(usd: Decimal) -> Decimal:
    """Rounds to the store's 12 places (half even)."""
    return usd.quantize(COST_QUANTUM)


def to_nano(usd: Decimal) -> int:
    """Whole nano-dollars, half even."""
    return int((usd * 1_000_000_000).to_integral_value())


def from_nano(nano: int) -> Decimal:
    """Dollars of whole nano-dollars."""
    return Decimal(nano) / 1_000_000_000
