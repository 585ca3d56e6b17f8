"""Everything that limits the calls of one key, found once and kept until a definition changes.

What doesn't depend on the single call (the key's own rates, its key, project and organization budgets) is ready to be
walked; rules and user budgets are chosen per call (`select`). States outlive this: they are in `live.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network

from kaname.gateway.limits.budget_state import BudgetState
from kaname.gateway.limits.live import DEFAULT_BUDGET, LiveStates
from kaname.gateway.limits.meters import Meter
from kaname.gateway.limits.model import ALL, EACH, Budget, Definitions, KeyDefaults, LimitRule, Subject
from kaname.gateway.limits.names import Names
from kaname.gateway.limits.usage_count import KeyUsage

MAX_SUBJECT_CHARS = 256
MAX_VALUE_CHARS = 128


class KeyLimits:
    """The limits of one key. `rules` and `user_budgets` are those that need a look at the call itself."""

    __slots__ = (
        "budgets",
        "is_dynamic",
        "is_free",
        "is_static",
        "meters",
        "models",
        "networks",
        "picks_targets",
        "plain",
        "policy",
        "provider_budgets",
        "providers",
        "rules",
        "usage",
        "user_budgets",
    )

    def __init__(self, subject: Subject, definitions: Definitions, defaults: KeyDefaults, live: LiveStates) -> None:
        own = definitions.policies.get(subject.key_id)
        policy = self.policy = own or defaults.policy
        self.models, self.providers = Names(policy.models), Names(policy.providers)
        self.networks = tuple(_network(cidr) for cidr in policy.cidrs)
        self.meters: tuple[Meter, ...] = ()
        if not policy.rates.is_empty:
            name = f"key:{subject.key_id}"
            self.meters = (live.meter(name, "the key", policy.rates, shadow=policy.shadow),)
        budgets = [b for b in definitions.budgets if _concerns(b, subject)]
        if own is None and (default := default_budget(defaults, subject, live.started_at)) is not None:
            budgets.append(default)
        self.budgets = tuple(
            live.budget(b, b.subject) for b in budgets if b.scope in ("key", "project", "organization")
        )
        self.provider_budgets: Mapping[str, Sequence[BudgetState]] = _by_provider(budgets, subject, live)
        self.picks_targets = bool(self.provider_budgets) or not self.providers.allows_all
        """Whether some targets may not serve the key's calls."""
        self.user_budgets = tuple(b for b in budgets if b.scope == "user")
        self.rules = tuple(
            sorted(
                (
                    (rule, Names(rule.models or ("*",)))
                    for rule in definitions.rules
                    if rule.project_id == subject.project_id and (not rule.keys or subject.key_id in rule.keys)
                ),
                key=lambda pair: -pair[0].priority,
            )
        )
        self.is_dynamic = bool(self.rules or self.user_budgets)
        self.plain = not policy.shadow and policy.max_cost_nano_usd is None and policy.allow_unpriced
        limited = self.meters or self.budgets or self.provider_budgets or self.is_dynamic
        self.is_free = not limited and self.plain and self.models.allows_all and not self.networks
        """Whether nothing can refuse a call, so that nothing needs to be estimated."""
        self.is_static = not self.is_dynamic and self.plain and self.models.allows_all and not self.networks
        """Whether every call meets the same meters and budgets, whatever it says and wherever it comes from."""
        self.usage: KeyUsage = live.usage(subject.project_id, subject.key_id)

    def select(
        self, subject: Subject, live: LiveStates, meters: Sequence[Meter], budgets: Sequence[BudgetState]
    ) -> tuple[Sequence[Meter], Sequence[BudgetState]]:
        """The given ones and those that this very call calls for."""
        chosen = [*meters, *(live.meter_of_rule(rule, value) for rule, value in self._matching(subject))]
        user = storable(subject.user_id, MAX_SUBJECT_CHARS)
        if user and self.user_budgets:
            own = [b for b in self.user_budgets if b.subject in (EACH, user)]
            return chosen, [*budgets, *(live.budget(b, user) for b in own)]
        return chosen, budgets

    def _matching(self, subject: Subject) -> Iterator[tuple[LimitRule, str]]:
        highest: int | None = None
        for rule, models in self.rules:
            if not rule.always and highest is not None and rule.priority < highest:
                continue
            if not models.allow(subject.model):
                continue
            value = bucket_value(rule, subject)
            if value is None:
                continue
            if not rule.always and highest is None:
                highest = rule.priority
            yield rule, value


def bucket_value(rule: LimitRule, subject: Subject) -> str | None:
    """Which of a rule's buckets counts a call; None if the rule doesn't match it."""
    parts: list[str] = []
    wanted = [(rule.user, subject.user_id)] if rule.user else []
    wanted += [(pattern, subject.metadata.get(name, "")) for name, pattern in rule.metadata.items()]
    for pattern, value in wanted:
        if not value or (pattern not in (EACH, ALL) and pattern != value):
            return None
        if pattern == EACH:
            parts.append(storable(value, MAX_VALUE_CHARS))
    return "\x1f".join(parts)


def storable(text: str, most: int) -> str:
    """A client's text as both databases take it: PostgreSQL has no NUL in text."""
    return text.replace("\x00", "")[:most]


def default_budget(defaults: KeyDefaults, subject: Subject, started_at: datetime) -> Budget | None:
    """The budget of a key that has no policy, from the configuration file."""
    if defaults.budget_nano_usd is None:
        return None
    return Budget(
        id=DEFAULT_BUDGET,
        project_id=subject.project_id,
        organization_id=subject.organization_id,
        scope="key",
        subject=subject.key_id,
        amount_nano_usd=defaults.budget_nano_usd,
        window=defaults.budget_window,
        window_from=started_at,
        on_exceed=defaults.on_exceed,
        downgrade_to=defaults.downgrade_to,
    )


def _concerns(budget: Budget, subject: Subject) -> bool:
    if budget.scope == "organization":
        return budget.subject == subject.organization_id
    if budget.project_id != subject.project_id:
        return False
    if budget.scope == "key":
        return budget.subject == subject.key_id
    if budget.scope == "provider":
        return budget.key_id in ("", subject.key_id)
    return True


def _by_provider(budgets: Sequence[Budget], subject: Subject, live: LiveStates) -> dict[str, list[BudgetState]]:
    found: dict[str, list[BudgetState]] = {}
    for budget in budgets:
        if budget.scope == "provider":
            found.setdefault(budget.subject, []).append(live.budget(budget, budget.subject))
    return found


def _network(cidr: str) -> IPv4Network | IPv6Network:
    return ip_network(cidr, strict=False)
