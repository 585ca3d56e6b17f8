"""What a canary is, by the configuration, and where it stands, by what all processes share.

Its identity is what is compared: its name, its steps, and the targets of each arm. Another target makes another canary,
which begins at the first step; the old one's standing comes back with the old targets. Guards, level and interval can
be changed under way.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import orjson

from kaname.gateway.config import CanaryPlan, GatewayConfig, ModelRoute, RouteStep, Split, split_name
from kaname.gateway.routing.canary import CanaryState, GuardResult

ChangeAction = Literal["start", "advance", "finish", "rollback", "promote", "restart"]
"""What made a canary's standing another: `promote` and `restart` are people's, `rollback` people's or a guard's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A canary of the configuration."""

    id: str
    name: str
    """Of its split: what calls are recorded under as their experiment."""
    route: str
    step_index: int
    """Of the route's step."""
    split: Split
    plan: CanaryPlan
    targets: Mapping[str, frozenset[str]]
    """The names of each arm's own targets."""
    fallbacks: frozenset[str]

    def weights(self, standing: "Standing | None") -> dict[str, float]:
        """The arms' weights. While nobody knows where the canary stands, it gets nothing."""
        return self.weights_at(standing.state if standing is not None else CanaryState(phase="rolled_back"))

    def weights_at(self, state: CanaryState) -> dict[str, float]:
        """The canary's share, and what it leaves divided among the others by their weights."""
        share = state.share(self.plan.settings)
        others = {arm: weight for arm, weight in self.split.arms.items() if arm != self.plan.arm}
        total = sum(others.values())
        weights = {arm: (1.0 - share) * weight / total for arm, weight in others.items()}
        return {arm: share if arm == self.plan.arm else weights[arm] for arm in self.split.arms}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a canary stands; the same for every process. `revision` counts changes of any kind."""

    id: str
    name: str
    state: CanaryState
    generation: int
    """Counts steps ever begun; observations belong to one."""
    stable_generation: int
    """Whose calls of the other arms count: its own, or at the last step, which has none, the one before."""
    since_ns: int
    """When the step began."""
    looked_ns: int
    """When the guards were last asked; 0: not yet at this step."""
    findings: tuple[GuardResult, ...]
    """What they said then; `n` is the number of observations, though an interval may come from a sample."""
    rollbacks: int
    revision: int


def canary_of(route: ModelRoute, index: int, step: RouteStep) -> Canary | None:
    """The canary of a route's step."""
    split = step.split
    if split is None or split.canary is None:
        return None
    name = split_name(route.name, index, split)
    return Canary(
        id=_identity(name, split.canary, step),
        name=name,
        route=route.name,
        step_index=index,
        split=split,
        plan=split.canary,
        targets={arm: frozenset(target.name for target in targets) for arm, targets in step.arms.items()},
        fallbacks=frozenset(target.name for target in (*step.fallback, *step.context_fallback, *step.content_fallback)),
    )


def canaries_of(config: GatewayConfig) -> Iterator[Canary]:
    """All canaries of a configuration, in its order."""
    for route in config.models.values():
        for index, step in enumerate(route.steps):
            if (canary := canary_of(route, index, step)) is not None:
                yield canary


def _identity(name: str, plan: CanaryPlan, step: RouteStep) -> str:
    """Made from what is compared, so that every process gives a canary the same id without asking."""
    said = {
        "name": name,
        "arm": plan.arm,
        "steps": list(plan.settings.steps),
        "arms": {arm: [[t.name, t.weight, t.overrides] for t in targets] for arm, targets in step.arms.items()},
    }
    digest = hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"can_{digest[:32]}"
