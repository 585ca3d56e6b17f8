"""What limits are made of: policies of keys, rules, budgets, and what one call asks for.

All of it is immutable and checked when it is written (`checks.py`); what changes while calls run is in `meters.py` and
`budget_state.py`. Money is whole nano-dollars.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from kaname.gateway.limits.windows import WindowRule

BudgetScope = Literal["key", "user", "project", "organization", "provider"]
OnExceed = Literal["block", "warn", "downgrade"]
EACH = "*each"
"""As a rule's or budget's subject: every value has a limit of its own."""
ALL = "*all"
"""As a rule's value: all calls that have some value share one limit."""
DEFAULT_ALERTS = (50, 80, 100)


class Subject(NamedTuple):
    """Who makes a call. `model` is the name the client wrote."""

    key_id: str
    project_id: str
    organization_id: str
    user_id: str = ""
    metadata: Mapping[str, str] = {}
    model: str = ""


class Estimate(NamedTuple):
    """What a call may take, known before it runs. `cost_nano_usd` None: nobody knows the model's price."""

    input_tokens: int
    output_tokens: int
    cost_nano_usd: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Limits on a flow of calls; None is no limit."""

    rpm: int | None = None
    tpm: int | None = None
    max_concurrency: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is limited."""
        return self.rpm is None and self.tpm is None and self.max_concurrency is None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPolicy:
    """What one key may do. `models` and `providers` are names, prefixes ending in `*`, or `*`; an empty list allows
    nothing. `shadow` only evaluates: nothing is refused, and what would have been is counted."""

    models: tuple[str, ...] = ("*",)
    providers: tuple[str, ...] = ("*",)
    rates: Rates = field(default_factory=Rates)
    max_cost_nano_usd: int | None = None
    """The most that one call may cost by its estimate."""
    allow_unpriced: bool = True
    """Whether models whose price nobody knows may be called: no budget can count them."""
    cidrs: tuple[str, ...] = ()
    """Networks that the key may be used from; empty is everywhere."""
    shadow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """An amount per window. `subject` is the key, user, project or organization it counts; of a provider budget the
    provider's name, with `key_id` for one key's share. `*each` user has an amount of their own."""

    id: str
    project_id: str | None
    """None of an organization's budget."""
    organization_id: str
    scope: BudgetScope
    subject: str
    key_id: str = ""
    amount_nano_usd: int
    window: WindowRule
    window_from: datetime
    """Where windows begin: the first is cut off, or counted from, here."""
    moved_from: datetime | None = None
    """Start of the window whose spend a change took over into the one at `window_from`."""
    on_exceed: OnExceed = "block"
    downgrade_to: str = ""
    """`provider/model` or an alias."""
    alerts: Sequence[int] = DEFAULT_ALERTS
    """Per cent of the amount."""
    extra_nano_usd: int = 0
    """An override: so much more, until `extra_until`."""
    extra_until: datetime | None = None
    shadow: bool = False

    def limit_at(self, at: datetime) -> int:
        """The amount that counts at a time."""
        if self.extra_until is not None and at < self.extra_until:
            return self.amount_nano_usd + self.extra_nano_usd
        return self.amount_nano_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRule:
    """Rates for calls of a project that match. Values are a text, `*each` (a limit each) or `*all` (one together).

    Of the matching rules those with the highest `priority` count, and those that are `always` in force.
    """

    id: str
    project_id: str
    name: str
    rates: Rates
    keys: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    """Names or prefixes ending in `*`; empty is every model."""
    user: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    priority: int = 0
    always: bool = False
    shadow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """Everything that people set, as of one version."""

    version: int = 0
    policies: Mapping[str, KeyPolicy] = field(default_factory=dict[str, KeyPolicy])
    budgets: Sequence[Budget] = ()
    rules: Sequence[LimitRule] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDefaults:
    """What holds for a key without a policy of its own (`key_defaults` in `gateway.yaml`)."""

    policy: KeyPolicy = field(default_factory=KeyPolicy)
    budget_nano_usd: int | None = None
    budget_window: WindowRule = field(default_factory=WindowRule)
    on_exceed: OnExceed = "block"
    downgrade_to: str = ""
