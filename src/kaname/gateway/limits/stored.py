"""Definitions as they lie in SQL: JSON of what people set, read back into the immutable model."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from kaname.gateway.limits.model import Budget, BudgetScope, Definitions, KeyPolicy, LimitRule, OnExceed, Rates
from kaname.gateway.limits.tables import gateway_budgets, gateway_exchange, gateway_key_policies, gateway_limit_rules
from kaname.gateway.limits.windows import PeriodUnit, WindowRule


class StoredPolicy(msgspec.Struct, omit_defaults=True):
    """Column `policy`."""

    models: list[str]
    providers: list[str]
    rpm: int | None = None
    tpm: int | None = None
    max_concurrency: int | None = None
    max_cost_nano_usd: int | None = None
    allow_unpriced: bool = True
    cidrs: list[str] = []
    shadow: bool = False


class StoredBudget(msgspec.Struct, omit_defaults=True):
    """Column `settings`."""

    amount_nano_usd: int
    count: int
    unit: PeriodUnit
    calendar: bool = False
    time_zone: str = "UTC"
    quarter_start_month: int = 1
    on_exceed: OnExceed = "block"
    downgrade_to: str = ""
    alerts: list[int] = []
    extra_nano_usd: int = 0
    extra_until: datetime | None = None
    shadow: bool = False


class StoredRule(msgspec.Struct, omit_defaults=True):
    """Column `rule`."""

    name: str
    rpm: int | None = None
    tpm: int | None = None
    max_concurrency: int | None = None
    keys: list[str] = []
    models: list[str] = []
    user: str = ""
    metadata: dict[str, str] = {}
    priority: int = 0
    always: bool = False
    shadow: bool = False


def load_definitions(connection: Connection) -> Definitions:
    """Everything that is set, in the caller's transaction."""
    version = connection.execute(select(gateway_exchange.c.definitions)).scalar_one()
    return Definitions(
        version=version,
        policies={row.key_id: to_policy(row) for row in connection.execute(select(gateway_key_policies))},
        budgets=[to_budget(row) for row in connection.execute(select(gateway_budgets).order_by(gateway_budgets.c.id))],
        rules=[
            to_rule(row) for row in connection.execute(select(gateway_limit_rules).order_by(gateway_limit_rules.c.id))
        ],
    )


def to_policy(row: Row[Any]) -> KeyPolicy:
    """A row of `gateway_key_policies`."""
    stored = msgspec.json.decode(row.policy, type=StoredPolicy)
    return KeyPolicy(
        models=tuple(stored.models),
        providers=tuple(stored.providers),
        rates=Rates(rpm=stored.rpm, tpm=stored.tpm, max_concurrency=stored.max_concurrency),
        max_cost_nano_usd=stored.max_cost_nano_usd,
        allow_unpriced=stored.allow_unpriced,
        cidrs=tuple(stored.cidrs),
        shadow=stored.shadow,
    )


def policy_json(policy: KeyPolicy) -> str:
    """The reverse."""
    rates = policy.rates
    return _json(
        StoredPolicy(
            models=list(policy.models),
            providers=list(policy.providers),
            rpm=rates.rpm,
            tpm=rates.tpm,
            max_concurrency=rates.max_concurrency,
            max_cost_nano_usd=policy.max_cost_nano_usd,
            allow_unpriced=policy.allow_unpriced,
            cidrs=list(policy.cidrs),
            shadow=policy.shadow,
        )
    )


def to_budget(row: Row[Any]) -> Budget:
    """A row of `gateway_budgets`."""
    stored = msgspec.json.decode(row.settings, type=StoredBudget)
    scope: BudgetScope = row.scope
    return Budget(
        id=row.id,
        project_id=row.project_id,
        organization_id=row.organization_id,
        scope=scope,
        subject=row.subject,
        key_id=row.key_id,
        amount_nano_usd=stored.amount_nano_usd,
        window=WindowRule(
            count=stored.count,
            unit=stored.unit,
            calendar=stored.calendar,
            time_zone=stored.time_zone,
            quarter_start_month=stored.quarter_start_month,
        ),
        window_from=row.window_from,
        moved_from=row.moved_from,
        on_exceed=stored.on_exceed,
        downgrade_to=stored.downgrade_to,
        alerts=tuple(stored.alerts),
        extra_nano_usd=stored.extra_nano_usd,
        extra_until=stored.extra_until,
        shadow=stored.shadow,
    )


def budget_json(budget: Budget) -> str:
    """The reverse, of its settings."""
    window = budget.window
    return _json(
        StoredBudget(
            amount_nano_usd=budget.amount_nano_usd,
            count=window.count,
            unit=window.unit,
            calendar=window.calendar,
            time_zone=window.time_zone,
            quarter_start_month=window.quarter_start_month,
            on_exceed=budget.on_exceed,
            downgrade_to=budget.downgrade_to,
            alerts=list(budget.alerts),
            extra_nano_usd=budget.extra_nano_usd,
            extra_until=budget.extra_until,
            shadow=budget.shadow,
        )
    )


def to_rule(row: Row[Any]) -> LimitRule:
    """A row of `gateway_limit_rules`."""
    stored = msgspec.json.decode(row.rule, type=StoredRule)
    return LimitRule(
        id=row.id,
        project_id=row.project_id,
        name=stored.name,
        rates=Rates(rpm=stored.rpm, tpm=stored.tpm, max_concurrency=stored.max_concurrency),
        keys=tuple(stored.keys),
        models=tuple(stored.models),
        user=stored.user,
        metadata=stored.metadata,
        priority=stored.priority,
        always=stored.always,
        shadow=stored.shadow,
    )


def rule_json(rule: LimitRule) -> str:
    """The reverse."""
    rates = rule.rates
    return _json(
        StoredRule(
            name=rule.name,
            rpm=rates.rpm,
            tpm=rates.tpm,
            max_concurrency=rates.max_concurrency,
            keys=list(rule.keys),
            models=list(rule.models),
            user=rule.user,
            metadata=dict(rule.metadata),
            priority=rule.priority,
            always=rule.always,
            shadow=rule.shadow,
        )
    )


def _json(stored: msgspec.Struct) -> str:
    return msgspec.json.encode(stored).decode()
