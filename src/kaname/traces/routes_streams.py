"""Routes that stream or tell about ingest: export, live view, notices."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from kaname.kernel.clock import Clock
from kaname.kernel.errors import InvalidInputError
from kaname.storage.columns import ColumnsClient
from kaname.traces import shape
from kaname.traces.answers import json_answer
from kaname.traces.criteria import SpanCriteria
from kaname.traces.live import LiveFeed
from kaname.traces.ports import BlobReader
from kaname.traces.queries.export import stream_spans
from kaname.traces.queries.notices import list_notices
from kaname.traces.routes_model import ExportFormat, IngestNoticeList
from kaname.traces.routes_parameters import PROJECT, Criteria, Cursor, Limit, LiveCriteria, Scope
from kaname.traces.settings import TracesSettings
from kaname.traces.whole_values import with_whole_values

_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/x-ndjson": {}, "application/vnd.apache.parquet": {}},
        "description": "One span a line, or a Parquet file.",
    }
}
_FULL = (
    "Put values of over a megabyte back whole (JSON lines only). Without it their beginning is exported, and input_blob"
    " or output_blob isn't empty, or a field holds a reference {kaname.blob, bytes, preview}."
)
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {}},
        "description": "Events `spans` (a list of SpanSummary without scores), `dropped` ({count}) and `ping`.",
    }
}


class _LiveResponse(StreamingResponse):
    """A viewer's stream; the viewer leaves however the response ends, even before it began."""

    def __init__(self, live: LiveFeed, project_id: str, criteria: SpanCriteria) -> None:
        self._live = live
        self._viewer = live.subscribe(project_id, criteria)
        headers = {"X-Accel-Buffering": "no"}
        super().__init__(live.stream(self._viewer), media_type="text/event-stream", headers=headers)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._live.leave(self._viewer)


def build_stream_routes(
    columns: ColumnsClient, blobs: BlobReader, live: LiveFeed, clock: Clock, settings: TracesSettings
) -> APIRouter:
    """The routes; every query is scoped by the project of the path."""
    router = APIRouter(tags=["spans"])

    @router.get(f"{PROJECT}/export/spans", operation_id="export_spans", response_class=Response, responses=_FILE)
    def export_spans(
        scope: Scope,
        criteria: Criteria,
        file_format: Annotated[ExportFormat, Query(alias="format")] = "jsonl",
        limit: Annotated[int | None, Query(ge=1, description="At most this many spans.")] = None,
        full: Annotated[bool, Query(description=_FULL)] = False,
    ) -> Response:
        """Every matching span with all its fields, in order of time, as a file."""
        if full and file_format == "parquet":
            raise InvalidInputError(
                "a Parquet file can't be exported with full=true",
                hint="Use format=jsonl.",
                param="full",
            )
        engine_format = "Parquet" if file_format == "parquet" else "JSONEachRow"
        most = min(limit or settings.export_max_spans, settings.export_max_spans)
        body = stream_spans(columns, scope.project_id, criteria, output_format=engine_format, limit=most)
        if full:
            body = with_whole_values(body, blobs)
        name = f"spans-{clock.now():%Y%m%dT%H%M%SZ}.{file_format}"
        media_type = "application/vnd.apache.parquet" if file_format == "parquet" else "application/x-ndjson"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(body, media_type=media_type, headers=headers)

    @router.get(f"{PROJECT}/live", operation_id="watch_spans", response_class=Response, responses=_EVENTS)
    async def watch_spans(scope: Scope, criteria: LiveCriteria) -> Response:
        """New spans that match as they arrive, as server-sent events. A score that comes later brings no span back."""
        return _LiveResponse(live, scope.project_id, criteria)

    @router.get(f"{PROJECT}/ingest/notices", operation_id="list_ingest_notices", response_model=IngestNoticeList)
    def get_notices(scope: Scope, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """What was refused or changed on arrival in the last 30 days, newest first."""
        rows, next_cursor = list_notices(columns, scope.project_id, limit=limit, cursor=cursor)
        items = [
            {
                "id": r["notice_id"],
                "time": shape.to_iso(r["time_ns"]),
                "kind": r["kind"],
                "count": r["count"],
                "message": r["message"],
                "details": shape.as_object(shape.parse_json(r["details"])),
            }
            for r in rows
        ]
        return json_answer({"items": items, "next_cursor": next_cursor})

    return router
