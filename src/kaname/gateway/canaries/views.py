"""Shapes of canaries on the wire."""

from collections.abc import Sequence
from datetime import datetime
from math import isfinite
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from kaname.gateway.canaries.actions import ShownCanary
from kaname.gateway.canaries.model import ChangeAction
from kaname.gateway.canaries.observations import ArmCounts
from kaname.gateway.canaries.store import MAX_MESSAGE_CHARS, PastChange
from kaname.gateway.routing.canary import GuardResult
from kaname.kernel.clock import from_ns

CanaryPhase = Literal["waiting", "running", "rolled_back", "finished"]
"""`waiting`: no gateway has begun it yet."""
Message = Annotated[str, Field(max_length=MAX_MESSAGE_CHARS, description="Why, for those who read the history.")]


class CanaryFinding(BaseModel):
    """What a guard said. `low` and `high` bound how much worse the canary is, by the guard's unit; null: without bound,
    or not known yet."""

    metric: Literal["error_rate", "p95_latency", "cost", "score"]
    finding: Literal["harmed", "clear", "inconclusive"]
    low: float | None
    high: float | None
    n: int
    reason: str


class CanaryGuardView(BaseModel):
    """A guard as configured, and what it said when it was asked last at this step."""

    metric: Literal["error_rate", "p95_latency", "cost", "score"]
    name: str
    """Of the feedback, for `score`."""
    tolerance: float
    min_n: int
    n: int
    """Observations that can be compared now."""
    finding: CanaryFinding | None


class CanaryArmView(BaseModel):
    """Calls of the present step."""

    calls: int
    errors: int


class CanaryView(BaseModel):
    id: str
    name: str
    route: str
    step_index: int
    """Of the route's step."""
    arm: str
    stable_arms: list[str]
    steps: list[int]
    """Percentages."""
    step: int
    """Index in `steps`; of a canary that is over the one it got to."""
    phase: CanaryPhase
    share: float
    """Of the calls, from 0 to 1."""
    interval_s: float
    level: float
    since: datetime | None
    looked_at: datetime | None
    guards: list[CanaryGuardView]
    stable: CanaryArmView
    canary: CanaryArmView
    rollbacks: int


class CanaryList(BaseModel):
    items: list[CanaryView]


class CanaryChangeView(BaseModel):
    """An entry of the history: what happened, and where the canary stood then."""

    id: str
    action: ChangeAction
    at: datetime
    step: int
    phase: Literal["running", "rolled_back", "finished"]
    share: float
    findings: list[CanaryFinding]
    """Of the guards, when they decided."""
    actor_id: str
    actor_name: str
    message: str


class CanaryChangeList(BaseModel):
    items: list[CanaryChangeView]
    next_cursor: str | None


class CanaryActionRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    message: Message = ""


class PromoteCanaryRequest(CanaryActionRequest):
    fully: Annotated[bool, Field(description="To the end at once, not only to the next step.")] = False


def show_canary(shown: ShownCanary) -> CanaryView:
    """A canary for people."""
    canary, standing = shown.canary, shown.standing
    plan, evidence = canary.plan, shown.evidence
    findings = {found.metric: found for found in standing.findings} if standing is not None else {}
    return CanaryView(
        id=canary.id,
        name=canary.name,
        route=canary.route,
        step_index=canary.step_index,
        arm=plan.arm,
        stable_arms=[arm for arm in canary.split.arms if arm != plan.arm],
        steps=list(plan.settings.steps),
        step=standing.state.step if standing is not None else 0,
        phase=standing.state.phase if standing is not None else "waiting",
        share=standing.state.share(plan.settings) if standing is not None else 0.0,
        interval_s=plan.interval_s,
        level=plan.settings.level,
        since=from_ns(standing.since_ns) if standing is not None else None,
        looked_at=from_ns(standing.looked_ns) if standing is not None and standing.looked_ns else None,
        guards=[
            CanaryGuardView(
                metric=guard.metric,
                name=guard.name,
                tolerance=guard.tolerance,
                min_n=guard.min_n,
                n=n,
                finding=_finding(findings[guard.metric]) if guard.metric in findings else None,
            )
            for guard, n in zip(plan.settings.guards, shown.sizes, strict=True)
        ],
        stable=_arm(evidence.stable if evidence is not None else None),
        canary=_arm(evidence.canary if evidence is not None else None),
        rollbacks=standing.rollbacks if standing is not None else 0,
    )


def show_change(change: PastChange) -> CanaryChangeView:
    """An entry for people."""
    return CanaryChangeView(
        id=change.id,
        action=change.action,
        at=change.at,
        step=change.state.step,
        phase=change.state.phase,
        share=change.share,
        findings=show_findings(change.findings),
        actor_id=change.actor_id,
        actor_name=change.actor_name,
        message=change.message,
    )


def show_findings(findings: Sequence[GuardResult]) -> list[CanaryFinding]:
    """What the guards said."""
    return [_finding(found) for found in findings]


def _finding(found: GuardResult) -> CanaryFinding:
    return CanaryFinding(
        metric=found.metric, finding=found.finding, low=_bound(found.low), high=_bound(found.high), n=found.n,
        reason=found.reason,
    )  # fmt: skip


def _bound(value: float | None) -> float | None:
    """JSON has no infinity."""
    return value if value is not None and isfinite(value) else None


def _arm(counts: ArmCounts | None) -> CanaryArmView:
    return CanaryArmView(calls=counts.calls if counts else 0, errors=counts.errors if counts else 0)
