"""Routes of prices: a project's own, and the public snapshot that ships with this version."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from kaname.access.http import project_scope
from kaname.access.model import ProjectScope
from kaname.gateway.pricing.project_price import MatchKind, PriceDraft, PriceTier, parse_amount
from kaname.gateway.pricing.rates import PRICE_BUCKETS
from kaname.gateway.pricing.snapshot import PricedModel, Snapshot
from kaname.gateway.pricing.store import PriceStore, StoredPrice
from kaname.kernel.clock import from_ns
from kaname.kernel.paging import DEFAULT_LIMIT, MAX_CURSOR_LENGTH, MAX_LIMIT, decode_cursor, encode_cursor

Scope = Annotated[ProjectScope, Depends(project_scope)]
Amounts = Annotated[
    dict[str, str], Field(description=f"US dollars per million tokens by usage bucket: {', '.join(PRICE_BUCKETS)}.")
]
_PRICES = "/api/v1/projects/{project_id}/prices"


class TierBody(BaseModel):
    """Prices of calls with more input tokens than `above_input_tokens`; they hold for all tokens of the call."""

    model_config = ConfigDict(extra="forbid")

    above_input_tokens: int
    prices: Amounts


class CreatePriceRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    match: MatchKind = "exact"
    pattern: str
    provider: Annotated[str, Field(max_length=100)] = ""
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    valid_from: AwareDatetime | None = None
    prices: Amounts
    tiers: list[TierBody] = []


class UpdatePriceRequest(BaseModel):
    """What is left out stays as it is; `valid_from: null` means always."""

    model_config = ConfigDict(extra="forbid")

    match: MatchKind | None = None
    pattern: str | None = None
    provider: Annotated[str, Field(max_length=100)] | None = None
    priority: Annotated[int, Field(ge=-1000, le=1000)] | None = None
    valid_from: AwareDatetime | None = None
    prices: Amounts | None = None
    tiers: list[TierBody] | None = None


class PriceView(BaseModel):
    id: str
    match: MatchKind
    pattern: str
    provider: str
    priority: int
    valid_from: datetime | None
    prices: Amounts
    tiers: list[TierBody]
    revision: int
    created_at: datetime
    updated_at: datetime


class PriceList(BaseModel):
    items: list[PriceView]
    next_cursor: str | None = None


class SnapshotPrice(BaseModel):
    provider: str
    model: str
    price_id: str
    valid_from: datetime | None
    prices: Amounts
    tiers: list[TierBody]
    context_window: int | None


class SnapshotView(BaseModel):
    date: str
    source: str
    items: list[SnapshotPrice]
    next_cursor: str | None = None


def build_router(store: PriceStore, snapshot: Snapshot) -> APIRouter:
    """Project prices and the snapshot."""
    router = APIRouter(tags=["prices"])

    @router.get(_PRICES, operation_id="list_prices")
    def list_prices(
        scope: Scope,
        cursor: Annotated[str | None, Query(max_length=MAX_CURSOR_LENGTH)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    ) -> PriceList:
        page = store.list_prices(scope, cursor=cursor, limit=limit)
        return PriceList(items=[_view(price) for price in page.items], next_cursor=page.next_cursor)

    @router.post(_PRICES, operation_id="create_price", status_code=201)
    def create_price(body: CreatePriceRequest, scope: Scope) -> PriceView:
        draft = PriceDraft(
            match=body.match,
            pattern=body.pattern,
            provider=body.provider,
            priority=body.priority,
            valid_from=body.valid_from,
            prices=_amounts(body.prices, "prices"),
            tiers=_tiers(body.tiers),
        )
        return _view(store.create(scope, draft))

    @router.patch(_PRICES + "/{price_id}", operation_id="update_price")
    def update_price(price_id: str, body: UpdatePriceRequest, scope: Scope) -> PriceView:
        changes: dict[str, Any] = body.model_dump(exclude_unset=True)
        if body.prices is not None:
            changes["prices"] = _amounts(body.prices, "prices")
        if body.tiers is not None:
            changes["tiers"] = _tiers(body.tiers)
        kept = {k: v for k, v in changes.items() if v is not None or k == "valid_from"}
        return _view(store.update(scope, price_id, lambda draft: replace(draft, **kept)))

    @router.delete(_PRICES + "/{price_id}", operation_id="delete_price", status_code=204)
    def delete_price(price_id: str, scope: Scope) -> None:
        store.delete(scope, price_id)

    @router.get("/api/v1/prices/snapshot", operation_id="get_price_snapshot")
    def get_price_snapshot(
        q: Annotated[str, Query(max_length=100, description="Part of a provider's or model's name.")] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: str | None = None,
    ) -> SnapshotView:
        needle = q.lower()
        found = [m for m in snapshot.models() if needle in m.id.lower() or needle in m.provider]
        start = int(decode_cursor(cursor, [int])[0]) if cursor else 0
        window = found[max(start, 0) : max(start, 0) + limit]
        more = start + limit < len(found)
        return SnapshotView(
            date=snapshot.date,
            source=snapshot.source,
            items=[_snapshot_price(model) for model in window],
            next_cursor=encode_cursor([start + limit]) if more else None,
        )

    return router


def _amounts(texts: dict[str, str], param: str) -> dict[str, Decimal]:
    return {bucket: parse_amount(text, param) for bucket, text in texts.items()}


def _tiers(bodies: list[TierBody]) -> list[PriceTier]:
    return [
        PriceTier(above_input_tokens=body.above_input_tokens, prices=_amounts(body.prices, "tiers")) for body in bodies
    ]


def _view(stored: StoredPrice) -> PriceView:
    draft = stored.draft
    return PriceView(
        id=stored.id,
        match=draft.match,
        pattern=draft.pattern,
        provider=draft.provider,
        priority=draft.priority,
        valid_from=draft.valid_from,
        prices={bucket: str(price) for bucket, price in draft.prices.items()},
        tiers=[
            TierBody(above_input_tokens=t.above_input_tokens, prices={b: str(p) for b, p in t.prices.items()})
            for t in draft.tiers
        ],
        revision=stored.revision,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )


def _snapshot_price(model: PricedModel) -> SnapshotPrice:
    """The newest price; earlier intervals are in effect for older spans only."""
    rate = model.rates[0]
    return SnapshotPrice(
        provider=model.provider,
        model=model.id,
        price_id=rate.price_id,
        valid_from=from_ns(rate.from_ns) if rate.from_ns else None,
        prices=_shown(rate.table),
        tiers=[TierBody(above_input_tokens=above, prices=_shown(table)) for above, table in reversed(rate.tiers)],
        context_window=model.context_window,
    )


def _shown(table: Mapping[str, int]) -> dict[str, str]:
    return {bucket: format((Decimal(pico) / 1_000_000).normalize(), "f") for bucket, pico in table.items()}
