"""Limits behind the real guard, with a gateway process that hears of changes, on both SQL engines."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from fixtures_access import Browser, Site, access, clock, owner, scope_of, site
from kaname.access.http import RouteGuard, check_routes
from kaname.access.service import AccessService
from kaname.app.problem import install_problem_handlers
from kaname.app.route_table import ROUTES
from kaname.gateway.limits.budget_store import BudgetStore
from kaname.gateway.limits.model import Estimate, Subject
from kaname.gateway.limits.process import ProcessLimits, build_limits
from kaname.gateway.limits.routes import LimitsApi, build_router
from kaname.gateway.limits.store import LimitStore
from kaname.kernel.clock import ManualClock

__all__ = ["access", "clock", "owner", "scope_of", "site"]

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OURS = re.compile(r"}/gateway/(keys|usage|rules|budgets|alerts)")


@dataclass(slots=True)
class Desk:
    """The management routes as the owner, and one gateway process."""

    app: FastAPI
    owner: Browser
    process: ProcessLimits
    clock: ManualClock
    key_id: str

    @property
    def project(self) -> str:
        return f"/api/v1/projects/{self.owner.project_id}/gateway"

    @property
    def organization(self) -> str:
        return f"{self.owner.organization}/gateway"

    def call(self, method: str, path: str, person: Browser | None = None, **kwargs: Any) -> Any:
        person = person or self.owner
        headers = {
            "x-csrf-token": person.me["csrf_token"],
            "cookie": "; ".join(f"{k}={v}" for k, v in person.client.cookies.items()),
        }
        return TestClient(self.app).request(method, path, headers=headers, **kwargs)

    def subject(self, **changes: Any) -> Subject:
        made = Subject(self.key_id, self.owner.project_id, self.owner.organization_id, "alice", {}, "gpt-5")
        return made._replace(**changes)

    def spend(self, usd: float, estimate: float = 0.0, **changes: Any) -> None:
        """One call through the gateway process, and an exchange."""
        service = self.process.service
        reservation = service.reserve(self.subject(**changes), Estimate(1, 1, round(estimate * 1e9)))
        service.settle(reservation, tokens=2, cost_nano_usd=round(usd * 1e9), outcome="ok")
        self.process.flusher.flush()


@pytest.fixture
def desk(site: Site, owner: Browser, access: AccessService) -> Desk:
    routes = {key: rule for key, rule in ROUTES.items() if OURS.search(key[1])}
    clock = ManualClock(START)  # of its own: where time flies, sessions would end
    app = FastAPI(
        docs_url=None, redoc_url=None, openapi_url=None,
        dependencies=[Depends(RouteGuard(access.authenticator, routes))],
    )  # fmt: skip
    install_problem_handlers(app)
    process = build_limits(access.database, clock)
    app.include_router(
        build_router(
            LimitsApi(
                limits=LimitStore(access.database, access.audit, clock),
                budgets=BudgetStore(access.database, access.audit, clock),
                defaults=lambda: process.service.defaults.policy,
            )
        )
    )
    check_routes(app, routes)
    key = owner.client.post(owner.keys, json={"name": "k"}).json()
    return Desk(app=app, owner=owner, process=process, clock=clock, key_id=key["id"])
