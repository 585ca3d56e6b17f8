"""Alerts: a row and a line in the log when a budget's spend reaches a share of its amount, once a window."""

import logging
from collections.abc import Sequence

from sqlalchemy import Connection, select

from kaname.gateway.limits.ledger import SpendDelta
from kaname.gateway.limits.tables import gateway_alerts, gateway_spend
from kaname.kernel.clock import Clock
from kaname.kernel.ids import new_id
from kaname.kernel.money import from_nano
from kaname.storage.sql.upsert import insert_missing

logger = logging.getLogger(__name__)


class AlertWriter:
    """Looks at what was just charged. For one thread, inside the exchange's transaction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def write(self, connection: Connection, spends: Sequence[SpendDelta]) -> None:
        """Writes the alerts that this spend brought."""
        now = self._clock.now()
        for spend in spends:
            budget = spend.budget
            limit = budget.limit_at(now)
            if not budget.alerts or limit <= 0:
                continue
            total = _stored(connection, spend)
            for threshold in budget.alerts:
                border = -(-limit * threshold // 100)
                # Only the exchange that crosses the border writes, so the table isn't asked at every one after it.
                if total - spend.nano_usd < border <= total:
                    self._alert(connection, spend, threshold, total, limit)

    def _alert(self, connection: Connection, spend: SpendDelta, threshold: int, total: int, limit: int) -> None:
        budget = spend.budget
        values: dict[str, object] = {
            "id": new_id("alr"),
            "project_id": budget.project_id,
            "organization_id": budget.organization_id,
            "budget_id": budget.id,
            "subject": spend.subject,
            "starts_at": spend.starts_at,
            "threshold": threshold,
            "spent_nano_usd": total,
            "limit_nano_usd": limit,
            "shadow": budget.shadow,
            "created_at": self._clock.now(),
        }
        if insert_missing(connection, gateway_alerts, values):
            logger.warning(
                "budget %s of %s %r reached %d %%: $%s of $%s",
                budget.id,
                budget.scope,
                budget.subject,
                threshold,
                from_nano(total),
                from_nano(limit),
            )


def _stored(connection: Connection, spend: SpendDelta) -> int:
    c = gateway_spend.c
    found = connection.execute(
        select(c.spent_nano_usd).where(
            c.budget_id == spend.budget.id, c.subject == spend.subject, c.starts_at == spend.starts_at
        )
    )
    return found.scalar_one()
