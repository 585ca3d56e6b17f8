"""The errors of limits. `params["limited_by"]` names the limit, for the header `x-kaname-limited-by`."""

from kaname.gateway.limits.budget_state import BudgetState
from kaname.gateway.limits.left import BudgetReachedError, RateReachedError, dollars
from kaname.gateway.limits.meters import Meter, Refusal
from kaname.kernel.errors import PermissionDeniedError

_UNITS = {"requests": "requests a minute", "tokens": "tokens a minute", "concurrency": "calls at once"}


def rate_limited(meter: Meter, refusal: Refusal, tokens: int) -> RateReachedError:
    """Too fast, or a call that is larger than the limit of a whole minute, which no waiting helps."""
    named = {"limited_by": limit_name(meter, refusal), "limit": refusal.limit}
    if refusal.retry_after_s is None:
        return RateReachedError(
            f"this call needs {tokens} tokens, more than the {refusal.limit} {_UNITS[refusal.kind]} of {meter.title}"
            if refusal.kind == "tokens"
            else f"{meter.title} may make no calls: its limit is {refusal.limit} {_UNITS[refusal.kind]}",
            hint="Send less, or lower max_tokens." if refusal.kind == "tokens" else "Raise the limit.",
            code="request_over_limit",
            param=refusal.kind,
            params=named,
        )
    return RateReachedError(
        f"{meter.title} reached its limit of {refusal.limit} {_UNITS[refusal.kind]}",
        hint=f"Try again in {refusal.retry_after_s:.3g} s.",
        code="rate_limit_exceeded",
        param=refusal.kind,
        params=named,
        retry_after_s=refusal.retry_after_s,
    )


def budget_exceeded(state: BudgetState, cost: int | None) -> BudgetReachedError:
    """A budget is used up, or what is left of it is less than the call may cost."""
    budget = state.budget
    left = max(0, state.limit - state.used)
    needed = f"; this call may cost ${dollars(cost)} and ${dollars(left)} is left" if cost and left else ""
    return BudgetReachedError(
        f"the {budget.scope}'s budget of ${dollars(state.limit)} per {budget.window.period} is used up{needed}",
        hint="It starts anew at the end of its window; an admin can raise it.",
        code="insufficient_quota",
        params={"limited_by": f"budget:{budget.id}"},
    )


def call_too_expensive(cost: int, most: int) -> BudgetReachedError:
    """By its estimate this one call costs more than the key's policy lets a call cost."""
    return BudgetReachedError(
        f"this call may cost ${dollars(cost)}, more than the ${dollars(most)} that one call of this key may cost",
        hint="Send less, or lower max_tokens.",
        code="max_cost_exceeded",
        params={"limited_by": "max_cost_per_request"},
    )


def price_unknown(model: str) -> PermissionDeniedError:
    """The key may only call models that budgets can count."""
    return PermissionDeniedError(
        f"nobody knows the price of model {model!r}, and this key may only call models with a price",
        hint="Give the model a price in the project's settings.",
        code="model_unpriced",
        param="model",
        params={"limited_by": "price", "model": model[:100]},
    )


def address_not_allowed() -> PermissionDeniedError:
    """The call comes from a network that isn't in the key's list."""
    return PermissionDeniedError(
        "this key may not be used from your network address",
        hint="Ask an admin to add it to the key's policy.",
        code="address_not_allowed",
        params={"limited_by": "cidr"},
    )


def limit_name(meter: Meter, refusal: Refusal) -> str:
    """`key:requests`, `rule:<id>:tokens`: without the values of users or metadata."""
    kind, _, rest = meter.name.partition(":")
    return f"{kind}:{refusal.kind}" if kind == "key" else f"{kind}:{rest.partition(':')[0]}:{refusal.kind}"
