"""Policies of keys and rules of a project in SQL: what people change, with an audit entry each.

Every change moves `gateway_exchange` on, so all processes have it with their next exchange, within 250 ms.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from kaname.access.audit import AuditLog, Detail
from kaname.access.model import Principal, ProjectScope
from kaname.gateway.limits.checks import check_policy, check_rule
from kaname.gateway.limits.model import KeyPolicy, LimitRule
from kaname.gateway.limits.stored import policy_json, rule_json, to_policy, to_rule
from kaname.gateway.limits.tables import gateway_exchange, gateway_key_policies, gateway_limit_rules
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ConflictError, InvalidInputError, NotFoundError
from kaname.kernel.ids import is_id, new_id
from kaname.kernel.paging import DEFAULT_LIMIT, Page, decode_cursor, page_of
from kaname.storage.sql.database import Database

MAX_RULES_PER_PROJECT = 200


class Owner(NamedTuple):
    """Whose limits are changed: a project's, or with `project_id` None an organization's; and who changes them."""

    project_id: str | None
    organization_id: str
    principal: Principal

    @classmethod
    def of(cls, scope: ProjectScope) -> "Owner":
        """The project of a scope."""
        return cls(scope.project_id, scope.organization_id, scope.principal)

    @property
    def actor_id(self) -> str:
        """For `created_by`."""
        return self.principal.user_id or self.principal.id


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRuleRow:
    """A rule and its times."""

    rule: LimitRule
    created_at: datetime
    updated_at: datetime


class LimitStore:
    """Policies and rules."""

    def __init__(self, database: Database, audit: AuditLog, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    # ---- policies

    def policies(self, scope: ProjectScope) -> Mapping[str, KeyPolicy]:
        """All policies of the project's keys, by key."""
        c = gateway_key_policies.c
        with self._database.read() as connection:
            rows = connection.execute(select(gateway_key_policies).where(c.project_id == scope.project_id))
            return {row.key_id: to_policy(row) for row in rows}

    def policy(self, scope: ProjectScope, key_id: str) -> KeyPolicy | None:
        """The key's policy; None if it goes by the defaults."""
        _check_key(key_id)
        c = gateway_key_policies.c
        with self._database.read() as connection:
            row = connection.execute(
                select(gateway_key_policies).where(c.key_id == key_id, c.project_id == scope.project_id)
            ).one_or_none()
            return None if row is None else to_policy(row)

    def set_policy(self, scope: ProjectScope, key_id: str, policy: KeyPolicy) -> KeyPolicy:
        """Gives a key this policy instead of the one it has."""
        _check_key(key_id)
        check_policy(policy)
        c = gateway_key_policies.c
        values = {
            "policy": policy_json(policy),
            "updated_at": self._clock.now(),
            "updated_by": Owner.of(scope).actor_id,
        }
        with self._database.write() as connection:
            next_version(connection)
            row = connection.execute(select(c.project_id).where(c.key_id == key_id)).one_or_none()
            if row is None:
                connection.execute(
                    insert(gateway_key_policies).values(key_id=key_id, project_id=scope.project_id, **values)
                )
            elif row.project_id != scope.project_id:
                raise _no_such("key", key_id)
            else:
                connection.execute(update(gateway_key_policies).where(c.key_id == key_id).values(**values))
            details = {"project_id": scope.project_id, "policy": policy_json(policy)}
            self._record(connection, Owner.of(scope), "key_policy.set", f"key/{key_id}", details)
        return policy

    def delete_policy(self, scope: ProjectScope, key_id: str) -> None:
        """The key goes by the defaults again. Raises NotFoundError."""
        c = gateway_key_policies.c
        with self._database.write() as connection:
            next_version(connection)
            gone = connection.execute(
                delete(gateway_key_policies).where(c.key_id == key_id, c.project_id == scope.project_id)
            )
            if not gone.rowcount:
                raise _no_such("policy", key_id)
            details: dict[str, Detail] = {"project_id": scope.project_id}
            self._record(connection, Owner.of(scope), "key_policy.delete", f"key/{key_id[:64]}", details)

    # ---- rules

    def rules(
        self, scope: ProjectScope, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[StoredRuleRow]:
        """The rules of the project, newest first."""
        c = gateway_limit_rules.c
        query = select(gateway_limit_rules).where(c.project_id == scope.project_id)
        if cursor is not None:
            query = query.where(c.id < decode_cursor(cursor, (str,))[0])
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(c.id.desc()).limit(limit + 1)).all()
        return page_of(rows, limit, _rule_row, lambda row: (row.id,))

    def create_rule(self, scope: ProjectScope, rule: LimitRule) -> StoredRuleRow:
        """Adds a rule; its id and project are given here."""
        made = check_rule(replace(rule, id=new_id("lim"), project_id=scope.project_id))
        now = self._clock.now()
        with self._database.write() as connection:
            next_version(connection)
            owned = gateway_limit_rules.c.project_id == scope.project_id
            count = connection.execute(select(func.count()).select_from(gateway_limit_rules).where(owned))
            if count.scalar_one() >= MAX_RULES_PER_PROJECT:
                raise ConflictError(
                    f"the project has {MAX_RULES_PER_PROJECT} rules",
                    hint="Delete some.",
                    code="too_many_rules",
                    params={"limit": MAX_RULES_PER_PROJECT},
                )
            connection.execute(
                insert(gateway_limit_rules).values(
                    id=made.id,
                    project_id=made.project_id,
                    rule=rule_json(made),
                    created_at=now,
                    created_by=Owner.of(scope).actor_id,
                    updated_at=now,
                )
            )
            self._record_rule(connection, scope, "limit_rule.create", made)
        return StoredRuleRow(rule=made, created_at=now, updated_at=now)

    def replace_rule(self, scope: ProjectScope, rule_id: str, rule: LimitRule) -> StoredRuleRow:
        """Puts another rule in its place; its buckets keep what they counted."""
        made = check_rule(replace(rule, id=rule_id, project_id=scope.project_id))
        now = self._clock.now()
        with self._database.write() as connection:
            next_version(connection)
            before = self._rule(connection, scope, rule_id)
            connection.execute(
                update(gateway_limit_rules)
                .where(gateway_limit_rules.c.id == rule_id)
                .values(rule=rule_json(made), updated_at=now)
            )
            self._record_rule(connection, scope, "limit_rule.update", made)
        return StoredRuleRow(rule=made, created_at=before.created_at, updated_at=now)

    def delete_rule(self, scope: ProjectScope, rule_id: str) -> None:
        """Ends a rule. Raises NotFoundError."""
        with self._database.write() as connection:
            next_version(connection)
            before = self._rule(connection, scope, rule_id)
            connection.execute(delete(gateway_limit_rules).where(gateway_limit_rules.c.id == rule_id))
            self._record_rule(connection, scope, "limit_rule.delete", before.rule)

    def _rule(self, connection: Connection, scope: ProjectScope, rule_id: str) -> StoredRuleRow:
        c = gateway_limit_rules.c
        query = select(gateway_limit_rules).where(c.project_id == scope.project_id, c.id == rule_id)
        row = connection.execute(query).one_or_none()
        if row is None:
            raise _no_such("rule", rule_id)
        return _rule_row(row)

    def _record_rule(self, connection: Connection, scope: ProjectScope, action: str, rule: LimitRule) -> None:
        details = {"project_id": scope.project_id, "rule": rule_json(rule)}
        self._record(connection, Owner.of(scope), action, f"limit_rule/{rule.id}", details)

    def _record(
        self, connection: Connection, owner: Owner, action: str, target: str, details: Mapping[str, Detail]
    ) -> None:
        self._audit.record(connection, owner.principal, action, target, details, organization_id=owner.organization_id)


def next_version(connection: Connection) -> int:
    """Announces a change of definitions and makes all others wait, exchanges included. First in the transaction."""
    return connection.execute(
        update(gateway_exchange)
        .values(version=gateway_exchange.c.version + 1, definitions=gateway_exchange.c.definitions + 1)
        .returning(gateway_exchange.c.version)
    ).scalar_one()


def _check_key(key_id: str) -> None:
    if not is_id("key", key_id):
        raise InvalidInputError(
            f"{key_id[:64]!r} isn't a key's id", hint="List the project's keys.", param="key_id", code="limit_invalid",
            params={"setting": "key_id"},
        )  # fmt: skip


def _no_such(kind: str, given: str) -> NotFoundError:
    return NotFoundError(
        f"{kind} {given[:64]!r} doesn't exist in this project",
        hint="List what there is.",
        code="limit_not_found",
        params={"id": given[:64]},
    )


def _rule_row(row: Row[Any]) -> StoredRuleRow:
    return StoredRuleRow(rule=to_rule(row), created_at=row.created_at, updated_at=row.updated_at)
