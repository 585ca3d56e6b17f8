"""The configuration's routes as a graph for people, with the traffic of each part."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from kaname.gateway.canaries.model import Canary, canary_of
from kaname.gateway.config import ModelRoute, RouteStep, Target, split_name
from kaname.gateway.routing.split import BUCKETS, Arms
from kaname.gateway.status.views import (
    ArmView,
    MirrorView,
    RetryView,
    RouteView,
    SplitView,
    StepView,
    TargetRef,
    TimeoutsView,
    TrafficView,
)
from kaname.gateway.traffic import WINDOW_S, TrafficSum, add_up, count_of


def show_traffic(parts: Iterable[TrafficSum]) -> TrafficView:
    """What several things, or one in several processes, did together."""
    total = add_up(parts)
    count = count_of(total)
    return TrafficView(
        window_s=round(WINDOW_S),
        requests=count.requests,
        errors=count.errors,
        p50_ms=_milliseconds(count.p50_s),
        p95_ms=_milliseconds(count.p95_s),
        requests_since_start=total.requests,
        errors_since_start=total.errors,
    )


def show_route(
    route: ModelRoute,
    arms: Mapping[tuple[int, str], Sequence[TrafficSum]],
    weights: Callable[[Canary], Mapping[str, float]],
) -> RouteView:
    """One alias with its steps. `arms`: traffic by step and arm; `weights`: the present ones of a canary's arms."""
    timeouts, retry = route.timeouts, route.retry
    return RouteView(
        name=route.name,
        context_window=route.context_window,
        tools=route.tools,
        timeouts=TimeoutsView(
            connect_s=timeouts.connect_s,
            ttft_s=timeouts.first_byte_s,
            stall_s=timeouts.stall_s,
            total_s=timeouts.total_s,
        ),
        retry=RetryView(
            max=retry.max, base_s=retry.base_s, cap_s=retry.cap_s, honor_retry_after=retry.honor_retry_after
        ),
        steps=[
            _step(route, i, step, {arm: parts for (at, arm), parts in arms.items() if at == i}, weights)
            for i, step in enumerate(route.steps)
        ],
        traffic=show_traffic(part for parts in arms.values() for part in parts),
    )


def shares_of(weights: Mapping[str, float], name: str) -> dict[str, float]:
    """Which share of calls each arm really gets: its buckets over all."""
    owned = Counter(Arms(weights, name).owners())
    return {arm: owned[arm] / BUCKETS for arm in weights}


def _step(
    route: ModelRoute,
    index: int,
    step: RouteStep,
    counts: Mapping[str, Sequence[TrafficSum]],
    weights: Callable[[Canary], Mapping[str, float]],
) -> StepView:
    split = step.split
    canary = canary_of(route, index, step)
    shares = {"": 1.0}
    if split is not None:
        present = weights(canary) if canary is not None else split.arms
        shares = shares_of(present, split_name(route.name, index, split))
    mirror = step.mirror
    return StepView(
        index=index,
        when=step.when_text,
        choose=step.choose,
        split=SplitView(
            sticky=split.sticky,
            experiment=split.experiment,
            metric=split.metric,
            bandit=split.bandit,
            floor=split.floor,
            canary=canary.id if canary is not None else "",
        )
        if split is not None
        else None,
        arms=[
            ArmView(
                name=arm,
                weight=split.arms[arm] if split is not None else 1.0,
                share=shares[arm],
                targets=_refs(targets),
                traffic=show_traffic(counts.get(arm, ())),
            )
            for arm, targets in step.arms.items()
        ],
        fallback=_refs(step.fallback),
        context_fallback=_refs(step.context_fallback),
        content_fallback=_refs(step.content_fallback),
        mirror=MirrorView(target=_ref(mirror.target), sample=mirror.sample, max_in_flight=mirror.max_in_flight)
        if mirror is not None
        else None,
    )


def _refs(targets: Iterable[Target]) -> list[TargetRef]:
    return [_ref(target) for target in targets]


def _ref(target: Target) -> TargetRef:
    return TargetRef(name=target.name, weight=target.weight, overrides=dict(target.overrides))


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
