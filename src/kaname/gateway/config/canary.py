"""`canary` of a split: the arm that is let in, its steps, and what guards them."""

from collections.abc import Mapping
from typing import cast, get_args

from kaname.gateway.config.model import CanaryPlan
from kaname.gateway.config.values import duration_s, number, word
from kaname.gateway.routing.canary import STEPS, CanarySettings, Guard, GuardName
from kaname.gateway.yaml_tree import Node

_TOLERANCES: Mapping[GuardName, float] = {"error_rate": 0.01, "p95_latency": 0.2, "cost": 0.1, "score": 0.02}
_METRICS: tuple[GuardName, ...] = get_args(GuardName)
MAX_MIN_N = 1_000_000
MAX_TOLERANCE = 1000.0


def read_canary(node: Node, arms: Mapping[str, float]) -> CanaryPlan:
    """A plan that `routing.canary` can follow, for a split with these arms and weights."""
    fields = node.fields(("arm", "steps", "guards", "interval", "level"))
    if "arm" not in fields:
        node.refuse("`arm` is missing", f"Name the new arm, one of {', '.join(arms)}.")
    arm = word(fields["arm"], tuple(arms))
    if not any(weight for name, weight in arms.items() if name != arm):
        fields["arm"].refuse("no other arm has weight, so nothing would be left to compare with")
    default = CanarySettings()
    return CanaryPlan(
        arm=arm,
        settings=CanarySettings(
            guards=_guards(fields["guards"]) if "guards" in fields else default.guards,
            steps=_steps(fields["steps"]) if "steps" in fields else STEPS,
            level=number(fields["level"], 0.5, 0.9999) if "level" in fields else default.level,
        ),
        interval_s=duration_s(fields["interval"]) if "interval" in fields else CanaryPlan(arm=arm).interval_s,
    )


def _steps(node: Node) -> tuple[int, ...]:
    steps = tuple(child.integer(1, 100) for child in node.items())
    if len(steps) < 2 or list(steps) != sorted(set(steps)) or steps[-1] != 100:
        node.refuse(
            f"{list(steps)!r} aren't two or more rising percentages that end with 100",
            "Write `steps: [1, 5, 25, 50, 100]`.",
        )
    return steps


def _guards(node: Node) -> tuple[Guard, ...]:
    guards: list[Guard] = []
    for child in node.items():
        guard = _guard(child)
        if any(before.metric == guard.metric for before in guards):
            child.refuse(f"there is a guard of {guard.metric!r} already")
        guards.append(guard)
    if not guards:
        node.refuse("needs at least one guard", "Write `guards: [{metric: error_rate, tolerance: 0.01}]`.")
    return tuple(guards)


def _guard(node: Node) -> Guard:
    fields = node.fields(("metric", "name", "tolerance", "min_n"))
    if "metric" not in fields:
        node.refuse("`metric` is missing", f"Known: {', '.join(_METRICS)}.")
    metric = cast("GuardName", word(fields["metric"], _METRICS))
    if metric == "score" and "name" not in fields:
        node.refuse("needs `name`, the name of the feedback score that is compared", "Write `name: thumbs_up`.")
    if metric != "score" and "name" in fields:
        fields["name"].refuse("only a guard of `score` has a name")
    return Guard(
        metric=metric,
        tolerance=number(fields["tolerance"], 0.0, MAX_TOLERANCE) if "tolerance" in fields else _TOLERANCES[metric],
        min_n=fields["min_n"].integer(20, MAX_MIN_N) if "min_n" in fields else 100,
        name=fields["name"].text() if "name" in fields else "",
    )
