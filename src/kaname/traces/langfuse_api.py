"""The part of Langfuse's public API that its SDKs need to send traces and scores here: health, projects, scores.

Traces themselves go to `/api/public/otel` (the OTLP receiver). Wire format and quirks follow Langfuse 4: camelCase,
errors `{message, error}`, one score answers 200 `{id}`, a list of scores (SDK 5) answers 202, or 207 if some are wrong,
and is never retried by its sender. Deliberately not here: reads, prompts, datasets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, cast

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from kaname.access.http import project_scope
from kaname.access.model import ProjectScope
from kaname.access.service import AccessService
from kaname.kernel.clock import Clock, to_ns
from kaname.kernel.errors import InvalidInputError, KanameError, TooLargeError
from kaname.traces.answers import json_answer
from kaname.traces.coerce import flat_metadata
from kaname.traces.criteria import MAX_NS, MIN_NS
from kaname.traces.dialects.context import environment_name
from kaname.traces.dialects.langfuse_ids import to_span_id, to_trace_id
from kaname.traces.langfuse_errors import langfuse_error
from kaname.traces.model import AttributeValue, ScoreDataType, ScoreRow
from kaname.traces.ports import ScoreAuthority, ScoreWriter
from kaname.traces.routes_model_scores import ScoreIn, ScoreTargetIn
from kaname.traces.score_authors import not_the_author
from kaname.traces.scores import make_score

Scope = Annotated[ProjectScope, Depends(project_scope)]
MAX_BODY_BYTES = 4_500_000
MAX_BATCH = 5_000
_MAX_ERRORS = 100
_TYPES: dict[str, ScoreDataType] = {
    "NUMERIC": "numeric", "CATEGORICAL": "categorical", "BOOLEAN": "boolean", "TEXT": "text",
    "CORRECTION": "correction",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LangfuseApi:
    """What the routes need."""

    access: AccessService
    scores: ScoreWriter
    authors: ScoreAuthority
    clock: Clock
    version: str


def build_router(api: LangfuseApi) -> APIRouter:
    """The routes under `/api/public`."""
    router = APIRouter(tags=["langfuse"])

    @router.get("/api/public/health", operation_id="get_langfuse_health")
    def get_langfuse_health() -> dict[str, str]:
        """Liveness in Langfuse's words."""
        return {"status": "OK", "version": api.version}

    @router.get("/api/public/projects", operation_id="list_langfuse_projects")
    def list_langfuse_projects(scope: Scope) -> dict[str, Any]:
        """The project of the API key: the SDK's check of its credentials."""
        found = [
            {
                "id": inside.project.id,
                "name": inside.project.name,
                "organization": {"id": place.organization.id, "name": place.organization.name},
                "metadata": {},
            }
            for place in api.access.accounts.places_of(scope.principal)
            for inside in place.projects
            if inside.project.id == scope.project_id
        ]
        return {"data": found}

    @router.post("/api/public/scores", operation_id="create_langfuse_scores")
    async def create_langfuse_scores(scope: Scope, request: Request) -> Response:
        """One score (an object) or many (a list)."""
        try:
            body = await _read_body(request)
            if isinstance(body, list):
                return await _write_many(api, scope, body)
            row = _to_row(api, scope, body)
            if not await api.authors.admit(scope, [row]):
                raise not_the_author(row.score_id)
        except KanameError as e:
            return _failure(e)
        await api.scores.write([row])
        return json_answer({"id": row.score_id})

    return router


async def _read_body(request: Request) -> AttributeValue:
    received = bytearray()
    async for piece in request.stream():
        received += piece
        if len(received) > MAX_BODY_BYTES:
            raise TooLargeError(f"the body is over {MAX_BODY_BYTES} bytes", hint="Send fewer scores at once.")
    try:
        return cast("AttributeValue", orjson.loads(bytes(received)))
    except ValueError as e:
        raise InvalidInputError(f"the body isn't JSON: {e}", hint="Send one score or a list of scores.") from e


async def _write_many(api: LangfuseApi, scope: ProjectScope, items: Sequence[AttributeValue]) -> Response:
    if len(items) > MAX_BATCH:
        raise TooLargeError(f"{len(items)} scores in one request", hint=f"At most {MAX_BATCH}.")
    made, errors = await run_in_threadpool(_to_rows, api, scope, items)
    rows = await api.authors.admit(scope, made)
    admitted = {row.score_id for row in rows}
    errors += [{"message": not_the_author(r.score_id).message} for r in made if r.score_id not in admitted]
    await api.scores.write(rows)
    if not errors:
        return json_answer({"message": "Accepted"}, status=202)
    return json_answer({"accepted": len(rows), "rejected": len(errors), "errors": errors[:_MAX_ERRORS]}, status=207)


def _to_rows(
    api: LangfuseApi, scope: ProjectScope, items: Sequence[AttributeValue]
) -> tuple[list[ScoreRow], list[dict[str, str]]]:
    rows: list[ScoreRow] = []
    errors: list[dict[str, str]] = []
    for index, item in enumerate(items):
        try:
            rows.append(_to_row(api, scope, item))
        except InvalidInputError as e:
            errors.append({"message": f"score {index}: {e.message}"})
    return rows, errors


def _to_row(api: LangfuseApi, scope: ProjectScope, item: AttributeValue) -> ScoreRow:
    """The row of one Langfuse score; raises InvalidInputError."""
    if not isinstance(item, dict):
        raise InvalidInputError(f"a score is an object, not {type(item).__name__}", hint="Send {name, value, traceId}.")
    get = item.get
    try:
        body = ScoreIn.model_validate(
            {
                "id": get("id"),
                "name": get("name"),
                **_said(get("value"), get("dataType")),
                "target": _target(item),
                "explanation": get("comment") or "",
                "environment": environment_name(str(get("environment") or "default")),
                "metadata": flat_metadata(get("metadata")),
            }
        )
    except ValidationError as e:
        first = e.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInputError(f"{place}: {first['msg']}", hint="See Langfuse's POST /scores.", param=place) from e
    row = make_score(scope.project_id, scope.principal, body, api.clock.now_ns())
    if (created_ns := _time_ns(get("timestamp"))) is not None:
        row.created_ns = created_ns
    return row


def _said(value: AttributeValue, data_type: AttributeValue) -> dict[str, AttributeValue]:
    """`value` in our fields. Langfuse sends booleans as 0 and 1, and labels and texts as `value`."""
    kind = _TYPES.get(data_type) if isinstance(data_type, str) else None
    if data_type is not None and kind is None:
        raise InvalidInputError(
            f"dataType {data_type!r} doesn't exist", hint=f"Known: {', '.join(_TYPES)}.", param="dataType"
        )
    if kind is None:
        kind = "boolean" if isinstance(value, bool) else "categorical" if isinstance(value, str) else "numeric"
    match kind:
        case "categorical":
            return {"data_type": kind, "label": value}
        case "text" | "correction":
            return {"data_type": kind, "text": value}
        case "boolean":
            return {"data_type": kind, "value": bool(value) if value in (0, 1) else value}
        case _:
            return {"data_type": kind, "value": value}


def _target(item: dict[str, AttributeValue]) -> ScoreTargetIn:
    trace_id, span_id, session_id = (item.get(key) for key in ("traceId", "observationId", "sessionId"))
    if isinstance(trace_id, str) and trace_id:
        return ScoreTargetIn(
            trace_id=to_trace_id(trace_id),
            span_id=to_span_id(span_id) if isinstance(span_id, str) and span_id else "",
            session_id="",
        )
    if isinstance(session_id, str) and session_id:
        return ScoreTargetIn(session_id=session_id, trace_id="", span_id="")
    raise InvalidInputError("a score needs traceId or sessionId", hint="Name what it is about.", param="traceId")


def _time_ns(value: AttributeValue) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError as e:
        raise InvalidInputError(f"timestamp {value[:80]!r} isn't a time", hint="ISO 8601.", param="timestamp") from e
    if at.tzinfo is None:
        raise InvalidInputError(f"timestamp {value!r} has no zone", hint="Add `Z` or an offset.", param="timestamp")
    ns = to_ns(at)
    if not MIN_NS <= ns <= MAX_NS:  # the store's times would wrap around
        raise InvalidInputError(f"timestamp {value!r} is out of range", hint="Send when it was.", param="timestamp")
    return ns


def _failure(error: KanameError) -> Response:
    return json_answer(langfuse_error(error.status, error.message), status=error.status)
