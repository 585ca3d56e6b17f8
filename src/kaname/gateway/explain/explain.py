"""Explains a request: which step's condition held, which arm, which targets in which order, what it would cost.

It asks the same functions that serve calls (`decode`, `Planner`, `translate`, limits), so it can't tell another story
than they do; it calls no upstream, takes nothing from limits and counts no traffic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from kaname.gateway.caller_context import open_record, read_body, read_headers
from kaname.gateway.canaries.book import CanaryBook
from kaname.gateway.canaries.model import canary_of
from kaname.gateway.config import LOCAL, GatewayConfig
from kaname.gateway.decode import DecodedRequest, decode_request, encode_document
from kaname.gateway.explain.limits import explain_limits
from kaname.gateway.explain.targets import TargetExplainer
from kaname.gateway.explain.views import (
    CanaryResult,
    LimitResult,
    PlanExplanation,
    Resolution,
    SplitResult,
    StepResult,
    TokenEstimate,
)
from kaname.gateway.health import HealthBook, TargetHealth
from kaname.gateway.limits.estimate import DEFAULT_OUTPUT_TOKENS, estimate_input_tokens, requested_output_tokens
from kaname.gateway.limits.model import Estimate, Subject
from kaname.gateway.limits.service import LimitService
from kaname.gateway.model import GatewayRecord, Surface
from kaname.gateway.plan import Choice, Plan, PlannedStep, Planner
from kaname.gateway.planned_target import PlannedTarget
from kaname.gateway.ports import LocalModels
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.routing.canary import CanaryState
from kaname.gateway.routing.model import RouteInput
from kaname.gateway.routing.split import Arms
from kaname.kernel.clock import Clock
from kaname.kernel.errors import NotFoundError

_EXAMPLE_KEY = "example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request as a client would send it, and who sends it."""

    document: Mapping[str, object]
    surface: Surface = "chat_completions"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    key_id: str = ""
    key_name: str = ""
    project_id: str = ""
    organization_id: str = ""


class Explainer:
    """Explains requests under a configuration. `health` None: there is no running gateway to ask."""

    def __init__(
        self,
        *,
        local_models: LocalModels,
        limits: LimitService,
        prices: PriceBook,
        clock: Clock,
        health: HealthBook | None = None,
        canaries: CanaryBook | None = None,
    ) -> None:
        self._local_models = local_models
        self._limits = limits
        self._prices = prices
        self._clock = clock
        self._health = health
        self._canaries = canaries

    def explain(self, config: GatewayConfig, question: Question) -> PlanExplanation:
        """Raises what a call would raise before it is routed: InvalidInputError, NotFoundError. In the event loop."""
        headers = {
            k.lower().encode("utf-8", "replace"): v.encode("utf-8", "replace") for k, v in question.headers.items()
        }
        body = encode_document(dict(question.document))
        record = open_record(question.surface, headers)
        read_headers(record, headers)
        request = decode_request(question.surface, body)
        read_body(record, request.document)
        planner = Planner(self._local_models, HealthBook(Random(0)))  # noqa: S311 - its own: nothing here is counted
        plan = planner.plan(config, request.model)
        call = RouteInput(
            request.model, question.surface, request.stream, question.key_name, question.key_id, question.project_id,
            record.session_id, record.user_id, record.tags, record.metadata, headers,
        )  # fmt: skip
        steps, planned = _steps(plan, call)
        split, choice = _choose(planned, call, self._place_canary(plan, planned))
        tokens = _tokens(body, request)
        subject = Subject(
            question.key_id or _EXAMPLE_KEY, question.project_id, question.organization_id, record.user_id,
            record.metadata, request.model,
        )  # fmt: skip
        targets = TargetExplainer(
            request,
            question.surface,
            tokens=(tokens.input_tokens, tokens.output_tokens),
            prices=self._prices,
            project_id=question.project_id,
            at_ns=self._clock.now_ns(),
            health=self._known_health(),
            now=self._clock.monotonic(),
            allowed=lambda target: self._allows(subject, target),
        )
        cost = targets.cost_nano_usd(choice.primary[0])
        estimate = Estimate(tokens.input_tokens, tokens.output_tokens, cost)
        limits = explain_limits(self._limits, subject, estimate, self._clock.monotonic())
        timeouts = plan.stream_timeouts if request.stream else plan.answer_timeouts
        return PlanExplanation(
            config_version=config.version,
            surface=question.surface,
            requested_model=request.model,
            resolved_by=_resolution(planner, config, request.model),
            stream=request.stream,
            caller=_caller(question, record),
            steps=steps,
            chosen_step=planned.index,
            choose=planned.step.choose,
            split=split,
            targets=targets.explain(choice),
            tokens=tokens,
            limits=limits,
            retries=plan.route.retry.max,
            timeouts_s={
                "connect": timeouts.connect_s, "ttft": timeouts.first_byte_s, "stall": timeouts.stall_s,
                "total": timeouts.total_s,
            },
            refused=_refusal(limits),
        )  # fmt: skip

    def _place_canary(self, plan: Plan, planned: PlannedStep) -> CanaryResult | None:
        """Gives the step the canary's present arms, and says where it stands."""
        canary = canary_of(plan.route, planned.index, planned.step)
        if canary is None:
            return None
        standing = self._canaries.standing(canary) if self._canaries is not None else None
        if self._canaries is None:
            state, phase, weights = CanaryState(), "unknown", canary.weights_at(CanaryState())
        elif standing is None:
            state, phase, weights = CanaryState(), "waiting", canary.weights(None)
        else:
            state, phase, weights = standing.state, standing.state.phase, canary.weights(standing)
        planned.arms = Arms(weights, canary.name)
        return CanaryResult(
            id=canary.id,
            name=canary.name,
            arm=canary.plan.arm,
            phase=phase,
            step=state.step,
            steps=list(canary.plan.settings.steps),
            share=weights[canary.plan.arm],
        )

    def _known_health(self) -> dict[str, TargetHealth] | None:
        return None if self._health is None else dict(self._health.items())

    def _allows(self, subject: Subject, target: PlannedTarget) -> bool:
        known = self._limits.limits_of(subject)
        return known.providers.allow(target.provider.name) or known.providers.allow(target.name)


def _steps(plan: Plan, call: RouteInput) -> tuple[list[StepResult], PlannedStep]:
    """Each step's condition up to the first that holds; raises NotFoundError if none does."""
    results: list[StepResult] = []
    found: PlannedStep | None = None
    for planned in plan.steps:
        holds = None
        if found is None:
            holds = planned.step.when is None or planned.step.when(call)
            found = planned if holds else None
        results.append(StepResult(index=planned.index, when=planned.step.when_text, holds=holds))
    if found is None:
        conditions = "; ".join(result.when for result in results)
        raise NotFoundError(
            f"no step of route {plan.route.name!r} takes this call: none of these holds: {conditions}",
            hint="Add a step without `when`.", code="no_route", param="model",
        )  # fmt: skip
    return results, found


def _choose(planned: PlannedStep, call: RouteInput, canary: CanaryResult | None) -> tuple[SplitResult | None, Choice]:
    """The arm. Without a sticky value each call draws one, so the likeliest is shown."""
    split, arms = planned.step.split, planned.arms
    if split is None or arms is None:
        return None, Choice(planned, planned.groups[""])
    owners = arms.owners()
    shares = {arm: owners.count(arm) / len(owners) for arm in split.arms}
    value = {"session_id": call.session_id, "user_id": call.user_id, "key_id": call.key_id}.get(split.sticky, "")
    if value:
        bucket: int | None = arms.bucket(value)
        arm, propensity = arms.choose(value, Random(0))  # noqa: S311 - not used for a sticky value
    else:
        bucket = None
        arm = max(shares, key=lambda name: shares[name])
        propensity = shares[arm]
    result = SplitResult(
        sticky=split.sticky, value=value, bucket=bucket, arm=arm, propensity=propensity, shares=shares,
        drawn=not value, canary=canary,
    )  # fmt: skip
    return result, Choice(planned, planned.groups[arm], arm, propensity)


def _tokens(body: bytes, request: DecodedRequest) -> TokenEstimate:
    asked = requested_output_tokens(request.document)
    return TokenEstimate(
        input_tokens=estimate_input_tokens(body),
        output_tokens=asked or DEFAULT_OUTPUT_TOKENS,
        output_source="request" if asked else "default",
    )


def _resolution(planner: Planner, config: GatewayConfig, name: str) -> Resolution:
    if name in config.models:
        return "alias"
    if planner.local_info(name) is not None:
        return "local model"
    provider, slash, _ = name.partition("/")
    return "provider/model" if slash and (provider in config.providers or provider == LOCAL) else "default provider"


def _caller(question: Question, record: GatewayRecord) -> dict[str, str]:
    facts = {
        "key": question.key_name or question.key_id, "session_id": record.session_id, "user_id": record.user_id,
        "tags": ", ".join(record.tags), **{f"metadata.{key}": value for key, value in record.metadata.items()},
    }  # fmt: skip
    return {name: value for name, value in facts.items() if value}


def _refusal(limits: list[LimitResult]) -> str:
    return next(
        (f"{limit.name}: {limit.limit}" for limit in limits if limit.would_refuse and limit.effect == "block"), ""
    )
