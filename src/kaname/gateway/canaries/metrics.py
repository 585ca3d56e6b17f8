"""Canaries in a scrape."""

from kaname.gateway.canaries.book import CanaryBook
from kaname.kernel.exposition import Exposition


def report_canaries(out: Exposition, book: CanaryBook) -> None:
    """By what this process knows. Rollbacks are counted in the database: every process says the same number."""
    for canary, standing in book.items():
        share = standing.state.share(canary.plan.settings) if standing is not None else 0.0
        out.add(
            "kaname_gateway_canary_share", "gauge", "A canary's share of the calls of its split, 0 to 1.", share,
            canary=canary.name, arm=canary.plan.arm,
        )  # fmt: skip
        if standing is not None:
            out.add(
                "kaname_gateway_canary_rollbacks_total", "counter",
                "Rollbacks of a canary, by guards and by people; the same number in every process.",
                standing.rollbacks, canary=canary.name, arm=canary.plan.arm,
            )  # fmt: skip
