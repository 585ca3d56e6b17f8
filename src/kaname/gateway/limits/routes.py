"""Routes of limits: policies of keys, rules and budgets of a project, budgets of an organization, usage and alerts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from kaname.access.http import organization_scope, project_scope
from kaname.access.model import OrganizationScope, ProjectScope
from kaname.gateway.limits.budget_store import BudgetStore, Override
from kaname.gateway.limits.model import EACH, Budget, KeyPolicy
from kaname.gateway.limits.store import LimitStore, Owner
from kaname.gateway.limits.windows import WindowRule, parse_period
from kaname.gateway.limits.wire import (
    AlertList,
    BudgetBody,
    BudgetList,
    BudgetView,
    PolicyBody,
    PolicyList,
    PolicyView,
    RuleBody,
    RuleList,
    RuleView,
    SpendList,
    UpdateBudgetBody,
    UsageList,
    read_policy,
    read_rule,
    read_usd,
    show_alert,
    show_budget,
    show_policy,
    show_rule,
    show_spend,
    show_usage,
)
from kaname.kernel.errors import InvalidInputError
from kaname.kernel.paging import DEFAULT_LIMIT, MAX_CURSOR_LENGTH, MAX_LIMIT

Scope = Annotated[ProjectScope, Depends(project_scope)]
OfOrganization = Annotated[OrganizationScope, Depends(organization_scope)]
Cursor = Annotated[str | None, Query(max_length=MAX_CURSOR_LENGTH)]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="UTC day, `2026-11-24`.")]
_PROJECT = "/api/v1/projects/{project_id}/gateway"
_SET_BY_STORE = datetime(2000, 1, 1, tzinfo=UTC)
_ORGANIZATION = "/api/v1/organizations/{organization_id}/gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsApi:
    """What the routes work on. `defaults` gives the policy of keys that have none."""

    limits: LimitStore
    budgets: BudgetStore
    defaults: Callable[[], KeyPolicy]


def build_router(api: LimitsApi) -> APIRouter:
    """Everything about limits."""
    router = APIRouter(tags=["limits"])
    _add_policies(router, api)
    _add_rules(router, api.limits)
    _add_project_budgets(router, api.budgets)
    _add_organization_budgets(router, api.budgets)
    return router


def _add_policies(router: APIRouter, api: LimitsApi) -> None:
    store = api.limits

    @router.get(f"{_PROJECT}/keys/policies", operation_id="list_key_policies")
    def list_key_policies(scope: Scope) -> PolicyList:
        """Policies of the keys that have one."""
        return PolicyList(items=[show_policy(k, p, "key") for k, p in sorted(store.policies(scope).items())])

    @router.get(f"{_PROJECT}/keys/{{key_id}}/policy", operation_id="get_key_policy")
    def get_key_policy(key_id: str, scope: Scope) -> PolicyView:
        own = store.policy(scope, key_id)
        return show_policy(key_id, own or api.defaults(), "defaults" if own is None else "key")

    @router.put(f"{_PROJECT}/keys/{{key_id}}/policy", operation_id="set_key_policy")
    def set_key_policy(key_id: str, body: PolicyBody, scope: Scope) -> PolicyView:
        return show_policy(key_id, store.set_policy(scope, key_id, read_policy(body)), "key")

    @router.delete(f"{_PROJECT}/keys/{{key_id}}/policy", operation_id="delete_key_policy", status_code=204)
    def delete_key_policy(key_id: str, scope: Scope) -> None:
        store.delete_policy(scope, key_id)

    @router.get(f"{_PROJECT}/usage", operation_id="list_key_usage")
    def list_key_usage(
        scope: Scope,
        since: Day | None = None,
        until: Day | None = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> UsageList:
        """What keys used from day to day; without bounds all that is kept."""
        page = api.budgets.usage(scope.project_id, since or "", until or "9999-12-31", cursor=cursor, limit=limit)
        return UsageList(items=[show_usage(day) for day in page.items], next_cursor=page.next_cursor)


def _add_rules(router: APIRouter, store: LimitStore) -> None:
    @router.get(f"{_PROJECT}/rules", operation_id="list_limit_rules")
    def list_limit_rules(scope: Scope, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> RuleList:
        page = store.rules(scope, cursor=cursor, limit=limit)
        return RuleList(items=[show_rule(rule) for rule in page.items], next_cursor=page.next_cursor)

    @router.post(f"{_PROJECT}/rules", operation_id="create_limit_rule", status_code=201)
    def create_limit_rule(body: RuleBody, scope: Scope) -> RuleView:
        return show_rule(store.create_rule(scope, read_rule(body)))

    @router.put(f"{_PROJECT}/rules/{{rule_id}}", operation_id="replace_limit_rule")
    def replace_limit_rule(rule_id: str, body: RuleBody, scope: Scope) -> RuleView:
        return show_rule(store.replace_rule(scope, rule_id, read_rule(body)))

    @router.delete(f"{_PROJECT}/rules/{{rule_id}}", operation_id="delete_limit_rule", status_code=204)
    def delete_limit_rule(rule_id: str, scope: Scope) -> None:
        store.delete_rule(scope, rule_id)


def _add_project_budgets(router: APIRouter, store: BudgetStore) -> None:
    @router.get(f"{_PROJECT}/budgets", operation_id="list_budgets")
    def list_budgets(scope: Scope, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> BudgetList:
        page = store.list_budgets(Owner.of(scope), cursor=cursor, limit=limit)
        return BudgetList(items=[show_budget(budget) for budget in page.items], next_cursor=page.next_cursor)

    @router.post(f"{_PROJECT}/budgets", operation_id="create_budget", status_code=201)
    def create_budget(body: BudgetBody, scope: Scope) -> BudgetView:
        if body.scope == "organization":
            raise _wrong_scope("a project can't set its organization's budget")
        return show_budget(store.create(Owner.of(scope), _draft(body, Owner.of(scope))))

    @router.patch(f"{_PROJECT}/budgets/{{budget_id}}", operation_id="update_budget")
    def update_budget(budget_id: str, body: UpdateBudgetBody, scope: Scope) -> BudgetView:
        return _update(store, Owner.of(scope), budget_id, body)

    @router.delete(f"{_PROJECT}/budgets/{{budget_id}}", operation_id="delete_budget", status_code=204)
    def delete_budget(budget_id: str, scope: Scope) -> None:
        store.delete(Owner.of(scope), budget_id)

    @router.get(f"{_PROJECT}/budgets/{{budget_id}}/spend", operation_id="list_budget_spend")
    def list_budget_spend(
        budget_id: str, scope: Scope, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
    ) -> SpendList:
        page = store.spend(Owner.of(scope), budget_id, cursor=cursor, limit=limit)
        return SpendList(items=[show_spend(row) for row in page.items], next_cursor=page.next_cursor)

    @router.get(f"{_PROJECT}/alerts", operation_id="list_budget_alerts")
    def list_budget_alerts(scope: Scope, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> AlertList:
        page = store.alerts(Owner.of(scope), cursor=cursor, limit=limit)
        return AlertList(items=[show_alert(alert) for alert in page.items], next_cursor=page.next_cursor)


def _add_organization_budgets(router: APIRouter, store: BudgetStore) -> None:
    @router.get(f"{_ORGANIZATION}/budgets", operation_id="list_organization_budgets")
    def list_organization_budgets(
        scope: OfOrganization, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
    ) -> BudgetList:
        page = store.list_budgets(_owner(scope), cursor=cursor, limit=limit)
        return BudgetList(items=[show_budget(budget) for budget in page.items], next_cursor=page.next_cursor)

    @router.post(f"{_ORGANIZATION}/budgets", operation_id="create_organization_budget", status_code=201)
    def create_organization_budget(body: BudgetBody, scope: OfOrganization) -> BudgetView:
        if body.scope != "organization":
            raise _wrong_scope(f"an organization can't set the budget of a {body.scope}; its project can")
        owner = _owner(scope)
        return show_budget(store.create(owner, _draft(body, owner)))

    @router.patch(f"{_ORGANIZATION}/budgets/{{budget_id}}", operation_id="update_organization_budget")
    def update_organization_budget(budget_id: str, body: UpdateBudgetBody, scope: OfOrganization) -> BudgetView:
        return _update(store, _owner(scope), budget_id, body)

    @router.delete(f"{_ORGANIZATION}/budgets/{{budget_id}}", operation_id="delete_organization_budget", status_code=204)
    def delete_organization_budget(budget_id: str, scope: OfOrganization) -> None:
        store.delete(_owner(scope), budget_id)

    @router.get(f"{_ORGANIZATION}/budgets/{{budget_id}}/spend", operation_id="list_organization_budget_spend")
    def list_organization_budget_spend(
        budget_id: str, scope: OfOrganization, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
    ) -> SpendList:
        page = store.spend(_owner(scope), budget_id, cursor=cursor, limit=limit)
        return SpendList(items=[show_spend(row) for row in page.items], next_cursor=page.next_cursor)

    @router.get(f"{_ORGANIZATION}/alerts", operation_id="list_organization_budget_alerts")
    def list_organization_budget_alerts(
        scope: OfOrganization, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
    ) -> AlertList:
        page = store.alerts(_owner(scope), cursor=cursor, limit=limit)
        return AlertList(items=[show_alert(alert) for alert in page.items], next_cursor=page.next_cursor)


def _draft(body: BudgetBody, owner: Owner) -> Budget:
    own_subject = {"project": owner.project_id or "", "organization": owner.organization_id}.get(body.scope)
    if own_subject is not None and body.subject not in ("", own_subject):
        raise _wrong_scope(f"the budget of a {body.scope} is about this {body.scope} only; leave `subject` out")
    count, unit = parse_period(body.period)
    return Budget(
        id="",
        project_id=owner.project_id,
        organization_id=owner.organization_id,
        scope=body.scope,
        subject=own_subject or body.subject or (EACH if body.scope == "user" else ""),
        key_id=body.key_id,
        amount_nano_usd=read_usd(body.amount_usd, "amount_usd"),
        window=WindowRule(
            count=count,
            unit=unit,
            calendar=body.calendar,
            time_zone=body.time_zone,
            quarter_start_month=body.quarter_start_month,
        ),
        window_from=_SET_BY_STORE,
        on_exceed=body.on_exceed,
        downgrade_to=body.downgrade_to,
        alerts=tuple(body.alerts),
        shadow=body.shadow,
    )


def _update(store: BudgetStore, owner: Owner, budget_id: str, body: UpdateBudgetBody) -> BudgetView:
    override = None
    if (body.extra_usd is None) != (body.extra_cycles is None):
        extra = read_usd(body.extra_usd, "extra_usd") if body.extra_usd is not None else -1
        if extra != 0:  # 0 ends an override and needs no number of cycles
            raise InvalidInputError(
                "an override needs both `extra_usd` and `extra_cycles`", hint="Name both.", param="extra_cycles",
                code="limit_invalid", params={"setting": "extra_cycles"},
            )  # fmt: skip
    if body.extra_usd is not None:
        override = Override(read_usd(body.extra_usd, "extra_usd"), body.extra_cycles or 1)
    stored = store.update(
        owner, budget_id, lambda budget: _changed(budget, body), override=override, reset_usage=body.reset_usage
    )
    return show_budget(stored)


def _changed(budget: Budget, body: UpdateBudgetBody) -> Budget:
    window = budget.window
    if body.period is not None:
        count, unit = parse_period(body.period)
        window = replace(window, count=count, unit=unit)
    if body.calendar is not None:
        window = replace(window, calendar=body.calendar)
    if body.time_zone is not None:
        window = replace(window, time_zone=body.time_zone)
    if body.quarter_start_month is not None:
        window = replace(window, quarter_start_month=body.quarter_start_month)
    changed = replace(budget, window=window)
    if body.amount_usd is not None:
        changed = replace(changed, amount_nano_usd=read_usd(body.amount_usd, "amount_usd"))
    if body.on_exceed is not None:
        changed = replace(changed, on_exceed=body.on_exceed)
    if body.downgrade_to is not None:
        changed = replace(changed, downgrade_to=body.downgrade_to)
    if body.alerts is not None:
        changed = replace(changed, alerts=tuple(body.alerts))
    return changed if body.shadow is None else replace(changed, shadow=body.shadow)


def _owner(scope: OrganizationScope) -> Owner:
    return Owner(None, scope.organization_id, scope.principal)


def _wrong_scope(what: str) -> InvalidInputError:
    return InvalidInputError(
        what, hint="See the documentation.", param="scope", code="limit_invalid", params={"setting": "scope"}
    )
