"""What one call holds of its limits while it runs."""

from collections.abc import Sequence

from kaname.gateway.limits.budget_state import BudgetState
from kaname.gateway.limits.key_limits import KeyLimits
from kaname.gateway.limits.meters import Meter


class Reservation:
    """Made by `LimitService.reserve`, ended by `settle`, once. Belongs to the service; others read three things."""

    __slots__ = (
        "began",
        "budgets",
        "cost",
        "downgrade_to",
        "held",
        "limited_by",
        "limits",
        "meters",
        "provider_budgets",
        "settled",
        "tokens",
    )

    def __init__(
        self,
        limits: KeyLimits,
        meters: Sequence[Meter],
        budgets: Sequence[BudgetState],
        tokens: int,
        cost: int | None,
        began: float,
    ) -> None:
        self.limits = limits
        self.meters = meters
        self.budgets = budgets
        self.tokens = tokens
        self.cost = cost
        self.held = cost or 0
        self.began = began
        self.settled = False
        self.provider_budgets: Sequence[BudgetState] = ()
        self.limited_by: Sequence[str] = ()
        """What would have refused the call if it weren't in shadow mode, or only warns: for `x-kaname-limited-by`."""
        self.downgrade_to = ""
        """A model to use instead, because a budget with `on_exceed: downgrade` is used up; "" for none."""
