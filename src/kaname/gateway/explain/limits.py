"""Which limits and budgets would count a call, and which of them has no room for it now. Takes nothing."""

from kaname.gateway.explain.targets import format_usd
from kaname.gateway.explain.views import LimitResult
from kaname.gateway.limits.budget_state import BudgetState
from kaname.gateway.limits.concurrency import UNLIMITED
from kaname.gateway.limits.key_limits import KeyLimits
from kaname.gateway.limits.meters import Meter
from kaname.gateway.limits.model import Estimate, KeyPolicy, Subject
from kaname.gateway.limits.service import LimitService


def explain_limits(limits: LimitService, subject: Subject, estimate: Estimate, now: float) -> list[LimitResult]:
    """From the key's policy, its rates and rules, to budgets. In the event loop of the service."""
    known = limits.limits_of(subject)
    meters, budgets = known.select(subject, limits.live, known.meters, known.budgets)
    tokens = estimate.input_tokens + estimate.output_tokens
    found = list(_of_policy(known, subject, estimate))
    for meter in meters:
        found += _of_meter(meter, tokens, now)
    found += [_of_budget(state, estimate.cost_nano_usd, known.policy) for state in budgets]
    for states in known.provider_budgets.values():
        found += [_of_budget(state, estimate.cost_nano_usd, known.policy) for state in states]
    return found


def _of_policy(known: KeyLimits, subject: Subject, estimate: Estimate) -> list[LimitResult]:
    policy = known.policy
    found: list[LimitResult] = []
    effect = "shadow" if policy.shadow else "block"
    if not known.models.allows_all:
        refuses = not known.models.allow(subject.model)
        found.append(
            LimitResult(
                name="key: models", kind="models", limit=", ".join(policy.models) or "none", remaining=None,
                would_refuse=refuses, effect=effect,
            )
        )  # fmt: skip
    if policy.max_cost_nano_usd is not None:
        cost = estimate.cost_nano_usd
        found.append(
            LimitResult(
                name="key: cost of one call", kind="max_cost", limit=f"${format_usd(policy.max_cost_nano_usd)}",
                remaining=None, would_refuse=cost is not None and cost > policy.max_cost_nano_usd, effect=effect,
            )
        )  # fmt: skip
    if policy.cidrs:
        found.append(
            LimitResult(
                name="key: networks", kind="network", limit=", ".join(policy.cidrs), remaining=None,
                would_refuse=False, effect=effect, note="depends on the caller's address",
            )
        )  # fmt: skip
    return found


def _of_meter(meter: Meter, tokens: int, now: float) -> list[LimitResult]:
    refusal = meter.refusal(tokens, now)
    refused = refusal.kind if refusal is not None else ""
    effect = "shadow" if meter.shadow else "block"
    found: list[LimitResult] = []
    if meter.requests is not None:
        found.append(
            LimitResult(
                name=meter.title, kind="requests", limit=f"{meter.requests.limit} a minute",
                remaining=str(meter.requests.remaining(now)), would_refuse=refused == "requests", effect=effect,
            )
        )  # fmt: skip
    if meter.tokens is not None:
        found.append(
            LimitResult(
                name=meter.title, kind="tokens", limit=f"{meter.tokens.limit} a minute",
                remaining=str(meter.tokens.remaining(now)), would_refuse=refused == "tokens", effect=effect,
            )
        )  # fmt: skip
    if meter.slots.limit != UNLIMITED:
        left = max(0, meter.slots.limit - meter.slots.running - meter.slots.elsewhere)
        found.append(
            LimitResult(
                name=meter.title, kind="concurrency", limit=f"{meter.slots.limit} at once", remaining=str(left),
                would_refuse=refused == "concurrency", effect=effect,
            )
        )  # fmt: skip
    return found


def _of_budget(state: BudgetState, cost: int | None, policy: KeyPolicy) -> LimitResult:
    budget = state.budget
    whose = f"{budget.scope} {state.subject}" if state.subject else budget.scope
    return LimitResult(
        name=f"budget of {whose}",
        kind="budget",
        limit=f"${format_usd(state.limit)} until {state.end:%Y-%m-%d %H:%M %Z}",
        remaining=f"${format_usd(max(0, state.limit - state.used))}",
        would_refuse=budget.on_exceed == "block" and state.is_exceeded_by(cost),
        effect="shadow" if budget.shadow or policy.shadow else budget.on_exceed,
        note=f"over it, calls go to {budget.downgrade_to}" if budget.on_exceed == "downgrade" else "",
    )
