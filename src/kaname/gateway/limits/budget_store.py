"""Budgets in SQL: what people change, what was spent, alerts.

A change keeps what the present window has spent. Other boundaries move its start forward only: aligning a month that
began on 20 October moves it to 1 November, one that began on 10 November stays and ends with the month. Spend follows
the window; `moved_from` tells processes that charge the old one meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from kaname.access.audit import AuditLog, Detail
from kaname.gateway.limits.checks import check_budget
from kaname.gateway.limits.model import Budget
from kaname.gateway.limits.store import Owner, next_version
from kaname.gateway.limits.stored import budget_json, to_budget
from kaname.gateway.limits.tables import gateway_alerts, gateway_budgets, gateway_key_usage, gateway_spend
from kaname.gateway.limits.windows import Window, end_after, window_at
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ConflictError, NotFoundError
from kaname.kernel.ids import new_id
from kaname.kernel.paging import DEFAULT_LIMIT, Page, decode_cursor, page_of
from kaname.storage.sql.database import Database

MAX_BUDGETS = 1000
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBudgetRow:
    """A budget as it stands: its present window, and what all its subjects have spent in it."""

    budget: Budget
    window: Window
    spent_nano_usd: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendRow:
    """What one subject spent in one window."""

    subject: str
    starts_at: datetime
    ends_at: datetime
    spent_nano_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A budget reached a share of its amount."""

    id: str
    budget_id: str
    subject: str
    starts_at: datetime
    threshold: int
    spent_nano_usd: int
    limit_nano_usd: int
    shadow: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageDay:
    """What a key used on a UTC day."""

    key_id: str
    day: str
    requests: int
    refused: int
    shadowed: int
    tokens: int
    cost_nano_usd: int
    unpriced: int


class Override(NamedTuple):
    """So much more than the amount for this and the following windows, `cycles` in all; nothing ends it."""

    extra_nano_usd: int
    cycles: int


class BudgetStore:
    """Budgets of projects and organizations."""

    def __init__(self, database: Database, audit: AuditLog, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def list_budgets(
        self, owner: Owner, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[StoredBudgetRow]:
        """Newest first."""
        query = select(gateway_budgets).where(_owned(owner))
        if cursor is not None:
            query = query.where(gateway_budgets.c.id < decode_cursor(cursor, (str,))[0])
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(gateway_budgets.c.id.desc()).limit(limit + 1)).all()
            return page_of(rows, limit, lambda row: self._row(connection, row), lambda row: (row.id,))

    def create(self, owner: Owner, draft: Budget) -> StoredBudgetRow:
        """Adds a budget; it counts from now on. Its id, owner and start are given here."""
        now = self._clock.now()
        budget = check_budget(
            replace(
                draft,
                id=new_id("bud"),
                project_id=owner.project_id,
                organization_id=owner.organization_id,
                window_from=now,
                moved_from=None,
            )
        )
        with self._database.write() as connection:
            next_version(connection)
            count = connection.execute(select(func.count()).select_from(gateway_budgets).where(_owned(owner)))
            if count.scalar_one() >= MAX_BUDGETS:
                raise ConflictError(
                    f"there are {MAX_BUDGETS} budgets",
                    hint="Delete some.",
                    code="too_many_budgets",
                    params={"limit": MAX_BUDGETS},
                )
            connection.execute(
                insert(gateway_budgets).values(
                    id=budget.id,
                    project_id=budget.project_id,
                    organization_id=budget.organization_id,
                    scope=budget.scope,
                    subject=budget.subject,
                    key_id=budget.key_id,
                    settings=budget_json(budget),
                    window_from=now,
                    moved_from=None,
                    created_at=now,
                    created_by=owner.actor_id,
                    updated_at=now,
                )
            )
            self._record(connection, owner, "budget.create", budget)
            return self._row(connection, self._find(connection, owner, budget.id))

    def update(
        self,
        owner: Owner,
        budget_id: str,
        change: Callable[[Budget], Budget],
        *,
        override: Override | None = None,
        reset_usage: bool = False,
    ) -> StoredBudgetRow:
        """Changes a budget and keeps its spend, unless `reset_usage`: that sets it to nothing, in the same window."""
        now = self._clock.now()
        with self._database.write() as connection:
            version = next_version(connection)
            old = to_budget(self._find(connection, owner, budget_id))
            budget = check_budget(change(old))
            before = window_at(old.window, old.window_from, now)
            if budget.window != old.window:
                budget = self._move(connection, budget, before, version, now)
            if override is not None:
                budget = check_budget(_overridden(budget, override, now))
            if reset_usage:
                present = window_at(budget.window, budget.window_from, now).start
                connection.execute(
                    update(gateway_spend).where(_window(budget_id, present)).values(spent_nano_usd=0, version=version)
                )
                connection.execute(
                    delete(gateway_alerts).where(
                        gateway_alerts.c.budget_id == budget_id, gateway_alerts.c.starts_at == present
                    )
                )
            connection.execute(
                update(gateway_budgets)
                .where(gateway_budgets.c.id == budget_id)
                .values(
                    settings=budget_json(budget),
                    window_from=budget.window_from,
                    moved_from=budget.moved_from,
                    updated_at=now,
                )
            )
            self._record(connection, owner, "budget.reset" if reset_usage else "budget.update", budget)
            return self._row(connection, self._find(connection, owner, budget_id))

    def delete(self, owner: Owner, budget_id: str) -> None:
        """Ends a budget; what was spent under it goes as well. Raises NotFoundError."""
        with self._database.write() as connection:
            next_version(connection)
            budget = to_budget(self._find(connection, owner, budget_id))
            connection.execute(delete(gateway_budgets).where(gateway_budgets.c.id == budget_id))
            connection.execute(delete(gateway_spend).where(gateway_spend.c.budget_id == budget_id))
            connection.execute(delete(gateway_alerts).where(gateway_alerts.c.budget_id == budget_id))
            self._record(connection, owner, "budget.delete", budget)

    def spend(
        self, owner: Owner, budget_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[SpendRow]:
        """Windows of a budget, newest first, in each its subjects by name."""
        c = gateway_spend.c
        query = select(gateway_spend).where(c.budget_id == budget_id)
        if cursor is not None:
            at, subject = decode_cursor(cursor, (str, str))
            start = datetime.fromisoformat(str(at))
            query = query.where((c.starts_at < start) | and_(c.starts_at == start, c.subject > subject))
        with self._database.read() as connection:
            self._find(connection, owner, budget_id)
            rows = connection.execute(query.order_by(c.starts_at.desc(), c.subject).limit(limit + 1)).all()
        return page_of(rows, limit, _spend_row, lambda row: (row.starts_at.isoformat(), row.subject))

    def alerts(self, owner: Owner, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[Alert]:
        """Alerts of the owner's budgets, newest first."""
        c = gateway_alerts.c
        query = select(gateway_alerts).where(
            c.organization_id == owner.organization_id,
            c.project_id.is_(None) if owner.project_id is None else c.project_id == owner.project_id,
        )
        if cursor is not None:
            query = query.where(c.id < decode_cursor(cursor, (str,))[0])
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(c.id.desc()).limit(limit + 1)).all()
        return page_of(rows, limit, _alert, lambda row: (row.id,))

    def usage(
        self, project_id: str, since: str, until: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[UsageDay]:
        """What the project's keys used from day to day (both included), newest first."""
        c = gateway_key_usage.c
        query = select(gateway_key_usage).where(c.project_id == project_id, c.day >= since, c.day <= until)
        if cursor is not None:
            day, key_id = decode_cursor(cursor, (str, str))
            query = query.where((c.day < day) | and_(c.day == day, c.key_id > key_id))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(c.day.desc(), c.key_id).limit(limit + 1)).all()
        return page_of(rows, limit, _usage_day, lambda row: (row.day, row.key_id))

    def _move(self, connection: Connection, budget: Budget, before: Window, version: int, now: datetime) -> Budget:
        """The budget with its present window where the new boundaries put it, and its spend along with it."""
        if budget.window.calendar:
            start = max(before.start, window_at(budget.window, _LONG_AGO, now).start)
        else:
            start = window_at(budget.window, before.start, now).start
        moved = replace(budget, window_from=start, moved_from=before.start if start != before.start else None)
        end = window_at(moved.window, start, now).end
        connection.execute(
            update(gateway_spend)
            .where(_window(budget.id, before.start))
            .values(starts_at=start, ends_at=end, version=version)
        )
        return moved

    def _row(self, connection: Connection, row: Row[Any]) -> StoredBudgetRow:
        budget = to_budget(row)
        window = window_at(budget.window, budget.window_from, self._clock.now())
        spent = connection.execute(
            select(func.sum(gateway_spend.c.spent_nano_usd)).where(_window(budget.id, window.start))
        )
        return StoredBudgetRow(
            budget=budget,
            window=window,
            spent_nano_usd=int(spent.scalar_one() or 0),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    def _find(self, connection: Connection, owner: Owner, budget_id: str) -> Row[Any]:
        query = select(gateway_budgets).where(_owned(owner), gateway_budgets.c.id == budget_id)
        row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError(
                f"budget {budget_id[:64]!r} doesn't exist here",
                hint="List the budgets.",
                code="limit_not_found",
                params={"id": budget_id[:64]},
            )
        return row

    def _record(self, connection: Connection, owner: Owner, action: str, budget: Budget) -> None:
        details: dict[str, Detail] = {"scope": budget.scope, "subject": budget.subject, "settings": budget_json(budget)}
        if owner.project_id is not None:
            details["project_id"] = owner.project_id
        self._audit.record(
            connection,
            owner.principal,
            action,
            f"budget/{budget.id}",
            details,
            organization_id=owner.organization_id,
        )


def _overridden(budget: Budget, override: Override, now: datetime) -> Budget:
    until = end_after(budget.window, budget.window_from, now, override.cycles) if override.extra_nano_usd else None
    return replace(budget, extra_nano_usd=override.extra_nano_usd, extra_until=until)


def _owned(owner: Owner) -> Any:
    c = gateway_budgets.c
    if owner.project_id is None:
        return and_(c.organization_id == owner.organization_id, c.project_id.is_(None))
    return c.project_id == owner.project_id


def _window(budget_id: str, start: datetime) -> Any:
    return and_(gateway_spend.c.budget_id == budget_id, gateway_spend.c.starts_at == start)


def _spend_row(row: Row[Any]) -> SpendRow:
    return SpendRow(
        subject=row.subject, starts_at=row.starts_at, ends_at=row.ends_at, spent_nano_usd=row.spent_nano_usd
    )


def _alert(row: Row[Any]) -> Alert:
    return Alert(**{name: getattr(row, name) for name in Alert.__slots__})


def _usage_day(row: Row[Any]) -> UsageDay:
    return UsageDay(**{name: getattr(row, name) for name in UsageDay.__slots__})
