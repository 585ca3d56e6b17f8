"""Scores that arrive on spans and log records instead of through the scores API.

`gen_ai.evaluation.result`, as a span event or a log record, scores the span it belongs to (OpenTelemetry GenAI). The
OpenInference attributes `annotations.N.annotation.*` and `evaluations.N.evaluation.*`, with the prefixes `trace.` and
`session.` for another target, do the same. A score's id is a digest of what identifies it, so that a repeated span
gives the same score again and never a second one.
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterator

from kaname.traces.coerce import flat_metadata, to_text
from kaname.traces.criteria import MAX_NS
from kaname.traces.logs import EVALUATION_EVENT, LogRecord
from kaname.traces.model import (
    Attributes,
    AttributeValue,
    RawSpan,
    ScoreDataType,
    ScoreRow,
    ScoreSource,
    ScoreTarget,
)

_ANNOTATION = re.compile(
    r"(?:(trace|session)\.)?(?:annotations|evaluations)\.(\d{1,4})\.(?:annotation|evaluation)\.([a-z_]+)"
)
_HEADS = ("annotations.", "evaluations.", "trace.", "session.")
_MAX_SCORES = 200
"""Scores read from one span; more would be a defect of the sender."""
_SOURCES: dict[str, ScoreSource] = {"HUMAN": "human", "LLM": "llm", "CODE": "code"}


def scores_of_span(project_id: str, span: RawSpan, session_of: Callable[[RawSpan], str]) -> list[ScoreRow]:
    """The scores a span carries in its events and attributes; `session_of` is asked only when a session is scored."""
    found: list[ScoreRow] = []
    for event in span.events:
        if event.name == EVALUATION_EVENT:
            row = _evaluation(project_id, span.trace_id, span.span_id, event.time_ns, event.attributes)
            if row is not None:
                found.append(row)
    if any(key.startswith(_HEADS) for key in span.attributes):
        found += _annotations(project_id, span, session_of)
    return found[:_MAX_SCORES]


def score_of_record(project_id: str, record: LogRecord) -> ScoreRow | None:
    """The score that an evaluation log record is."""
    if record.event_name != EVALUATION_EVENT:
        return None
    attributes = {**record.body, **record.attributes} if isinstance(record.body, dict) else record.attributes
    return _evaluation(project_id, record.trace_id, record.span_id, record.time_ns, attributes)


def _evaluation(project_id: str, trace_id: str, span_id: str, time_ns: int, attributes: Attributes) -> ScoreRow | None:
    get = attributes.get
    metadata = {
        key: to_text(get(f"gen_ai.{key}") or get(key))
        for key in ("response.id", "error.type")
        if get(f"gen_ai.{key}") or get(key)
    }
    return _score(
        project_id,
        identity=(trace_id, span_id, str(time_ns)),
        target="span" if span_id else "trace",
        trace_id=trace_id,
        span_id=span_id,
        name=to_text(get("gen_ai.evaluation.name")),
        value=get("gen_ai.evaluation.score.value"),
        label=to_text(get("gen_ai.evaluation.score.label")),
        explanation=to_text(get("gen_ai.evaluation.explanation")),
        source="llm",
        metadata=metadata,
        created_ns=time_ns,
    )


def _annotations(project_id: str, span: RawSpan, session_of: Callable[[RawSpan], str]) -> Iterator[ScoreRow]:
    grouped: dict[tuple[str, str], Attributes] = {}
    for key, value in span.attributes.items():
        match = _ANNOTATION.fullmatch(key)
        if match is not None:
            grouped.setdefault((match[1] or "span", match[2]), {})[match[3]] = value
    for (where, number), fields in grouped.items():
        target: ScoreTarget = "trace" if where == "trace" else "session" if where == "session" else "span"
        session_id = session_of(span) if target == "session" else ""
        if target == "session" and not session_id:
            continue
        row = _score(
            project_id,
            identity=(span.trace_id, span.span_id, where, number, to_text(fields.get("identifier"))),
            target=target,
            trace_id="" if target == "session" else span.trace_id,
            span_id=span.span_id if target == "span" else "",
            session_id=session_id,
            name=to_text(fields.get("name")),
            value=fields.get("score"),
            label=to_text(fields.get("label")),
            explanation=to_text(fields.get("explanation")),
            source=_SOURCES.get(to_text(fields.get("annotator_kind")).upper(), "api"),
            metadata=flat_metadata(fields.get("metadata")),
            created_ns=span.end_ns or span.start_ns,
        )
        if row is not None:
            yield row


def _score(
    project_id: str,
    *,
    identity: tuple[str, ...],
    target: ScoreTarget,
    name: str,
    value: AttributeValue,
    label: str,
    explanation: str,
    source: ScoreSource,
    metadata: dict[str, str],
    created_ns: int,
    trace_id: str = "",
    span_id: str = "",
    session_id: str = "",
) -> ScoreRow | None:
    number = _number(value)
    if not name or (number is None and not label):
        return None
    data_type: ScoreDataType = (
        "boolean" if isinstance(value, bool) else "numeric" if number is not None else "categorical"
    )
    digest = hashlib.blake2b("\0".join((project_id, name, *identity)).encode(), digest_size=16).hexdigest()
    return ScoreRow(
        project_id=project_id,
        score_id=f"scr_{digest}",
        name=name[:200],
        data_type=data_type,
        value=number,
        label=label,
        source=source,
        explanation=explanation,
        target=target,
        trace_id=trace_id,
        span_id=span_id,
        session_id=session_id,
        metadata=metadata,
        created_ns=min(created_ns, MAX_NS),  # the times of the store would wrap around
        row_version=1,
    )


def _number(value: AttributeValue) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, bool | int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
