"""Settings of pricing."""

from dataclasses import dataclass

from kaname.kernel.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class PricingSettings:
    """Section `pricing`."""

    poll_s: float = setting(2.0, "How often ingest worker and gateway look for changed project prices, in seconds.")
    public_prices: bool = setting(True, "Whether models without a project price cost what their provider's list says.")
