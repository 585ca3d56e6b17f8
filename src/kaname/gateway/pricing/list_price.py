"""List prices as people read them: dollars per million tokens, for the plainest use of a model."""

from decimal import Decimal
from typing import NamedTuple

from kaname.gateway.pricing.book import PriceBook


class ListPrice(NamedTuple):
    """Input and output in dollars per million tokens, as decimal text; None is unknown, never zero."""

    input_usd_per_mtok: str | None
    output_usd_per_mtok: str | None


def list_price(book: PriceBook, provider: str, model: str, at_ns: int, project_id: str = "") -> ListPrice:
    """Of a model at a provider (`gen_ai.provider.name`), without tiers and discounts."""
    rate = book.rate(provider, model, at_ns, project_id=project_id)
    if rate is None:
        return ListPrice(None, None)
    return ListPrice(_shown(rate.table.get("input_uncached")), _shown(rate.table.get("output_text")))


def _shown(pico_usd: int | None) -> str | None:
    return None if pico_usd is None else format((Decimal(pico_usd) / 1_000_000).normalize(), "f")
