"""When the guards of a canary are asked, and what follows. Pure: the statistics are in `routing/canary.py`.

Every look can err by chance, so there are few: a guard is asked anew when its observations have grown by a half, and
once when the step's interval is over. Harm is acted on at every look; a step is left upwards only after its interval.
"""

from collections.abc import Sequence
from typing import NamedTuple

from kaname.gateway.canaries.model import Canary, ChangeAction, Standing
from kaname.gateway.canaries.observations import Evidence
from kaname.gateway.routing.canary import CanaryState, Guard, GuardResult, decide

_GROWTH = 1.5


class Look(NamedTuple):
    """What the guards said. `action` None: the canary stays where it is."""

    action: ChangeAction | None
    state: CanaryState
    findings: tuple[GuardResult, ...]


def sizes(guards: Sequence[Guard], evidence: Evidence) -> list[int]:
    """How many observations each guard can compare."""
    stable, canary = evidence.stable, evidence.canary
    known = {
        "error_rate": min(stable.calls, canary.calls),
        "p95_latency": min(sum(stable.latencies.values()), sum(canary.latencies.values())),
        "cost": min(sum(stable.costs.values()), sum(canary.costs.values())),
        "score": min(len(evidence.stable_scores), len(evidence.canary_scores)),
    }
    return [known[guard.metric] for guard in guards]


def is_due(standing: Standing, canary: Canary, evidence: Evidence, now_ns: int) -> bool:
    """Whether the guards are worth asking now."""
    guards = canary.plan.settings.guards
    ready = [
        (guard, n) for guard, n in zip(guards, sizes(guards, evidence), strict=True) if n >= guard.min_n
    ]  # fmt: skip
    if not ready:
        return False
    known = {finding.metric: finding.n for finding in standing.findings if finding.low is not None}
    if any(n >= _GROWTH * known.get(guard.metric, 0) for guard, n in ready):
        return True
    ends_ns = _interval_end(standing, canary)
    return standing.looked_ns < ends_ns <= now_ns


def look(standing: Standing, canary: Canary, evidence: Evidence, now_ns: int) -> Look:
    """Asks the guards."""
    settings = canary.plan.settings
    decision = decide(
        standing.state,
        evidence.stable.observations(evidence.stable_scores, seed=2 * standing.generation),
        evidence.canary.observations(evidence.canary_scores, seed=2 * standing.generation + 1),
        settings,
    )
    counts = sizes(settings.guards, evidence)
    findings = tuple(found._replace(n=n) for found, n in zip(decision.results, counts, strict=True))
    if decision.action == "rollback":
        return Look("rollback", decision.state, findings)
    if decision.action == "hold" or now_ns < _interval_end(standing, canary):
        return Look(None, standing.state, findings)
    return Look("finish" if decision.state.phase == "finished" else "advance", decision.state, findings)


def _interval_end(standing: Standing, canary: Canary) -> int:
    return standing.since_ns + int(canary.plan.interval_s * 1e9)
