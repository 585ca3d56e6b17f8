"""The management API as one FastAPI app: all routers, one gate, one error shape. Its OpenAPI is the UI's contract."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import JSONResponse

import kaname
from kaname.access.http import RouteGuard, check_routes
from kaname.access.routes import build_router as build_access_router
from kaname.access.service import AccessService
from kaname.app.openapi import declare_errors, declare_path_parameters
from kaname.app.problem import install_problem_handlers
from kaname.app.route_table import ROUTES
from kaname.app.system import SystemStatus, build_system_router
from kaname.gateway.limits.routes import LimitsApi
from kaname.gateway.limits.routes import build_router as build_limits_router
from kaname.gateway.pricing.routes import build_router as build_prices_router
from kaname.gateway.pricing.snapshot import load_snapshot
from kaname.gateway.pricing.store import PriceStore
from kaname.serving.routes import build_router as build_models_router
from kaname.serving.service import LocalModelService
from kaname.traces.langfuse_api import LangfuseApi
from kaname.traces.langfuse_api import build_router as build_langfuse_router
from kaname.traces.routes import TracesApi
from kaname.traces.routes import build_router as build_traces_router

DESCRIPTION = (
    "Management and query API of Kaname. Ingest (/v1/traces) and gateway (/v1/chat/completions) speak their own wire "
    "formats."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts:
    """The slices' services that routes are built on."""

    access: AccessService
    traces: TracesApi
    prices: PriceStore
    limits: LimitsApi
    gateway: APIRouter
    """Routes of the gateway's configuration, secrets and state."""
    models: LocalModelService
    status: SystemStatus


def build_api(parts: ApiParts) -> FastAPI:
    """Builds the app and checks that every route has a rule."""
    app = FastAPI(
        title="Kaname",
        version=kaname.__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(RouteGuard(parts.access.authenticator, ROUTES))],
    )
    install_problem_handlers(app)
    app.include_router(build_access_router(parts.access, kaname.__version__))
    app.include_router(build_traces_router(parts.traces))
    app.include_router(
        build_langfuse_router(
            LangfuseApi(
                access=parts.access,
                scores=parts.traces.scores,
                authors=parts.traces.authors,
                clock=parts.traces.clock,
                version=kaname.__version__,
            )
        )
    )
    app.include_router(build_prices_router(parts.prices, load_snapshot()))
    app.include_router(build_limits_router(parts.limits))
    app.include_router(parts.gateway)
    app.include_router(build_models_router(parts.models))
    app.include_router(build_system_router(parts.status))
    _serve_schema(app)
    check_routes(app, ROUTES)
    return app


def _serve_schema(app: FastAPI) -> None:
    """`/api/openapi.json`, computed once on first use."""

    @app.get("/api/openapi.json", include_in_schema=False, operation_id="get_openapi")
    def get_openapi() -> JSONResponse:
        schema: dict[str, Any] = declare_errors(declare_path_parameters(app.openapi()))
        return JSONResponse(schema)

    _ = get_openapi
