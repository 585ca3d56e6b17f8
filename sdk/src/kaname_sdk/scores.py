"""`score()`: a judgement about a span, trace or session, from code, a judge or an end user."""

import uuid
from collections.abc import Mapping
from typing import Any, Literal

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags

from kaname_sdk.encode import mask_text
from kaname_sdk.faults import faults
from kaname_sdk.runtime import Runtime, get_runtime

ScoreSource = Literal["human", "llm", "code", "user", "api"]
_MAX_TEXT = 10_000


def score(
    name: str,
    value: float | bool | str | None = None,
    *,
    text: str | None = None,
    correction: str | None = None,
    explanation: str = "",
    source: ScoreSource = "code",
    trace_id: str | None = None,
    span_id: str | None = None,
    session_id: str | None = None,
    metadata: Mapping[str, str] | None = None,
    score_id: str | None = None,
) -> str | None:
    """Scores the current span, or the span, trace or session that is named. Returns the score's id; never raises.

    `value`: a number, True/False, or a label. `text` is free text, `correction` the better output. Sent in the
    background to Kaname; with another OTLP back end it becomes a `gen_ai.evaluation.result` event. The same `score_id`
    again replaces the score.
    """
    with faults.guard("score()"):
        runtime = get_runtime()
        if not runtime.active:
            return None
        identity = score_id or uuid.uuid4().hex
        target = _target(trace_id, span_id, session_id)
        if not target:
            faults.say_once("score target", "score(%r): there is no current span and no target was given", name)
            return None
        judgement = _judgement(runtime, value, text, correction)
        explanation = mask_text(explanation, runtime.config.mask, _MAX_TEXT)
        if runtime.scores is not None:
            body: dict[str, Any] = {"id": identity, "name": name, "source": source, "target": target, **judgement}
            if explanation:
                body["explanation"] = explanation
            if metadata:
                body["metadata"] = {str(k): str(v) for k, v in metadata.items()}
            runtime.scores.put(body)
        else:
            _add_event(runtime, target, name, judgement, explanation)
        return identity
    return None


def _target(trace_id: str | None, span_id: str | None, session_id: str | None) -> dict[str, str]:
    if trace_id or span_id or session_id:
        given = {"trace_id": trace_id, "span_id": span_id, "session_id": session_id}
        return {k: v for k, v in given.items() if v}
    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        return {}
    return {"trace_id": f"{current.trace_id:032x}", "span_id": f"{current.span_id:016x}"}


def _judgement(
    runtime: Runtime, value: float | bool | str | None, text: str | None, correction: str | None
) -> dict[str, Any]:
    mask = runtime.config.mask
    if correction is not None:
        return {"data_type": "correction", "text": mask_text(correction, mask, runtime.config.max_text)}
    if text is not None:
        return {"data_type": "text", "text": mask_text(text, mask, runtime.config.max_text)}
    if isinstance(value, bool):
        return {"data_type": "boolean", "value": float(value)}
    if isinstance(value, str):
        return {"data_type": "categorical", "label": value}
    if value is None:
        raise ValueError("a score needs a value, a text or a correction")
    return {"data_type": "numeric", "value": float(value)}


def _add_event(
    runtime: Runtime, target: Mapping[str, str], name: str, judgement: Mapping[str, Any], explanation: str
) -> None:
    """On the span itself while it is open, else on a short span beneath it."""
    attributes = {"gen_ai.evaluation.name": name}
    if "value" in judgement:
        attributes["gen_ai.evaluation.score.value"] = judgement["value"]
    if label := judgement.get("label") or judgement.get("text"):
        attributes["gen_ai.evaluation.score.label"] = label
    if explanation:
        attributes["gen_ai.evaluation.explanation"] = explanation
    current = trace.get_current_span()
    if current.is_recording() and target.get("span_id") == f"{current.get_span_context().span_id:016x}":
        current.add_event("gen_ai.evaluation.result", attributes)
        return
    parent = _remote_span(target)
    context = trace.set_span_in_context(parent) if parent is not None else None
    carrier = runtime.tracer.start_span("score", context=context)
    carrier.add_event("gen_ai.evaluation.result", attributes)
    carrier.end()


def _remote_span(target: Mapping[str, str]) -> Span | None:
    if "trace_id" not in target or "span_id" not in target:
        return None
    identity = SpanContext(
        int(target["trace_id"], 16),
        int(target["span_id"], 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    return NonRecordingSpan(identity)
