"""Prices and the Langfuse API behind the real guard, on both SQL engines."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from fixtures_access import Browser, Site, access, clock, owner, scope_of, site
from kaname.access.http import RouteGuard, check_routes
from kaname.access.model import ProjectScope
from kaname.access.service import AccessService
from kaname.app.problem import install_problem_handlers
from kaname.app.route_table import ROUTES
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.pricing.routes import build_router as build_prices_router
from kaname.gateway.pricing.snapshot import Snapshot, load_snapshot
from kaname.gateway.pricing.store import PriceRefresher, PriceStore
from kaname.kernel.clock import ManualClock
from kaname.traces.langfuse_api import LangfuseApi
from kaname.traces.langfuse_api import build_router as build_langfuse_router
from kaname.traces.model import ScoreRow

__all__ = ["access", "clock", "owner", "scope_of", "site"]

PREFIXES = ("/api/v1/projects/{project_id}/prices", "/api/v1/prices/", "/api/public/")


@dataclass(slots=True)
class WrittenScores:
    """Implements `traces.ports.ScoreWriter`, what would be journalled, and `ScoreAuthority` over the same rows."""

    rows: list[ScoreRow] = field(default_factory=list)

    async def admit(self, scope: ProjectScope, rows: Sequence[ScoreRow]) -> Sequence[ScoreRow]:
        authors = {r.score_id: r.author_id for r in self.rows}
        return [r for r in rows if authors.get(r.score_id, r.author_id) == r.author_id]

    async def write(self, rows: Sequence[ScoreRow]) -> None:
        self.rows.extend(rows)


@dataclass(slots=True)
class Shop:
    """The routes under test, called as the owner (session) or with an API key."""

    owner: Browser
    client: TestClient
    scores: WrittenScores
    book: PriceBook
    refresher: PriceRefresher
    key: dict[str, str]

    @property
    def prices(self) -> str:
        return f"/api/v1/projects/{self.owner.project_id}/prices"

    def as_owner(self, method: str, path: str, **kwargs: object):
        cookies = dict(self.owner.client.cookies)
        headers = {
            "x-csrf-token": self.owner.me["csrf_token"],
            "cookie": "; ".join(f"{k}={v}" for k, v in cookies.items()),
        }
        return self.client.request(method, path, headers=headers, **kwargs)

    def with_key(self, method: str, path: str, **kwargs: object):
        pair = (self.key["public_key"], self.key["secret_key"])
        return self.client.request(method, path, auth=pair, **kwargs)


@pytest.fixture(scope="session")
def snapshot() -> Snapshot:
    return load_snapshot()


@pytest.fixture
def shop(site: Site, owner: Browser, access: AccessService, clock: ManualClock, snapshot: Snapshot) -> Shop:
    routes = {key: rule for key, rule in ROUTES.items() if key[1].startswith(PREFIXES)}
    guard = RouteGuard(access.authenticator, routes)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(guard)])
    install_problem_handlers(app)
    scores = WrittenScores()
    app.include_router(build_prices_router(PriceStore(access.database, access.audit, clock), snapshot))
    app.include_router(
        build_langfuse_router(LangfuseApi(access=access, scores=scores, authors=scores, clock=clock, version="0"))
    )
    check_routes(app, routes)
    book = PriceBook(snapshot)
    key = owner.client.post(owner.keys, json={"name": "k"}).json()
    return Shop(
        owner=owner,
        client=TestClient(app),
        scores=scores,
        book=book,
        refresher=PriceRefresher(access.database, book),
        key=key,
    )
