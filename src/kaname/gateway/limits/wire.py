"""Bodies of the management API of limits, and their way to the model and back. Money is a text of US dollars."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kaname.gateway.limits.budget_store import Alert, SpendRow, StoredBudgetRow, UsageDay
from kaname.gateway.limits.model import DEFAULT_ALERTS, Budget, BudgetScope, KeyPolicy, LimitRule, OnExceed, Rates
from kaname.gateway.limits.store import StoredRuleRow
from kaname.kernel.errors import InvalidInputError
from kaname.kernel.money import from_nano, to_nano

Usd = Annotated[str, Field(max_length=40, description="US dollars, at most 9 places.")]
Names = Annotated[list[str], Field(description="Names, prefixes ending in `*`, or `*`. Empty allows nothing.")]
MAX_USD = Decimal(1_000_000_000)


class PolicyBody(BaseModel):
    """What a key may do. A rate that is left out is no limit."""

    model_config = ConfigDict(extra="forbid")

    models: Names = ["*"]
    providers: Names = ["*"]
    rpm: int | None = None
    tpm: int | None = None
    max_concurrency: int | None = None
    max_cost_usd: Usd | None = None
    allow_unpriced: bool = True
    cidrs: list[str] = []
    shadow: Annotated[bool, Field(description="Only evaluate: refuse nothing, count what would have been.")] = False


class PolicyView(PolicyBody):
    """`source` says whether the key has a policy of its own or goes by `key_defaults` of the configuration."""

    key_id: str
    source: Annotated[str, Field(description="`key` or `defaults`.")]


class PolicyList(BaseModel):
    items: list[PolicyView]


class BudgetBody(BaseModel):
    """A new budget. It counts what is spent from now on."""

    model_config = ConfigDict(extra="forbid")

    scope: BudgetScope
    subject: Annotated[
        str, Field(max_length=256, description="Key, user (`*each`: every one) or provider; else leave it out.")
    ] = ""
    key_id: Annotated[str, Field(max_length=40, description="For a provider: the key whose calls count.")] = ""
    amount_usd: Usd
    period: Annotated[str, Field(max_length=8, description="`30m`, `1h`, `1d`, `1w`, `1M`, `1Q`, `1Y`.")] = "1M"
    calendar: bool = False
    time_zone: Annotated[str, Field(max_length=64)] = "UTC"
    quarter_start_month: int = 1
    on_exceed: OnExceed = "block"
    downgrade_to: Annotated[str, Field(max_length=300)] = ""
    alerts: Annotated[list[int], Field(description="Per cent of the amount.")] = list(DEFAULT_ALERTS)
    shadow: bool = False


class UpdateBudgetBody(BaseModel):
    """What is left out stays as it is, and so does what was spent unless `reset_usage`."""

    model_config = ConfigDict(extra="forbid")

    amount_usd: Usd | None = None
    period: Annotated[str, Field(max_length=8)] | None = None
    calendar: bool | None = None
    time_zone: Annotated[str, Field(max_length=64)] | None = None
    quarter_start_month: int | None = None
    on_exceed: OnExceed | None = None
    downgrade_to: Annotated[str, Field(max_length=300)] | None = None
    alerts: list[int] | None = None
    shadow: bool | None = None
    extra_usd: Annotated[Usd | None, Field(description="An override: so much more for `extra_cycles` windows.")] = None
    extra_cycles: Annotated[int, Field(ge=1, le=100)] | None = None
    reset_usage: bool = False


class BudgetView(BaseModel):
    id: str
    scope: BudgetScope
    subject: str
    key_id: str
    amount_usd: Usd
    period: str
    calendar: bool
    time_zone: str
    quarter_start_month: int
    on_exceed: OnExceed
    downgrade_to: str
    alerts: list[int]
    extra_usd: Usd
    extra_until: datetime | None
    shadow: bool
    window_start: datetime
    window_end: datetime
    spent_usd: Annotated[Usd, Field(description="In the present window, by all subjects.")]
    created_at: datetime
    updated_at: datetime


class BudgetList(BaseModel):
    items: list[BudgetView]
    next_cursor: str | None = None


class SpendView(BaseModel):
    subject: str
    window_start: datetime
    window_end: datetime
    spent_usd: Usd


class SpendList(BaseModel):
    items: list[SpendView]
    next_cursor: str | None = None


class RuleBody(BaseModel):
    """Rates for calls that match. `*each`: every value has its own limit; `*all`: all that have one share it."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=100)]
    rpm: int | None = None
    tpm: int | None = None
    max_concurrency: int | None = None
    keys: list[str] = []
    models: list[str] = []
    user: Annotated[str, Field(max_length=256)] = ""
    metadata: dict[str, str] = {}
    priority: Annotated[int, Field(description="Of the matching rules those with the highest count.")] = 0
    always: Annotated[bool, Field(description="Counts whatever else matches.")] = False
    shadow: bool = False


class RuleView(RuleBody):
    id: str
    created_at: datetime
    updated_at: datetime


class RuleList(BaseModel):
    items: list[RuleView]
    next_cursor: str | None = None


class AlertView(BaseModel):
    id: str
    budget_id: str
    subject: str
    window_start: datetime
    threshold: int
    spent_usd: Usd
    limit_usd: Usd
    shadow: bool
    created_at: datetime


class AlertList(BaseModel):
    items: list[AlertView]
    next_cursor: str | None = None


class UsageView(BaseModel):
    """`unpriced`: calls whose cost nobody knows. `shadowed`: limits that would have refused, but for shadow mode."""

    key_id: str
    day: Annotated[str, Field(description="UTC.")]
    requests: int
    refused: int
    shadowed: int
    tokens: int
    cost_usd: Usd
    unpriced: int


class UsageList(BaseModel):
    items: list[UsageView]
    next_cursor: str | None = None


def read_usd(text: str, param: str) -> int:
    """Nano-dollars of a text; raises InvalidInputError."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= MAX_USD or round(amount, 9) != amount:
        raise InvalidInputError(
            f"{text[:40]!r} isn't an amount of dollars",
            hint="0 to 1000000000, at most 9 places.",
            param=param,
            code="limit_invalid",
            params={"setting": param},
        )
    return to_nano(amount)


def show_usd(nano_usd: int) -> str:
    """The reverse, without an exponent."""
    return format(from_nano(nano_usd).normalize(), "f")


def read_policy(body: PolicyBody) -> KeyPolicy:
    """The policy of a body."""
    return KeyPolicy(
        models=tuple(body.models),
        providers=tuple(body.providers),
        rates=Rates(rpm=body.rpm, tpm=body.tpm, max_concurrency=body.max_concurrency),
        max_cost_nano_usd=None if body.max_cost_usd is None else read_usd(body.max_cost_usd, "max_cost_usd"),
        allow_unpriced=body.allow_unpriced,
        cidrs=tuple(body.cidrs),
        shadow=body.shadow,
    )


def show_policy(key_id: str, policy: KeyPolicy, source: str) -> PolicyView:
    """The reverse."""
    most = policy.max_cost_nano_usd
    return PolicyView(
        key_id=key_id,
        source=source,
        models=list(policy.models),
        providers=list(policy.providers),
        rpm=policy.rates.rpm,
        tpm=policy.rates.tpm,
        max_concurrency=policy.rates.max_concurrency,
        max_cost_usd=None if most is None else show_usd(most),
        allow_unpriced=policy.allow_unpriced,
        cidrs=list(policy.cidrs),
        shadow=policy.shadow,
    )


def show_budget(stored: StoredBudgetRow) -> BudgetView:
    """A budget as people see it."""
    budget: Budget = stored.budget
    return BudgetView(
        id=budget.id,
        scope=budget.scope,
        subject=budget.subject,
        key_id=budget.key_id,
        amount_usd=show_usd(budget.amount_nano_usd),
        period=budget.window.period,
        calendar=budget.window.calendar,
        time_zone=budget.window.time_zone,
        quarter_start_month=budget.window.quarter_start_month,
        on_exceed=budget.on_exceed,
        downgrade_to=budget.downgrade_to,
        alerts=list(budget.alerts),
        extra_usd=show_usd(budget.extra_nano_usd),
        extra_until=budget.extra_until,
        shadow=budget.shadow,
        window_start=stored.window.start,
        window_end=stored.window.end,
        spent_usd=show_usd(stored.spent_nano_usd),
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )


def read_rule(body: RuleBody) -> LimitRule:
    """The rule of a body; the store gives it id and project."""
    return LimitRule(
        id="",
        project_id="",
        name=body.name,
        rates=Rates(rpm=body.rpm, tpm=body.tpm, max_concurrency=body.max_concurrency),
        keys=tuple(body.keys),
        models=tuple(body.models),
        user=body.user,
        metadata=body.metadata,
        priority=body.priority,
        always=body.always,
        shadow=body.shadow,
    )


def show_rule(stored: StoredRuleRow) -> RuleView:
    """The reverse."""
    rule = stored.rule
    return RuleView(
        id=rule.id,
        name=rule.name,
        rpm=rule.rates.rpm,
        tpm=rule.rates.tpm,
        max_concurrency=rule.rates.max_concurrency,
        keys=list(rule.keys),
        models=list(rule.models),
        user=rule.user,
        metadata=dict(rule.metadata),
        priority=rule.priority,
        always=rule.always,
        shadow=rule.shadow,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )


def show_spend(row: SpendRow) -> SpendView:
    """One window of one subject."""
    return SpendView(
        subject=row.subject,
        window_start=row.starts_at,
        window_end=row.ends_at,
        spent_usd=show_usd(row.spent_nano_usd),
    )


def show_alert(alert: Alert) -> AlertView:
    """An alert."""
    return AlertView(
        id=alert.id,
        budget_id=alert.budget_id,
        subject=alert.subject,
        window_start=alert.starts_at,
        threshold=alert.threshold,
        spent_usd=show_usd(alert.spent_nano_usd),
        limit_usd=show_usd(alert.limit_nano_usd),
        shadow=alert.shadow,
        created_at=alert.created_at,
    )


def show_usage(day: UsageDay) -> UsageView:
    """A key's day."""
    return UsageView(
        key_id=day.key_id,
        day=day.day,
        requests=day.requests,
        refused=day.refused,
        shadowed=day.shadowed,
        tokens=day.tokens,
        cost_usd=show_usd(day.cost_nano_usd),
        unpriced=day.unpriced,
    )
