"""Project prices in SQL: what people change, with an audit entry each, and what the worker polls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from kaname.access.audit import AuditLog
from kaname.access.model import ProjectScope
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.pricing.project_price import MatchKind, PriceDraft, PriceTier, ProjectPrice, check_draft, to_rate
from kaname.gateway.pricing.tables import price_changes, prices
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ConflictError, NotFoundError
from kaname.kernel.ids import new_id
from kaname.kernel.paging import DEFAULT_LIMIT, Page, decode_cursor, page_of
from kaname.storage.sql.database import Database

MAX_PRICES_PER_PROJECT = 1000


class _StoredTier(msgspec.Struct):
    above_input_tokens: int
    prices: dict[str, Decimal]


class _StoredRates(msgspec.Struct):
    prices: dict[str, Decimal]
    tiers: list[_StoredTier] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPrice:
    """A price of a project as it stands. `revision` counts its changes; spans record both."""

    id: str
    project_id: str
    draft: PriceDraft
    revision: int
    created_at: datetime
    updated_at: datetime


class PriceStore:
    """What people do with the prices of a project."""

    def __init__(self, database: Database, audit: AuditLog, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def list_prices(
        self, scope: ProjectScope, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[StoredPrice]:
        """The prices of the project, newest first, `limit` at a time."""
        query = _present.where(prices.c.project_id == scope.project_id)
        if cursor is not None:
            query = query.where(prices.c.id < decode_cursor(cursor, (str,))[0])
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(prices.c.id.desc()).limit(limit + 1)).all()
        return page_of(rows, limit, _to_stored, lambda row: (row.id,))

    def create(self, scope: ProjectScope, draft: PriceDraft) -> StoredPrice:
        """Adds a price; it counts for spans that arrive from now on."""
        check_draft(draft)
        now = self._clock.now()
        price_id = new_id("prc")
        with self._database.write() as connection:
            _next_version(connection)
            present = _present.where(prices.c.project_id == scope.project_id)
            if len(connection.execute(present).all()) >= MAX_PRICES_PER_PROJECT:
                raise ConflictError(
                    f"the project has {MAX_PRICES_PER_PROJECT} prices",
                    hint="Delete some.",
                    code="too_many_prices",
                    params={"limit": MAX_PRICES_PER_PROJECT},
                )
            row = {
                **_columns(draft), "id": price_id, "project_id": scope.project_id, "revision": 1, "created_at": now,
                "updated_at": now, "created_by": scope.principal.user_id or scope.principal.id, "deleted_at": None,
            }  # fmt: skip
            connection.execute(insert(prices).values(row))
            self._record(connection, scope, "price.create", price_id, _details(draft))
            return _to_stored(self._row(connection, scope, price_id))

    def update(self, scope: ProjectScope, price_id: str, change: Callable[[PriceDraft], PriceDraft]) -> StoredPrice:
        """Changes a price; spans that are stored keep their cost and say which revision it came from."""
        with self._database.write() as connection:
            _next_version(connection)
            before = _to_stored(self._row(connection, scope, price_id))
            draft = check_draft(change(before.draft))
            connection.execute(
                update(prices)
                .where(prices.c.id == price_id)
                .values(**_columns(draft), revision=before.revision + 1, updated_at=self._clock.now())
            )
            self._record(connection, scope, "price.update", price_id, _details(draft))
            return _to_stored(self._row(connection, scope, price_id))

    def delete(self, scope: ProjectScope, price_id: str) -> None:
        """Ends a price. Raises NotFoundError."""
        with self._database.write() as connection:
            _next_version(connection)
            before = _to_stored(self._row(connection, scope, price_id))
            connection.execute(update(prices).where(prices.c.id == price_id).values(deleted_at=self._clock.now()))
            self._record(connection, scope, "price.delete", price_id, _details(before.draft))

    def _row(self, connection: Connection, scope: ProjectScope, price_id: str) -> Row[Any]:
        query = _present.where(prices.c.project_id == scope.project_id, prices.c.id == price_id)
        row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError(
                f"price {price_id!r} doesn't exist in this project",
                hint="List the project's prices.",
                code="price_not_found",
                params={"id": price_id[:64]},
            )
        return row

    def _record(
        self, connection: Connection, scope: ProjectScope, action: str, price_id: str, details: Mapping[str, str]
    ) -> None:
        self._audit.record(
            connection,
            scope.principal,
            action,
            f"price/{price_id}",
            {"project_id": scope.project_id, **details},
            organization_id=scope.organization_id,
        )


class PriceRefresher:
    """Keeps a book's project prices as they are in the database. For one thread: the worker's loop."""

    def __init__(self, database: Database, book: PriceBook) -> None:
        self._database = database
        self._book = book
        self._version = -1

    def refresh(self) -> bool:
        """Reads one number and, only if it changed, all prices. True if the book changed."""
        with self._database.read() as connection:
            version = connection.execute(select(price_changes.c.version)).scalar_one()
            if version == self._version:
                return False
            stored = [_to_stored(row) for row in connection.execute(_present)]
        self._book.replace_project_prices([to_project_price(price) for price in stored])
        self._version = version
        return True


def to_project_price(stored: StoredPrice) -> ProjectPrice:
    """The form that the book matches."""
    draft = stored.draft
    return ProjectPrice(
        id=stored.id,
        project_id=stored.project_id,
        provider=draft.provider,
        match=draft.match,
        pattern=draft.pattern,
        priority=draft.priority,
        rate=to_rate(draft, f"project:{stored.id}@{stored.revision}"),
    )


_present = select(prices).where(prices.c.deleted_at.is_(None))


def _next_version(connection: Connection) -> None:
    connection.execute(update(price_changes).values(version=price_changes.c.version + 1))


def _columns(draft: PriceDraft) -> dict[str, object]:
    tiers = [_StoredTier(tier.above_input_tokens, dict(tier.prices)) for tier in draft.tiers]
    return {
        "provider": draft.provider,
        "match": draft.match,
        "pattern": draft.pattern,
        "priority": draft.priority,
        "valid_from": draft.valid_from,
        "rates": msgspec.json.encode(_StoredRates(dict(draft.prices), tiers)).decode(),
    }


def _details(draft: PriceDraft) -> dict[str, str]:
    columns = _columns(draft)
    return {key: str(columns[key]) for key in ("provider", "match", "pattern", "valid_from", "rates")}


def _to_stored(row: Row[Any]) -> StoredPrice:
    rates = msgspec.json.decode(row.rates, type=_StoredRates)
    match: MatchKind = row.match
    return StoredPrice(
        id=row.id,
        project_id=row.project_id,
        draft=PriceDraft(
            match=match,
            pattern=row.pattern,
            provider=row.provider,
            priority=row.priority,
            valid_from=row.valid_from,
            prices=rates.prices,
            tiers=[PriceTier(above_input_tokens=t.above_input_tokens, prices=t.prices) for t in rates.tiers],
        ),
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
