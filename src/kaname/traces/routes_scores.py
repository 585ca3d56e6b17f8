"""Routes over scores: list, add, delete, sum up."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from kaname.kernel.clock import Clock
from kaname.storage.columns import ColumnsClient
from kaname.traces import shape
from kaname.traces.answers import json_answer
from kaname.traces.criteria import parse_time
from kaname.traces.model import ScoreDataType, ScoreRow, ScoreSource, ScoreTarget
from kaname.traces.ports import ScoreAudit, ScoreAuthority, ScoreWriter
from kaname.traces.queries.scores import ScoreCriteria, list_scores
from kaname.traces.queries.trace import require_span_id, require_trace_id
from kaname.traces.routes_model_scores import Score, ScoreIn, ScoreList, ScoreSummaryList
from kaname.traces.routes_parameters import PROJECT, Cursor, From, Limit, Scope, To
from kaname.traces.score_authors import not_the_author
from kaname.traces.scores import delete_score, make_score, summarise_scores
from kaname.traces.shape import JsonObject


def read_score_criteria(
    from_: From = None,
    to: To = None,
    name: Annotated[str | None, Query(max_length=200)] = None,
    source: ScoreSource | None = None,
    data_type: ScoreDataType | None = None,
    target: ScoreTarget | None = None,
    trace_id: str | None = None,
    span_id: str | None = None,
    session_id: Annotated[str | None, Query(max_length=1000)] = None,
    author_id: Annotated[str | None, Query(max_length=200)] = None,
) -> ScoreCriteria:
    """Dependency: which scores; the time is when they were given."""
    return ScoreCriteria(
        from_ns=parse_time(from_, "from"),
        to_ns=parse_time(to, "to"),
        name=name,
        source=source,
        data_type=data_type,
        target=target,
        trace_id=require_trace_id(trace_id) if trace_id else None,
        span_id=require_span_id(span_id) if span_id else None,
        session_id=session_id,
        author_id=author_id,
    )


Criteria = Annotated[ScoreCriteria, Depends(read_score_criteria)]


def build_score_routes(
    columns: ColumnsClient, writer: ScoreWriter, authors: ScoreAuthority, audit: ScoreAudit, clock: Clock
) -> APIRouter:
    """The routes; every query is scoped by the project of the path."""
    router = APIRouter(tags=["scores"])

    @router.get(f"{PROJECT}/scores", operation_id="list_scores", response_model=ScoreList)
    def get_scores(scope: Scope, criteria: Criteria, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """Scores, newest first."""
        page = list_scores(columns, scope.project_id, criteria, limit=limit, cursor=cursor)
        return json_answer({"items": [shape.score(r) for r in page.rows], "next_cursor": page.next_cursor})

    @router.post(f"{PROJECT}/scores", operation_id="create_score", response_model=Score, status_code=201)
    async def post_score(scope: Scope, body: ScoreIn) -> Response:
        """Adds a score, feedback or a correction; durable when answered, visible within a second.

        An `id` that exists replaces that score: its author's own, or anybody's with permission `scores:delete`.
        """
        row = make_score(scope.project_id, scope.principal, body, clock.now_ns())
        if body.id and not await authors.admit(scope, [row]):
            raise not_the_author(row.score_id)
        await writer.write([row])
        return json_answer(_written(row), status=201)

    @router.get(f"{PROJECT}/scores/summary", operation_id="summarise_scores", response_model=ScoreSummaryList)
    def get_summary(scope: Scope, criteria: Criteria) -> Response:
        """Each name with n, mean, 95 % interval and distribution."""
        return json_answer(summarise_scores(columns, scope.project_id, criteria))

    @router.delete(f"{PROJECT}/scores/{{score_id}}", operation_id="delete_score", status_code=204)
    async def remove_score(scope: Scope, score_id: Annotated[str, Path(max_length=200)]) -> Response:
        """Deletes a score; recorded in the audit log."""
        await delete_score(columns, writer, audit, clock, scope, score_id)
        return Response(status_code=204)

    return router


def _written(row: ScoreRow) -> JsonObject:
    """The answer to a new score, before the store has it."""
    return shape.score({f: getattr(row, f) for f in row.__struct_fields__})
