"""An explanation as lines for people."""

from collections.abc import Iterator

from kaname.gateway.explain.views import CanaryResult, LimitResult, PlanExplanation, SplitResult, TargetResult


def render(plan: PlanExplanation) -> Iterator[str]:
    """From the model's name to the last fallback."""
    stream = ", streamed" if plan.stream else ""
    yield f"{plan.requested_model} ({plan.surface}{stream}), configuration {plan.config_version}"
    yield f"  found as: {plan.resolved_by}"
    for name, value in plan.caller.items():
        yield f"  {name}: {value}"
    yield "steps"
    for step in plan.steps:
        condition = step.when or "(every call)"
        verdict = {True: "holds", False: "doesn't hold", None: "not reached"}[step.holds]
        yield f"  {step.index}. {condition} → {verdict}"
    if plan.split is not None:
        yield from _split(plan.split)
    yield "targets, in this order" + ("" if plan.choose == "balanced" else f" ({plan.choose} of equals first)")
    for target in plan.targets:
        yield from _target(target)
    tokens = plan.tokens
    source = "max_tokens" if tokens.output_source == "request" else "a guess"
    yield f"tokens: about {tokens.input_tokens} in, up to {tokens.output_tokens} out ({source})"
    timeouts = ", ".join(f"{name} {value:g}s" for name, value in plan.timeouts_s.items())
    yield f"retries: {plan.retries}; timeouts: {timeouts}"
    yield "limits" if plan.limits else "limits: none"
    for limit in plan.limits:
        yield f"  {_limit(limit)}"
    if plan.refused:
        yield f"the call would be REFUSED: {plan.refused}"


def _split(split: SplitResult) -> Iterator[str]:
    shares = ", ".join(f"{arm} {share:.2%}" for arm, share in split.shares.items())
    yield f"split: {shares}"
    if split.canary is not None:
        yield f"  {_canary(split.canary)}"
    if split.drawn:
        missing = "" if split.sticky == "none" else f"no {split.sticky}, so "
        yield f"  {missing}each call draws its arm; shown is the likeliest, {split.arm}"
    else:
        yield f"  {split.sticky} {split.value!r} → bucket {split.bucket} → arm {split.arm} (p = {split.propensity:g})"


def _canary(canary: CanaryResult) -> str:
    where = f"step {canary.step + 1} of {len(canary.steps)}"
    words = {
        "unknown": f"{where}; without a server its standing isn't known, this is how it begins",
        "waiting": "no gateway has begun it yet",
        "running": where,
        "rolled_back": f"rolled back at {where}",
        "finished": "finished",
    }
    return f"canary {canary.name}: arm {canary.arm} gets {canary.share:.0%}, {words[canary.phase]}"


def _target(target: TargetResult) -> Iterator[str]:
    weight = "" if target.weight == 1 else f", weight {target.weight:g}"
    cost = "price unknown" if target.estimated_cost_usd is None else f"about ${target.estimated_cost_usd}"
    yield f"  {target.role}: {target.name}{weight}: {target.wire}, {cost}"
    if target.url:
        yield f"    {target.url} ({target.upstream_format})"
    if not target.allowed:
        yield "    left out: the key may not use this provider"
    if target.problem:
        yield f"    can't take this request: {target.problem}"
    for warning in target.warnings:
        yield f"    lost: {warning}"
    keys = [f"{key.name} ({key.state})" for key in target.keys if key.name]
    if keys:
        yield f"    keys: {', '.join(keys)}"


def _limit(limit: LimitResult) -> str:
    left = f", {limit.remaining} left" if limit.remaining is not None else ""
    verdict = f" → would {limit.effect if limit.effect != 'shadow' else 'refuse, but only evaluates'}"
    note = f" ({limit.note})" if limit.note else ""
    return f"{limit.name}: {limit.kind} {limit.limit}{left}{verdict if limit.would_refuse else ''}{note}"
