"""The statements of an exchange that add to rows or open them, in the words that SQLite and PostgreSQL share."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, Table, bindparam, case, delete
from sqlalchemy.dialects import postgresql, sqlite

from kaname.gateway.limits.ledger import SpendDelta
from kaname.gateway.limits.tables import gateway_holds, gateway_key_usage, gateway_rates, gateway_spend
from kaname.gateway.limits.usage_count import UsageDelta

_COUNTS = ("requests", "refused", "shadowed", "tokens", "cost_nano_usd", "unpriced")


def add_spend(connection: Connection, spends: Sequence[SpendDelta], version: int) -> None:
    """Adds to the windows."""
    statement: Any = _insert(connection, gateway_spend)
    new = statement.excluded
    c = gateway_spend.c
    statement = statement.on_conflict_do_update(
        index_elements=[c.budget_id, c.subject, c.starts_at],
        set_={"spent_nano_usd": c.spent_nano_usd + new.spent_nano_usd, "version": new.version},
    )
    rows = [
        {
            "budget_id": spend.budget.id,
            "subject": spend.subject,
            "starts_at": spend.starts_at,
            "ends_at": spend.ends_at,
            "project_id": spend.budget.project_id,
            "organization_id": spend.budget.organization_id,
            "spent_nano_usd": spend.nano_usd,
            "version": version,
        }
        for spend in spends
    ]
    # Sorted, so that rows are always locked in one order.
    connection.execute(statement, sorted(rows, key=lambda row: (row["budget_id"], row["subject"], row["starts_at"])))


def add_rates(connection: Connection, rates: Sequence[tuple[str, float]], version: int, now_ns: int) -> None:
    """Moves arrival times on by what was taken, from now or from where they are: `Gcra.take`, in SQL."""
    statement: Any = _insert(connection, gateway_rates)
    new = statement.excluded
    c = gateway_rates.c
    now: Any = bindparam("now_ns", now_ns, type_=BigInteger)
    statement = statement.on_conflict_do_update(
        index_elements=[c.bucket],
        set_={"tat_ns": case((c.tat_ns > now, c.tat_ns + new.tat_ns - now), else_=new.tat_ns), "version": new.version},
    )
    rows = [
        {"bucket": bucket, "tat_ns": now_ns + round(seconds * 1e9), "version": version, "now_ns": now_ns}
        for bucket, seconds in sorted(rates)
    ]
    connection.execute(statement, rows)


def set_hold(connection: Connection, process_id: str, holds: Sequence[tuple[str, int]]) -> None:
    """Replaces what a process holds."""
    c = gateway_holds.c
    statement: Any = _insert(connection, gateway_holds)
    statement = statement.on_conflict_do_update(
        index_elements=[c.process_id, c.bucket], set_={"amount": statement.excluded.amount}
    )
    present = [{"process_id": process_id, "bucket": bucket, "amount": amount} for bucket, amount in holds if amount]
    if present:
        connection.execute(statement, present)
    gone = [{"gone": bucket} for bucket, amount in holds if not amount]
    if gone:
        remove = delete(gateway_holds).where(c.process_id == process_id, c.bucket == bindparam("gone"))
        connection.execute(remove, gone)


def add_usage(connection: Connection, usages: Sequence[UsageDelta], day: str) -> None:
    """Adds to the day of each key."""
    statement: Any = _insert(connection, gateway_key_usage)
    c = gateway_key_usage.c
    statement = statement.on_conflict_do_update(
        index_elements=[c.key_id, c.day],
        set_={name: c[name] + statement.excluded[name] for name in _COUNTS},
    )
    connection.execute(statement, [{"day": day, **usage._asdict()} for usage in usages])


def _insert(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
