"""What pricing hands out."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cost of one usage in US dollars: `buckets` sum to `total`; `price_id` says which price applied."""

    buckets: dict[str, Decimal]
    total: Decimal
    price_id: str
