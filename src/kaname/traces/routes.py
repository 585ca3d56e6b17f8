"""The Traces API, put together. Paths are complete; who may do what is in `app/route_table.py`."""

from dataclasses import dataclass

from fastapi import APIRouter

from kaname.kernel.clock import Clock
from kaname.storage.columns import ColumnsClient
from kaname.traces.demo.routes import build_demo_routes
from kaname.traces.demo.service import DemoLoader
from kaname.traces.live import LiveFeed
from kaname.traces.ports import BlobReader, ScoreAudit, ScoreAuthority, ScoreWriter
from kaname.traces.routes_scores import build_score_routes
from kaname.traces.routes_spans import build_span_routes
from kaname.traces.routes_streams import build_stream_routes
from kaname.traces.routes_traces import build_trace_routes
from kaname.traces.settings import TracesSettings
from kaname.traces.views.routes import build_view_routes
from kaname.traces.views.service import ViewStore


@dataclass(frozen=True, slots=True, kw_only=True)
class TracesApi:
    """What the routes need. Whoever stops the server closes `live` first, or open streams hold it up."""

    columns: ColumnsClient
    scores: ScoreWriter
    authors: ScoreAuthority
    blobs: BlobReader
    audit: ScoreAudit
    live: LiveFeed
    views: ViewStore
    demo: DemoLoader
    clock: Clock
    settings: TracesSettings


def build_router(api: TracesApi) -> APIRouter:
    """All routes under `/api/v1/projects/{project_id}` that read traces or write scores."""
    router = APIRouter()
    router.include_router(build_span_routes(api.columns, api.clock))
    router.include_router(build_trace_routes(api.columns, api.blobs, api.clock))
    router.include_router(build_score_routes(api.columns, api.scores, api.authors, api.audit, api.clock))
    router.include_router(build_stream_routes(api.columns, api.blobs, api.live, api.clock, api.settings))
    router.include_router(build_view_routes(api.views))
    router.include_router(build_demo_routes(api.demo))
    return router
