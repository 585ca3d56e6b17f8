"""Routes over traces, sessions and end users, and the payloads of one span."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from kaname.kernel.clock import Clock
from kaname.storage.columns import ColumnsClient
from kaname.traces import sessions
from kaname.traces.answers import json_answer
from kaname.traces.payloads import read_blob, read_payload
from kaname.traces.ports import BlobReader
from kaname.traces.queries.trace import require_span_id, require_trace_id
from kaname.traces.routes_model import (
    EndUser,
    EndUserList,
    PayloadField,
    SessionDetail,
    SessionList,
    SpanDetail,
    TraceList,
    TraceSkeleton,
    Transcript,
)
from kaname.traces.routes_parameters import PROJECT, Criteria, Cursor, Limit, Scope, SpanId, TimeHint, TraceId
from kaname.traces.skeleton import build_skeleton
from kaname.traces.span_detail import build_span_detail

_TRACE = f"{PROJECT}/traces/{{trace_id}}"
_SPAN = f"{_TRACE}/spans/{{span_id}}"
_DOWNLOAD: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The whole value."}
}
SessionId = Annotated[str, Path(max_length=1000)]
UserId = Annotated[str, Path(max_length=1000)]


def build_trace_routes(columns: ColumnsClient, blobs: BlobReader, clock: Clock) -> APIRouter:
    """The routes; every query is scoped by the project of the path."""
    router = APIRouter(tags=["traces"])

    @router.get(f"{PROJECT}/traces", operation_id="list_traces", response_model=TraceList)
    def get_traces(scope: Scope, criteria: Criteria, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """Traces with at least one matching span, by their newest matching span."""
        now_ns = clock.now_ns()
        found = sessions.list_traces(columns, scope.project_id, criteria, limit=limit, cursor=cursor, now_ns=now_ns)
        return json_answer(found)

    @router.get(_TRACE, operation_id="read_trace", response_model=TraceSkeleton)
    def get_trace(scope: Scope, trace_id: TraceId, at_ns: TimeHint) -> Response:
        """The whole tree without payloads, in columns; up to 100,000 spans."""
        return json_answer(build_skeleton(columns, scope.project_id, require_trace_id(trace_id), at_ns))

    @router.get(f"{_TRACE}/transcript", operation_id="read_transcript", response_model=Transcript)
    def get_transcript(
        scope: Scope,
        trace_id: TraceId,
        at_ns: TimeHint,
        history: Annotated[bool, Query(description="Also the messages that earlier turns already showed.")] = False,
    ) -> Response:
        """The conversation: every message once, although each generation repeats its history."""
        trace = require_trace_id(trace_id)
        return json_answer(sessions.read_transcript(columns, scope.project_id, trace, at_ns, with_history=history))

    @router.get(_SPAN, operation_id="read_span", response_model=SpanDetail)
    def get_span(scope: Scope, trace_id: TraceId, span_id: SpanId, at_ns: TimeHint) -> Response:
        """Everything about one span; long fields are cut and can be downloaded."""
        trace, span = require_trace_id(trace_id), require_span_id(span_id)
        return json_answer(build_span_detail(columns, scope.project_id, trace, span, at_ns))

    @router.get(
        f"{_SPAN}/payload/{{field}}", operation_id="download_payload", response_class=Response, responses=_DOWNLOAD
    )
    def get_payload(scope: Scope, trace_id: TraceId, span_id: SpanId, field: PayloadField) -> Response:
        """One field of a span, whole, as a file."""
        trace, span = require_trace_id(trace_id), require_span_id(span_id)
        return read_payload(columns, blobs, scope.project_id, trace, span, field)

    @router.get(f"{_SPAN}/blobs/{{digest}}", operation_id="download_blob", response_class=Response, responses=_DOWNLOAD)
    def get_blob(
        scope: Scope,
        trace_id: TraceId,
        span_id: SpanId,
        digest: Annotated[str, Path(pattern="^[0-9a-zA-Z_:-]{16,128}$")],
    ) -> Response:
        """A media file or a wide value that this span refers to."""
        trace, span = require_trace_id(trace_id), require_span_id(span_id)
        return read_blob(columns, blobs, scope.project_id, trace, span, digest)

    _add_groups(router, columns, clock)
    return router


def _add_groups(router: APIRouter, columns: ColumnsClient, clock: Clock) -> None:
    @router.get(f"{PROJECT}/sessions", operation_id="list_sessions", response_model=SessionList)
    def get_sessions(scope: Scope, criteria: Criteria, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """Sessions with at least one matching span, by their newest matching span."""
        now_ns = clock.now_ns()
        found = sessions.list_sessions(columns, scope.project_id, criteria, limit=limit, cursor=cursor, now_ns=now_ns)
        return json_answer(found)

    @router.get(f"{PROJECT}/sessions/{{session_id:path}}", operation_id="read_session", response_model=SessionDetail)
    def get_session(scope: Scope, session_id: SessionId) -> Response:
        """A session's traces and its conversation."""
        return json_answer(sessions.read_session(columns, scope.project_id, session_id))

    @router.get(f"{PROJECT}/users", operation_id="list_end_users", response_model=EndUserList)
    def get_users(scope: Scope, criteria: Criteria, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """End users of the traced application with at least one matching span, the last seen first."""
        now_ns = clock.now_ns()
        found = sessions.list_end_users(columns, scope.project_id, criteria, limit=limit, cursor=cursor, now_ns=now_ns)
        return json_answer(found)

    @router.get(f"{PROJECT}/users/{{user_id:path}}", operation_id="read_end_user", response_model=EndUser)
    def get_user(scope: Scope, user_id: UserId) -> Response:
        """One end user over all time."""
        return json_answer(sessions.read_end_user(columns, scope.project_id, user_id))
