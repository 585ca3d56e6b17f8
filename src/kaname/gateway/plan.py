"""From the model name in a request to where it may be sent: `Plan`, compiled once per name and configuration.

Order: alias in the configuration, installed local model, `provider/model`, default provider. A plan holds what is the
same for every call; `choose` makes what depends on the call: the step whose condition holds and the arm of its split.
Which of an arm's equal targets is called, and what follows a failure, is decided in `attempts.py`.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple

from kaname.gateway.bandits import BanditBook
from kaname.gateway.canaries.book import CanaryBook
from kaname.gateway.canaries.model import canary_of
from kaname.gateway.config import (
    LOCAL,
    GatewayConfig,
    ModelRoute,
    RetryPolicy,
    RouteStep,
    Target,
    single_target,
    split_name,
)
from kaname.gateway.guardrails.model import Guards
from kaname.gateway.health import HealthBook, RouteTraffic
from kaname.gateway.openai_errors import model_not_found
from kaname.gateway.planned_target import PlannedTarget, plan_target
from kaname.gateway.ports import LocalModelInfo, LocalModels
from kaname.gateway.providers.registry import ADAPTERS
from kaname.gateway.routing.model import RouteInput
from kaname.gateway.routing.split import Arms
from kaname.gateway.upstream_response import Timeouts
from kaname.kernel.errors import NotFoundError

MAX_PLANS = 4096


class Choice(NamedTuple):
    """Where one call may go. `primary` are equals; the lists after it are taken in order."""

    step: "PlannedStep"
    primary: tuple[PlannedTarget, ...]
    arm: str = ""
    propensity: float = 1.0
    """With which probability the arm was drawn."""


@dataclass(slots=True, kw_only=True)
class PlannedStep:
    """A step of the route with its targets ready to be called."""

    step: RouteStep
    index: int
    groups: Mapping[str, tuple[PlannedTarget, ...]]
    arms: Arms | None
    fallback: tuple[PlannedTarget, ...]
    context_fallback: tuple[PlannedTarget, ...]
    content_fallback: tuple[PlannedTarget, ...]
    salt: str
    """Names the split: its experiment, or the route and the step."""
    mirror: "Plan | None" = None
    """Where copies of the calls go."""


@dataclass(slots=True, kw_only=True)
class Plan:
    """What a model name stands for, ready to be called. `timeouts` of a stream and of a single answer differ."""

    route: ModelRoute
    steps: tuple[PlannedStep, ...]
    stream_timeouts: Timeouts
    answer_timeouts: Timeouts
    """A single answer is silent until it is done, so only the total counts."""
    only: Choice | None
    """The choice when it doesn't depend on the call."""
    traffic: RouteTraffic
    guards: Guards | None = None

    def choose(self, call: RouteInput, rng: Random) -> Choice:
        """The step and arm of a call; raises NotFoundError (`no_route`) when no step takes it."""
        for planned in self.steps:
            if planned.step.when is not None and not planned.step.when(call):
                continue
            if planned.arms is None:
                return Choice(planned, planned.groups[""])
            split = planned.step.split
            assert split is not None
            sticky = {"session_id": call.session_id, "user_id": call.user_id, "key_id": call.key_id}.get(split.sticky)
            arm, propensity = planned.arms.choose(sticky or None, rng)
            return Choice(planned, planned.groups[arm], arm, propensity)
        raise NotFoundError(
            f"no step of route {self.route.name!r} takes this call",
            hint="Its last step has a condition that doesn't hold; add a step without `when`.",
            code="no_route", param="model",
        )  # fmt: skip


class Planner:
    """Plans by name for one configuration at a time; forgets them when another comes into force."""

    def __init__(
        self,
        local_models: LocalModels,
        health: HealthBook,
        bandits: BanditBook | None = None,
        canaries: CanaryBook | None = None,
    ) -> None:
        self.health = health
        self._bandits = bandits
        self._canaries = canaries
        self._local_models = local_models
        self._config: GatewayConfig | None = None
        self._plans: dict[str, Plan] = {}
        self._passes: dict[tuple[str, str], Plan] = {}

    def plan(self, config: GatewayConfig, name: str) -> Plan:
        """The plan for a model name; raises NotFoundError with near names."""
        if config is not self._config:
            self._config, self._plans, self._passes = config, {}, {}
        plan = self._plans.get(name)
        if plan is None:
            route = self._route(config, name)
            plan = self._compile(config, route)
            if not _is_local(route):  # local models come and go without a new configuration
                if len(self._plans) >= MAX_PLANS:
                    self._plans.clear()
                self._plans[name] = plan
        return plan

    def plan_pass(self, config: GatewayConfig, provider: str, model: str) -> Plan:
        """The plan of a native call: one provider, nothing repeated. No alias can take its place."""
        if config is not self._config:
            self._config, self._plans, self._passes = config, {}, {}
        key = (provider, model)
        plan = self._passes.get(key)
        if plan is None:
            route = replace(
                single_target(f"{provider}/{model}", Target(provider=provider, model=model)), retry=RetryPolicy(max=0)
            )
            if len(self._passes) >= MAX_PLANS:
                self._passes.clear()
            plan = self._passes[key] = self._compile(config, route)
        return plan

    def names(self, config: GatewayConfig) -> list[str]:
        """Names that a client can use: aliases, then local models."""
        return [*config.models, *(m.name for m in self._local_models.list() if m.name not in config.models)]

    def local_info(self, model: str) -> LocalModelInfo | None:
        """The installed model of this name."""
        return next((info for info in self._local_models.list() if info.name == model), None)

    def _route(self, config: GatewayConfig, name: str) -> ModelRoute:
        route = config.models.get(name)
        if route is None:
            route = self._route_by_target(config, name)
        if _is_local(route):
            info = self.local_info(next(route.targets()).model)
            if info is None:
                raise self._not_found(config, name)
            return replace(
                route,
                name=name,
                tools=info.tools if route.tools is None else route.tools,
                context_window=route.context_window or info.context_window,
            )
        return route

    def _route_by_target(self, config: GatewayConfig, name: str) -> ModelRoute:
        if self.local_info(name) is not None:
            return single_target(name, Target(provider=LOCAL, model=name))
        provider, slash, model = name.partition("/")
        if slash and model and provider in config.providers:
            return single_target(name, Target(provider=provider, model=model))
        if config.default_provider is not None:
            return single_target(name, Target(provider=config.default_provider, model=name))
        raise self._not_found(config, name)

    def _not_found(self, config: GatewayConfig, name: str) -> NotFoundError:
        local = [f"{LOCAL}/{info.name}" for info in self._local_models.list()]
        return model_not_found(name, difflib.get_close_matches(name, [*self.names(config), *local], n=3, cutoff=0.5))

    def _compile(self, config: GatewayConfig, route: ModelRoute) -> Plan:
        steps = tuple(self._compile_step(config, route, i, step) for i, step in enumerate(route.steps))
        only = Choice(steps[0], steps[0].groups[""]) if steps[0].step.when is None and steps[0].arms is None else None
        timeouts = route.timeouts
        guards = route.guards if route.guards is not None else config.guards
        return Plan(
            route=route,
            steps=steps,
            stream_timeouts=timeouts,
            answer_timeouts=timeouts._replace(first_byte_s=timeouts.total_s),
            only=only,
            traffic=self.health.route(route.name),
            guards=guards or None,
        )

    def _compile_step(self, config: GatewayConfig, route: ModelRoute, index: int, step: RouteStep) -> PlannedStep:
        def planned(targets: tuple[Target, ...]) -> tuple[PlannedTarget, ...]:
            return tuple(self.target(config, target) for target in targets)

        split = step.split
        salt = split_name(route.name, index, split) if split is not None else ""
        planned_step = PlannedStep(
            step=step,
            index=index,
            salt=salt,
            groups={arm: planned(targets) for arm, targets in step.arms.items()},
            arms=Arms(split.arms, salt) if split is not None and split.canary is None else None,
            fallback=planned(step.fallback),
            context_fallback=planned(step.context_fallback),
            content_fallback=planned(step.content_fallback),
            mirror=self._compile_mirror(config, route, step),
        )
        if split is not None and split.bandit and self._bandits is not None:
            planned_step.arms = self._bandits.arms(split, salt, planned_step)
        elif (canary := canary_of(route, index, step)) is not None:
            known = self._canaries.arms(canary, planned_step) if self._canaries is not None else None
            planned_step.arms = known or Arms(canary.weights(None), salt)
        return planned_step

    def _compile_mirror(self, config: GatewayConfig, route: ModelRoute, step: RouteStep) -> Plan | None:
        if step.mirror is None:
            return None
        shadow = single_target(route.name, step.mirror.target)
        return self._compile(config, replace(shadow, timeouts=route.timeouts, retry=RetryPolicy(max=0)))

    def target(self, config: GatewayConfig, target: Target) -> PlannedTarget:
        """A target that can be called."""
        provider = config.providers[target.provider]
        return plan_target(target, provider, ADAPTERS.get(provider.type), self.health.target(target.name))


def _is_local(route: ModelRoute) -> bool:
    """Whether a route is one model of this installation and nothing else."""
    targets = list(route.targets())
    return len(targets) == 1 and targets[0].provider == LOCAL
