"""Section `models` of the configuration: routes, their targets, and how calls of a route behave."""

import hashlib
import json
from collections.abc import Mapping

from kaname.gateway.config.cache import read_cache
from kaname.gateway.config.canary import read_canary
from kaname.gateway.config.guardrails import read_guardrails
from kaname.gateway.config.model import (
    Choose,
    Mirror,
    ModelRoute,
    Provider,
    RetryPolicy,
    RouteStep,
    Split,
    Sticky,
    Target,
    split_name,
)
from kaname.gateway.config.values import duration_s, number, word
from kaname.gateway.routing.expression import ExpressionError, compile_expression
from kaname.gateway.upstream_response import Timeouts
from kaname.gateway.yaml_tree import Node

_STEP = (
    "when", "targets", "split", "fallback", "context_fallback", "content_fallback", "mirror", "choose",
)  # fmt: skip
_MODEL = ("use", "route", "fallback", "timeouts", "retry", "tools", "context_window", "cache", "guardrails")
_NOT_IN_ANSWERS = frozenset({"cache", "timeouts", "retry", "context_window"})
_KEPT = frozenset({"model", "messages", "stream", "stream_options", "input", "prompt"})
MAX_TARGETS = 64


def read_models(node: Node | None, providers: Mapping[str, Provider], shared: bytes = b"") -> dict[str, ModelRoute]:
    """All routes by alias. `shared`: whatever else in the file can change answers."""
    if node is None:
        return {}
    models = {name: _model(name, child, providers, shared) for name, child in node.mapping().items()}
    _refuse_shared_canaries(node, models)
    return models


def _refuse_shared_canaries(node: Node, models: Mapping[str, ModelRoute]) -> None:
    """A canary is judged by the calls recorded under its name, so no other split may have that."""
    owners: dict[str, tuple[str, Split]] = {}
    for model, route in models.items():
        for index, step in enumerate(route.steps):
            if step.split is None:
                continue
            name = split_name(model, index, step.split)
            before = owners.setdefault(name, (model, step.split))
            if before[1] is not step.split and (before[1].canary is not None or step.split.canary is not None):
                node.mapping()[model].refuse(
                    f"its split {name!r} has the name of a split of {before[0]!r}, and one of them is a canary",
                    "Give each its own `experiment`.",
                )


def _model(name: str, node: Node, providers: Mapping[str, Provider], shared: bytes) -> ModelRoute:
    if not name.isprintable() or len(name) > 256 or not name:
        node.refuse(f"{name!r} can't be a model's name", "Use 1 to 256 printable characters.")
    fields = node.fields(_MODEL)
    if ("use" in fields) == ("route" in fields):
        node.refuse("needs either `use` or `route`", "Write `{use: provider/model}`.")
    if "use" in fields:
        fallback = _targets(fields["fallback"], providers) if "fallback" in fields else ()
        steps = (RouteStep(arms={"": (_target(fields["use"], providers),)}, fallback=fallback),)
    else:
        if "fallback" in fields:
            fields["fallback"].refuse("belongs into a step of `route`")
        steps = _steps(fields["route"], providers)
    route = ModelRoute(
        name=name,
        steps=steps,
        timeouts=_timeouts(fields["timeouts"]) if "timeouts" in fields else Timeouts(),
        retry=_retry(fields["retry"]) if "retry" in fields else RetryPolicy(),
        tools=fields["tools"].boolean() if "tools" in fields else None,
        context_window=fields["context_window"].integer(1, 1 << 40) if "context_window" in fields else None,
        guards=read_guardrails(fields["guardrails"]) if "guardrails" in fields else None,
        cache=read_cache(fields["cache"], _version(fields, shared)) if "cache" in fields else None,
    )
    if sum(1 for _ in route.targets()) > MAX_TARGETS:
        node.refuse(f"has more than {MAX_TARGETS} targets")
    return route


def _version(fields: Mapping[str, Node], shared: bytes) -> str:
    """Changes with whatever in the file can change this route's answers."""
    said = {key: child.plain() for key, child in fields.items() if key not in _NOT_IN_ANSWERS}
    return hashlib.sha256(shared + json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _steps(node: Node, providers: Mapping[str, Provider]) -> tuple[RouteStep, ...]:
    steps = tuple(_step(child, providers) for child in node.items())
    if not steps:
        node.refuse("has no steps", "Write `[{targets: [{use: provider/model}]}]`.")
    for child, step in zip(node.items()[:-1], steps[:-1], strict=True):
        if step.when is None:
            child.refuse("takes every call, so the steps after it are never reached", "Add `when`, or put it last.")
    return steps


def _step(node: Node, providers: Mapping[str, Provider]) -> RouteStep:
    fields = node.fields(_STEP)
    if "targets" not in fields:
        node.refuse("`targets` is missing", "Write `targets: [{use: provider/model}]`.")
    split = _split(fields["split"]) if "split" in fields else None
    when = fields.get("when")
    try:
        condition = compile_expression(when.text()) if when is not None else None
    except ExpressionError as e:
        assert when is not None
        when.refuse(f"{when.text()!r}: {e}", 'Example: `metadata.plan == "free"`.')
    return RouteStep(
        when=condition,
        when_text=when.text() if when is not None else "",
        split=split,
        arms=_arms(fields["targets"], split, providers),
        fallback=_targets(fields["fallback"], providers) if "fallback" in fields else (),
        context_fallback=_targets(fields["context_fallback"], providers) if "context_fallback" in fields else (),
        content_fallback=_targets(fields["content_fallback"], providers) if "content_fallback" in fields else (),
        mirror=_mirror(fields["mirror"], providers) if "mirror" in fields else None,
        choose=_choose(fields["choose"]) if "choose" in fields else "balanced",
    )


def _arms(node: Node, split: Split | None, providers: Mapping[str, Provider]) -> dict[str, tuple[Target, ...]]:
    if split is None:
        targets = _targets(node, providers)
        if not targets:
            node.refuse("has no targets", "Write `[{use: provider/model}]`.")
        return {"": targets}
    arms: dict[str, tuple[Target, ...]] = {}
    for arm, child in node.mapping().items():
        if arm not in split.arms:
            child.refuse(f"no arm is called {arm!r}", f"Arms: {', '.join(split.arms)}.")
        alone = isinstance(child.value, (str, Mapping))
        arms[arm] = (_target(child, providers),) if alone else _targets(child, providers)
        if not arms[arm]:
            child.refuse("has no targets")
    for arm in split.arms:
        if arm not in arms:
            node.refuse(f"arm {arm!r} has no target", f"Add `{arm}: {{use: provider/model}}`.")
    return arms


def _split(node: Node) -> Split:
    fields = node.fields(("arms", "sticky", "experiment", "metric", "bandit", "floor", "canary"))
    if "arms" not in fields:
        node.refuse("`arms` is missing", "Write `arms: {a: 90, b: 10}`.")
    arms = {name: number(child, 0, 1e9) for name, child in fields["arms"].mapping().items()}
    if len(arms) < 2 or not any(arms.values()):
        fields["arms"].refuse("needs two or more arms, one of which has weight")
    bandit = "bandit" in fields and word(fields["bandit"], ("thompson",)) == "thompson"
    if bandit and "metric" not in fields:
        fields["bandit"].refuse("needs `metric`, the name of the feedback score that decides")
    if bandit and "canary" in fields:
        fields["canary"].refuse("a split is either a canary or learns (`bandit`)", "Remove one of them.")
    floor = number(fields["floor"], 0.0, 1.0 / len(arms)) if "floor" in fields else min(0.05, 1.0 / len(arms))
    sticky: Sticky = "session_id"
    if "sticky" in fields:
        sticky = word(fields["sticky"], ("session_id", "user_id", "key_id", "none"))  # type: ignore[assignment]
    return Split(
        arms=arms,
        sticky=sticky,
        experiment=fields["experiment"].text() if "experiment" in fields else "",
        metric=fields["metric"].text() if "metric" in fields else "",
        bandit=bandit,
        floor=floor,
        canary=read_canary(fields["canary"], arms) if "canary" in fields else None,
    )


def _choose(node: Node) -> Choose:
    return word(node, ("balanced", "cheapest", "fastest"))  # type: ignore[return-value]


def _mirror(node: Node, providers: Mapping[str, Provider]) -> Mirror:
    fields = node.fields(("use", "sample", "max_in_flight"))
    if "use" not in fields:
        node.refuse("`use` is missing", "Write `{use: provider/model, sample: 0.05}`.")
    return Mirror(
        target=_target(fields["use"], providers),
        sample=number(fields["sample"], 0.0, 1.0) if "sample" in fields else 1.0,
        max_in_flight=fields["max_in_flight"].integer(1, 1024) if "max_in_flight" in fields else 4,
    )


def _targets(node: Node, providers: Mapping[str, Provider]) -> tuple[Target, ...]:
    return tuple(_target(child, providers) for child in node.items())


def _target(node: Node, providers: Mapping[str, Provider]) -> Target:
    """A target as text (`provider/model`) or as a map with `use`."""
    if isinstance(node.value, str):
        use, weight, overrides = node, 1.0, {}
    else:
        fields = node.fields(("use", "weight", "overrides"))
        if "use" not in fields:
            node.refuse("`use` is missing", "Write `{use: provider/model}`.")
        use = fields["use"]
        weight = number(fields["weight"], 0.001, 1e6) if "weight" in fields else 1.0
        overrides = _overrides(fields["overrides"]) if "overrides" in fields else {}
    provider, slash, model = use.text().partition("/")
    if not slash or not model or not model.isprintable():
        use.refuse(f"{use.text()!r} isn't `provider/model`")
    if provider not in providers:
        use.refuse(f"no provider is called {provider!r}", f"Known: {', '.join(providers)}.")
    return Target(provider=provider, model=model, weight=weight, overrides=overrides)


def _overrides(node: Node) -> dict[str, object]:
    for key, child in node.mapping().items():
        if key in _KEPT:
            child.refuse(f"{key!r} can't be overridden")
    return {key: child.plain() for key, child in node.mapping().items()}


def _timeouts(node: Node) -> Timeouts:
    fields = node.fields(("connect", "ttft", "stall", "total"))
    values = {key: duration_s(child) for key, child in fields.items()}
    default = Timeouts()
    return Timeouts(
        connect_s=values.get("connect", default.connect_s),
        first_byte_s=values.get("ttft", default.first_byte_s),
        stall_s=values.get("stall", default.stall_s),
        total_s=values.get("total", default.total_s),
    )


def _retry(node: Node) -> RetryPolicy:
    fields = node.fields(("max", "base", "cap", "honor_retry_after"))
    default = RetryPolicy()
    return RetryPolicy(
        max=fields["max"].integer(0, 10) if "max" in fields else default.max,
        base_s=duration_s(fields["base"]) if "base" in fields else default.base_s,
        cap_s=duration_s(fields["cap"]) if "cap" in fields else default.cap_s,
        honor_retry_after=fields["honor_retry_after"].boolean() if "honor_retry_after" in fields else True,
    )
