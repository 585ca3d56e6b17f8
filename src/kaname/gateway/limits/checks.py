"""Checks of what people set, as a whole and before anything is written. What would have no effect is refused."""

from collections.abc import Sequence
from ipaddress import ip_network

from kaname.gateway.limits.model import ALL, EACH, Budget, KeyPolicy, LimitRule, Rates
from kaname.gateway.limits.windows import check_window
from kaname.kernel.errors import InvalidInputError

MAX_PATTERNS = 500
MAX_NAME_CHARS = 256
MAX_RATE = 1_000_000_000
MAX_AMOUNT_NANO = 1_000_000_000_000_000_000
"""A billion dollars."""
MAX_ALERTS = 10
MAX_METADATA = 4


def check_policy(policy: KeyPolicy) -> KeyPolicy:
    """The policy, or InvalidInputError."""
    check_patterns(policy.models, "models")
    check_patterns(policy.providers, "providers")
    check_rates(policy.rates)
    if policy.max_cost_nano_usd is not None:
        _check_amount(policy.max_cost_nano_usd, "max_cost_usd")
    if len(policy.cidrs) > MAX_PATTERNS:
        raise _wrong("cidrs", f"{len(policy.cidrs)} networks", f"At most {MAX_PATTERNS}.")
    for cidr in policy.cidrs:
        try:
            ip_network(cidr, strict=False)
        except ValueError as e:
            raise _wrong("cidrs", f"{cidr[:60]!r} isn't a network", "Write 203.0.113.0/24 or 2001:db8::/32.") from e
    return policy


def check_budget(budget: Budget) -> Budget:
    """The budget, or InvalidInputError."""
    _check_amount(budget.amount_nano_usd, "amount_usd")
    check_window(budget.window)
    if not budget.subject or len(budget.subject) > MAX_NAME_CHARS or "\x00" in budget.subject:
        raise _wrong("subject", f"subject {budget.subject[:60]!r} isn't one", f"1 to {MAX_NAME_CHARS} characters.")
    if budget.subject.startswith("*") and (budget.scope, budget.subject) != ("user", EACH):
        raise _wrong("subject", f"subject {budget.subject[:60]!r} isn't one", f"Only users can be {EACH!r}.")
    if budget.key_id and budget.scope != "provider":
        raise _no_effect("key_id", "it belongs to budgets of a provider; name the key as `subject`")
    if (budget.on_exceed == "downgrade") != bool(budget.downgrade_to):
        if budget.downgrade_to:
            raise _no_effect("downgrade_to", "`on_exceed` isn't `downgrade`")
        raise _wrong("downgrade_to", "`downgrade_to` is missing", "Name the model to use instead.")
    if budget.scope == "provider" and budget.on_exceed == "downgrade":
        raise _no_effect("on_exceed", "a provider over its budget is left out of routing")
    if budget.shadow and budget.on_exceed != "block":
        raise _no_effect("shadow", f"a budget that only does {budget.on_exceed!r} blocks nothing anyhow")
    alerts = list(budget.alerts)
    if len(alerts) > MAX_ALERTS or alerts != sorted(set(alerts)) or any(not 1 <= a <= 1000 for a in alerts):
        raise _wrong("alerts", f"alerts at {alerts!r} per cent", f"At most {MAX_ALERTS}, increasing, 1 to 1000.")
    if budget.extra_nano_usd < 0:
        raise _wrong("extra_usd", "a negative override", "Lower the amount instead.")
    _check_amount(budget.extra_nano_usd, "extra_usd")
    return budget


def check_rule(rule: LimitRule) -> LimitRule:
    """The rule, or InvalidInputError."""
    if not rule.name or len(rule.name) > 100 or not rule.name.isprintable():
        raise _wrong("name", f"name {rule.name[:60]!r} isn't one", "1 to 100 printable characters.")
    if rule.rates.is_empty:
        raise _no_effect("rpm", "a rule needs at least one of rpm, tpm and max_concurrency")
    check_rates(rule.rates)
    check_patterns(rule.models, "models")
    if len(rule.keys) > MAX_PATTERNS:
        raise _wrong("keys", f"{len(rule.keys)} keys", f"At most {MAX_PATTERNS}.")
    if len(rule.metadata) > MAX_METADATA:
        raise _wrong("metadata", f"{len(rule.metadata)} metadata names", f"At most {MAX_METADATA}.")
    for name, value in [("user", rule.user), *rule.metadata.items()]:
        param = "user" if name == "user" else "metadata"
        if value.startswith("*") and value not in (EACH, ALL):
            raise _wrong(param, f"value {value[:60]!r} isn't one", f"Write a value, {EACH!r} or {ALL!r}.")
        if len(value) > MAX_NAME_CHARS or (param == "metadata" and not (name and value)):
            raise _wrong(param, f"{name[:60]!r}: {value[:60]!r} isn't a condition", "Name and value can't be empty.")
    if rule.always and rule.priority:
        raise _no_effect("priority", "the rule is always in force")
    if not -1000 <= rule.priority <= 1000:
        raise _wrong("priority", f"priority {rule.priority}", "-1000 to 1000.")
    return rule


def check_rates(rates: Rates) -> None:
    """Raises InvalidInputError for limits that aren't positive."""
    for name, value in (("rpm", rates.rpm), ("tpm", rates.tpm), ("max_concurrency", rates.max_concurrency)):
        if value is not None and not 1 <= value <= MAX_RATE:
            raise _wrong(name, f"{name} {value}", f"1 to {MAX_RATE}; leave it out for no limit.")


def check_patterns(patterns: Sequence[str], param: str) -> None:
    """Names, or prefixes that end in `*`."""
    if len(patterns) > MAX_PATTERNS:
        raise _wrong(param, f"{len(patterns)} names", f"At most {MAX_PATTERNS}.")
    if len(patterns) > 1 and "*" in patterns:
        raise _no_effect(param, "`*` allows everything that stands beside it")
    for pattern in patterns:
        if not pattern or len(pattern) > MAX_NAME_CHARS or "*" in pattern[:-1] or not pattern.isprintable():
            raise _wrong(param, f"{pattern[:60]!r} isn't a name", "A name, a prefix ending in `*`, or `*`.")


def _check_amount(nano_usd: int, param: str) -> None:
    if not 0 <= nano_usd <= MAX_AMOUNT_NANO:
        raise _wrong(param, "an amount out of range", "0 to 1000000000 dollars.")


def _wrong(param: str, what: str, hint: str) -> InvalidInputError:
    return InvalidInputError(what, hint=hint, param=param, code="limit_invalid", params={"setting": param})


def _no_effect(param: str, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"`{param}` would have no effect: {why}",
        hint="Leave it out.",
        param=param,
        code="budget_setting_without_effect",
        params={"setting": param},
    )
