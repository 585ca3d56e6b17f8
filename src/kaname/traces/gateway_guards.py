"""Decisions of the gateway's guardrails → spans of kind `guardrail` under their call's span.

Ids are made from the call's span id and the decision's place, so a replay gives the same spans. They hold the name of
the guard, what it did and why, in rules and counts; never what it found.
"""

import hashlib

from kaname.gateway.model import GatewayRecord, GuardRecord
from kaname.traces.gateway_records import SCOPE_NAME, SERVICE_NAME
from kaname.traces.model import Attributes, RawSpan, Scope

_INTERNAL_SPAN = 1


def guard_spans(record: GatewayRecord) -> list[RawSpan]:
    """One for each decision, in their order."""
    return [_span(record, number, guard) for number, guard in enumerate(record.guards)]


def _span(record: GatewayRecord, number: int, guard: GuardRecord) -> RawSpan:
    attributes: Attributes = {
        "gen_ai.operation.name": "guardrail",
        "kaname.guardrail.name": guard.guard,
        "kaname.guardrail.point": guard.point,
        "kaname.guardrail.action": guard.action,
        "kaname.guardrail.reason": guard.reason,
        "session.id": record.session_id,
        "user.id": record.user_id,
        "deployment.environment.name": record.environment,
    }
    failed = guard.action == "error"
    return RawSpan(
        trace_id=record.trace_id,
        span_id=hashlib.sha256(f"{record.span_id}/guard/{number}".encode()).hexdigest()[:16],
        parent_span_id=record.span_id,
        name=f"guardrail {guard.guard}",
        otel_kind=_INTERNAL_SPAN,
        start_ns=guard.start_ns,
        end_ns=guard.start_ns + guard.duration_ns,
        status="error" if failed else "unset",
        status_message=guard.reason if failed else "",
        attributes={key: value for key, value in attributes.items() if value != ""},
        scope=Scope(name=SCOPE_NAME, resource={"service.name": SERVICE_NAME}),
        trace_state=record.trace_state,
        flags=record.trace_flags,
    )
