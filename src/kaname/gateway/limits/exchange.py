"""The common memory of all processes: adds one's changes to SQL and reads what the others did, in one transaction.

Blocking; for the flusher's thread. Every exchange that writes locks the row of `gateway_exchange`, as does every change
of a definition, so exchanges follow one another and none can miss a row: what is newer than the last seen version has
a greater number. What a process holds for running calls counts for the others while it shows itself (`seen_ns`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update

from kaname.gateway.limits.alerts import AlertWriter
from kaname.gateway.limits.exchange_sql import add_rates, add_spend, add_usage, set_hold
from kaname.gateway.limits.ledger import Changes, SpendDelta, Spent, Totals
from kaname.gateway.limits.model import Definitions
from kaname.gateway.limits.stored import load_definitions
from kaname.gateway.limits.tables import (
    gateway_exchange,
    gateway_holds,
    gateway_key_usage,
    gateway_processes,
    gateway_rates,
    gateway_spend,
)
from kaname.kernel.clock import Clock
from kaname.kernel.ids import new_id
from kaname.storage.sql.database import Database

HEARTBEAT_NS = 2_000_000_000
ALIVE_NS = 10_000_000_000
"""How long what a process holds counts after it was last seen."""
CLEAN_NS = 600_000_000_000
KEPT = timedelta(days=400)
MAX_LOADED = 50_000


class Exchange:
    """One process's side of the exchange."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.process_id = new_id("prc")
        self._database = database
        self._clock = clock
        self._version = -1
        self._written_ns = 0
        self._cleaned_ns = 0
        self._held: set[str] = set()
        self._alerts = AlertWriter(clock)

    def load(self) -> Totals:
        """Everything that counts now, for a process that starts. From here on the others know of it."""
        now = self._clock.now()
        with self._database.write() as connection:
            connection.execute(
                gateway_processes.insert().values(id=self.process_id, seen_ns=self._clock.now_ns(), flush=0)
            )
            self._version = connection.execute(select(gateway_exchange.c.version)).scalar_one()
            c = gateway_spend.c
            rows = connection.execute(select(gateway_spend).where(c.ends_at > now).limit(MAX_LOADED))
            spends = [Spent(row.budget_id, row.subject, row.starts_at, row.spent_nano_usd) for row in rows]
            rates = connection.execute(
                select(gateway_rates.c.bucket, gateway_rates.c.tat_ns)
                .where(gateway_rates.c.tat_ns > self._clock.now_ns())
                .limit(MAX_LOADED)
            )
            buckets = [(row.bucket, row.tat_ns) for row in rates]
            holds, peers = self._others_hold(connection), self._peers(connection)
            return Totals(spends, buckets, holds, load_definitions(connection), peers)

    def swap(self, changes: Changes) -> Totals:
        """Stores the changes, once however often it is called with them, and returns what counts now."""
        now_ns = self._clock.now_ns()
        beat = bool(self._held) and now_ns - self._written_ns > HEARTBEAT_NS
        if changes.is_empty and not beat:
            return self._look(changes.definitions)
        with self._database.write() as connection:
            version = connection.execute(
                update(gateway_exchange)
                .values(version=gateway_exchange.c.version + 1)
                .returning(gateway_exchange.c.version, gateway_exchange.c.definitions)
            ).one()
            definitions = _changed_definitions(connection, version.definitions, changes.definitions)
            if self._begin(connection, changes.number, now_ns):
                self._write(connection, changes, version.version, now_ns, definitions)
            totals = self._read(connection, changes, definitions)
            if now_ns - self._cleaned_ns > CLEAN_NS:
                self._clean(connection, now_ns)
        # Only now: were the transaction to fail, what it read would have to be read again.
        self._version, self._written_ns = version.version, now_ns
        self._remember_holds(changes)
        return totals

    def leave(self) -> None:
        """Ends what this process holds, for a process that stops in order."""
        with self._database.write() as connection:
            connection.execute(update(gateway_exchange).values(version=gateway_exchange.c.version + 1))
            connection.execute(delete(gateway_holds).where(gateway_holds.c.process_id == self.process_id))
            connection.execute(delete(gateway_processes).where(gateway_processes.c.id == self.process_id))

    # ---- reading

    def _look(self, known_definitions: int) -> Totals:
        """Without anything to store: one short read."""
        with self._database.read() as connection:
            row = connection.execute(select(gateway_exchange.c.version, gateway_exchange.c.definitions)).one()
            holds, peers = self._others_hold(connection), self._peers(connection)
            if row.version == self._version and row.definitions == known_definitions:
                return Totals((), (), holds, None, peers)
            definitions = _changed_definitions(connection, row.definitions, known_definitions)
            totals = Totals(self._newer_spend(connection), self._newer_rates(connection), holds, definitions, peers)
        self._version = row.version
        return totals

    def _read(self, connection: Connection, changes: Changes, definitions: Definitions | None) -> Totals:
        spends = self._newer_spend(connection)
        if changes.unknown:
            spends = [*_spend_of(connection, changes.unknown, self._clock.now()), *spends]
        holds, peers = self._others_hold(connection), self._peers(connection)
        return Totals(spends, self._newer_rates(connection), holds, definitions, peers)

    def _newer_spend(self, connection: Connection) -> list[Spent]:
        rows = connection.execute(select(gateway_spend).where(gateway_spend.c.version > self._version))
        return [Spent(row.budget_id, row.subject, row.starts_at, row.spent_nano_usd) for row in rows]

    def _newer_rates(self, connection: Connection) -> list[tuple[str, int]]:
        c = gateway_rates.c
        rows = connection.execute(select(c.bucket, c.tat_ns).where(c.version > self._version))
        return [(row.bucket, row.tat_ns) for row in rows]

    def _peers(self, connection: Connection) -> int:
        c = gateway_processes.c
        alive = select(func.count()).where(c.id != self.process_id, c.seen_ns > self._clock.now_ns() - ALIVE_NS)
        return connection.execute(alive).scalar_one()

    def _others_hold(self, connection: Connection) -> dict[str, int]:
        h, p = gateway_holds.c, gateway_processes.c
        alive = select(p.id).where(p.id != self.process_id, p.seen_ns > self._clock.now_ns() - ALIVE_NS)
        rows = connection.execute(
            select(h.bucket, func.sum(h.amount).label("amount"))
            .where(h.process_id.in_(alive), h.amount > 0)
            .group_by(h.bucket)
        )
        return {row.bucket: int(row.amount) for row in rows}

    # ---- writing

    def _begin(self, connection: Connection, number: int, now_ns: int) -> bool:
        """Shows that the process lives; false if these changes are stored already."""
        c = gateway_processes.c
        flushed = connection.execute(select(c.flush).where(c.id == self.process_id)).scalar_one_or_none()
        values = {"seen_ns": now_ns, "flush": max(number, flushed or 0)}
        if flushed is None:
            connection.execute(gateway_processes.insert().values(id=self.process_id, **values))
        else:
            connection.execute(update(gateway_processes).where(c.id == self.process_id).values(**values))
        return number > (flushed or 0)

    def _write(
        self, connection: Connection, changes: Changes, version: int, now_ns: int, definitions: Definitions | None
    ) -> None:
        moved = {} if definitions is None else {b.id: (b.moved_from, b.window_from) for b in definitions.budgets}
        merged: dict[tuple[str, str, datetime], SpendDelta] = {}
        for delta in changes.spends:
            before, after = moved.get(delta.budget.id, (None, delta.starts_at))
            # Charged to a window that a change has meanwhile moved: it goes where that window's spend went.
            starts_at = after if before == delta.starts_at else delta.starts_at
            key = (delta.budget.id, delta.subject, starts_at)
            nano_usd = delta.nano_usd + (merged[key].nano_usd if key in merged else 0)
            merged[key] = delta._replace(starts_at=starts_at, nano_usd=nano_usd)
        spends = list(merged.values())
        if spends:
            add_spend(connection, spends, version)
            self._alerts.write(connection, spends)
        if changes.rates:
            add_rates(connection, changes.rates, version, now_ns)
        if changes.holds:
            set_hold(connection, self.process_id, changes.holds)
        if changes.usages:
            add_usage(connection, changes.usages, f"{self._clock.now():%Y-%m-%d}")

    def _remember_holds(self, changes: Changes) -> None:
        for bucket, amount in changes.holds:
            if amount:
                self._held.add(bucket)
            else:
                self._held.discard(bucket)

    def _clean(self, connection: Connection, now_ns: int) -> None:
        """Removes what nothing refers to any more."""
        self._cleaned_ns = now_ns
        dead = select(gateway_processes.c.id).where(gateway_processes.c.seen_ns < now_ns - CLEAN_NS)
        connection.execute(delete(gateway_holds).where(gateway_holds.c.process_id.in_(dead)))
        connection.execute(delete(gateway_processes).where(gateway_processes.c.seen_ns < now_ns - CLEAN_NS))
        connection.execute(delete(gateway_rates).where(gateway_rates.c.tat_ns < now_ns - CLEAN_NS))
        old = self._clock.now() - KEPT
        connection.execute(delete(gateway_spend).where(gateway_spend.c.ends_at < old))
        connection.execute(delete(gateway_key_usage).where(gateway_key_usage.c.day < f"{old:%Y-%m-%d}"))


def _changed_definitions(connection: Connection, version: int, known: int) -> Definitions | None:
    return None if version == known else load_definitions(connection)


def _spend_of(connection: Connection, states: Sequence[tuple[str, str]], now: datetime) -> list[Spent]:
    """The present windows of these budgets and subjects."""
    c = gateway_spend.c
    found: list[Spent] = []
    for budget_id, subject in states:
        rows = connection.execute(
            select(gateway_spend).where(
                c.budget_id == budget_id, c.subject == subject, c.starts_at <= now, c.ends_at > now.astimezone(UTC)
            )
        )
        found += [Spent(row.budget_id, row.subject, row.starts_at, row.spent_nano_usd) for row in rows]
    return found
