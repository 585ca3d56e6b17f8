"""Scores: checking and writing them, deleting them, summing them up.

A score is accepted before its span is visible (feedback may be quicker than the exporter), so its target is checked for
form only. Writing is idempotent by id: the newest version of an id counts.
"""

import asyncio
import math
from collections import defaultdict
from typing import NamedTuple, cast

from kaname.access.model import Principal, ProjectScope
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ErrorParams, InvalidInputError, NotFoundError
from kaname.kernel.ids import new_id
from kaname.storage.columns import ColumnsClient
from kaname.traces.intervals import mean_interval, wilson_interval
from kaname.traces.model import ScoreDataType, ScoreRow, ScoreSource, ScoreTarget
from kaname.traces.ports import ScoreAudit, ScoreWriter
from kaname.traces.queries.score_summary import BINS, MAX_NAMES, ScoreSums, sum_scores
from kaname.traces.queries.scores import ScoreCriteria, find_score
from kaname.traces.queries.trace import require_span_id, require_trace_id
from kaname.traces.routes_model_scores import ScoreIn, ScoreTargetIn
from kaname.traces.shape import JsonObject, Row

_VISIBLE_WAITS_S = (0.2, 0.4, 0.6)
"""A score may be deleted right after it was acknowledged: it is visible within a second."""


class ScoreValue(NamedTuple):
    """What a score says, checked."""

    data_type: ScoreDataType
    value: float | None
    label: str
    text: str


class Target(NamedTuple):
    """What a score is about, checked."""

    kind: ScoreTarget
    trace_id: str = ""
    span_id: str = ""
    session_id: str = ""


def make_score(project_id: str, principal: Principal, body: ScoreIn, now_ns: int) -> ScoreRow:
    """The row of a new score; raises InvalidInputError naming the wrong part."""
    _require_unicode(body)
    said = check_value(body)
    target = check_target(body.target)
    execution = require_trace_id(body.execution_trace_id, "execution_trace_id") if body.execution_trace_id else ""
    return ScoreRow(
        project_id=project_id,
        score_id=body.id or new_id("scr"),
        name=body.name,
        data_type=said.data_type,
        value=said.value,
        label=said.label,
        text=said.text,
        source=body.source or _default_source(principal),
        author_id=principal.user_id or principal.id,
        author_name=principal.name,
        explanation=body.explanation,
        target=target.kind,
        trace_id=target.trace_id,
        span_id=target.span_id,
        session_id=target.session_id,
        environment=body.environment,
        metadata=body.metadata,
        execution_trace_id=execution,
        created_ns=now_ns,
        row_version=now_ns,
    )


def check_value(body: ScoreIn) -> ScoreValue:
    """Value, label and text against the data type, which they imply if it isn't given; raises InvalidInputError."""
    data_type = body.data_type or _imply_type(body)
    value, label, text = body.value, body.label or "", body.text or ""
    match data_type:
        case "numeric":
            if value is None or isinstance(value, bool):
                raise _invalid("a numeric score needs a number as value", "value", code="score_wants_number")
        case "boolean":
            if value not in (0, 1):
                raise _invalid(
                    f"a boolean score needs true or false as value, not {value!r}", "value", code="score_wants_boolean"
                )
        case "categorical":
            if not label:
                raise _invalid("a categorical score needs a label", "label", code="score_wants_label")
        case "text" | "correction":
            if not text:
                raise _invalid(f"a score of type {data_type} needs text", "text", code="score_wants_text")
            if value is not None:
                raise _invalid(
                    f"a score of type {data_type} has no value",
                    "value",
                    code="score_has_no_value",
                    params={"type": data_type},
                )
    if data_type in ("numeric", "boolean", "categorical") and text:
        raise _invalid(
            f"a {data_type} score has no text",
            "text",
            "Put remarks into explanation.",
            code="score_has_no_text",
            params={"type": data_type},
        )
    if data_type in ("numeric", "boolean", "text", "correction") and label:
        raise _invalid(
            f"a score of type {data_type} has no label",
            "label",
            "Use data_type categorical.",
            code="score_has_no_label",
            params={"type": data_type},
        )
    return ScoreValue(data_type, None if value is None else _finite(value), label, text)


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:  # JSON integers have no bound
        number = math.inf
    if not math.isfinite(number):
        raise _invalid("value isn't a finite number", "value", code="score_not_finite")
    return number


def check_target(target: ScoreTargetIn) -> Target:
    """Exactly one of session, trace, span; raises InvalidInputError."""
    hint = "Give {trace_id}, {trace_id, span_id} or {session_id}."
    if target.session_id:
        if target.trace_id or target.span_id:
            raise _invalid(
                "a score has one target: a session, or a trace or span", "target", hint, code="score_has_one_target"
            )
        return Target("session", session_id=target.session_id)
    if not target.trace_id:
        raise _invalid("a score needs a target", "target", hint, code="score_without_target")
    trace_id = require_trace_id(target.trace_id, "target.trace_id")
    if not target.span_id:
        return Target("trace", trace_id=trace_id)
    return Target("span", trace_id=trace_id, span_id=require_span_id(target.span_id, "target.span_id"))


async def delete_score(
    columns: ColumnsClient, writer: ScoreWriter, audit: ScoreAudit, clock: Clock, scope: ProjectScope, score_id: str
) -> None:
    """Removes a score for good; raises NotFoundError. The audit entry is written first."""
    row: Row | None = None
    for wait_s in (0.0, *_VISIBLE_WAITS_S):
        await asyncio.sleep(wait_s)
        row = await asyncio.to_thread(find_score, columns, scope.project_id, score_id)
        if row is not None:
            break
    if row is None:
        raise NotFoundError(
            f"no score {score_id[:100]!r} in this project", code="score_not_found", params={"id": score_id[:100]}
        )
    await asyncio.to_thread(audit.record_deletion, scope, f"score/{score_id}")
    tombstone = ScoreRow(
        project_id=scope.project_id,
        score_id=score_id,
        name=str(row["name"]),
        data_type=cast("ScoreDataType", row["data_type"]),
        source=cast("ScoreSource", row["source"]),
        target=cast("ScoreTarget", row["target"]),
        trace_id=str(row["trace_id"]),
        span_id=str(row["span_id"]),
        session_id=str(row["session_id"]),
        created_ns=cast("int", row["created_ns"]),
        row_version=clock.now_ns(),
        is_deleted=1,
    )
    await writer.write([tombstone])


def summarise_scores(columns: ColumnsClient, project_id: str, criteria: ScoreCriteria) -> JsonObject:
    """Every name and type with n, mean, 95 % interval and distribution, most frequent first."""
    sums = sum_scores(columns, project_id, criteria)
    by_key = _group_parts(sums)
    items = [_summary(row, by_key[_key(row)]) for row in sums.totals[:MAX_NAMES]]
    return {"items": items, "truncated": len(sums.totals) > MAX_NAMES}


def _group_parts(sums: ScoreSums) -> dict[tuple[str, str], dict[str, list[Row]]]:
    grouped: dict[tuple[str, str], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for part, rows in (("labels", sums.labels), ("sources", sums.sources), ("bins", sums.bins)):
        for row in rows:
            grouped[_key(row)][part].append(row)
    return grouped


def _summary(row: Row, parts: dict[str, list[Row]]) -> JsonObject:
    n = cast("int", row["n"])
    mean = cast("float | None", row["mean"])
    interval = None
    labels = [{"label": r["label"], "count": r["n"]} for r in parts["labels"]]
    if row["data_type"] == "boolean" and n:
        positives = cast("int", row["positives"])
        interval = wilson_interval(positives, n)
        labels = [{"label": "true", "count": positives}, {"label": "false", "count": n - positives}]
    elif row["data_type"] == "numeric" and mean is not None:
        interval = mean_interval(mean, cast("float", row["deviation"]), n)
    return {
        "name": row["name"],
        "data_type": row["data_type"],
        "n": n,
        "mean": mean if row["data_type"] in ("numeric", "boolean") else None,
        "interval_low": None if interval is None else interval.low,
        "interval_high": None if interval is None else interval.high,
        "bins": _bins(row, parts["bins"]),
        "labels": labels,
        "sources": [{"source": r["source"], "count": r["n"]} for r in parts["sources"]],
    }


def _bins(row: Row, bins: list[Row]) -> list[JsonObject]:
    if row["data_type"] != "numeric" or row["least"] is None:
        return []
    least, largest = cast("float", row["least"]), cast("float", row["largest"])
    if least == largest:
        return [{"low": least, "high": largest, "count": row["n"]}]
    width = (largest - least) / BINS
    counts = {cast("int", b["bin"]): b["n"] for b in bins}
    return [{"low": least + i * width, "high": least + (i + 1) * width, "count": counts.get(i, 0)} for i in range(BINS)]


def _key(row: Row) -> tuple[str, str]:
    return str(row["name"]), str(row["data_type"])


def _imply_type(body: ScoreIn) -> ScoreDataType:
    if isinstance(body.value, bool):
        return "boolean"
    if body.label:
        return "categorical"
    if body.value is not None:
        return "numeric"
    if body.text:
        return "text"
    raise _invalid("a score needs a value, a label or text", "value", code="score_empty")


def _default_source(principal: Principal) -> ScoreSource:
    return "human" if principal.user_id else "api"


def _require_unicode(body: ScoreIn) -> None:
    """JSON can spell half of a surrogate pair, which is no text."""
    texts = {
        "name": body.name, "label": body.label or "", "text": body.text or "", "explanation": body.explanation,
        "id": body.id or "", "environment": body.environment, "target.session_id": body.target.session_id,
        "metadata": "".join([*body.metadata, *body.metadata.values()]),
    }  # fmt: skip
    for param, text in texts.items():
        if any("\ud800" <= c <= "\udfff" for c in text) or "\0" in text:
            raise _invalid(
                f"{param} has a NUL or half of a surrogate pair",
                param,
                "Send valid Unicode text.",
                code="score_text_broken",
                params={"field": param},
            )
    if any(len(v) > 10_000 for v in body.metadata.values()) or any(len(k) > 200 for k in body.metadata):
        raise _invalid(
            "a metadata entry is too long",
            "metadata",
            "Keys to 200, values to 10,000 characters.",
            code="score_metadata_too_long",
        )


def _invalid(
    message: str, param: str, hint: str = "", *, code: str, params: ErrorParams | None = None
) -> InvalidInputError:
    return InvalidInputError(message, hint=hint, param=param, code=code, params=params)
