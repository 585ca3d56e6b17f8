"""The route that loads the demo data."""

from fastapi import APIRouter
from pydantic import BaseModel

from kaname.traces.demo.service import DemoLoader
from kaname.traces.routes_parameters import PROJECT, Scope


class DemoData(BaseModel):
    """What was written. `is_first` is false when the project had it already; then nothing was added."""

    span_count: int
    score_count: int
    is_first: bool


def build_demo_routes(demo: DemoLoader) -> APIRouter:
    """The route; it writes into the project of the path."""
    router = APIRouter(tags=["spans"])

    @router.post(f"{PROJECT}/demo-data", operation_id="load_demo_data", status_code=201)
    async def post_demo_data(scope: Scope) -> DemoData:
        """Loads a recorded run of the example assistant, environment `demo`; durable when answered."""
        loaded = await demo.load(scope)
        return DemoData(span_count=loaded.span_count, score_count=loaded.score_count, is_first=loaded.is_first)

    _ = post_demo_data
    return router
