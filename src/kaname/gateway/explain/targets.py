"""What the targets of a plan would get, in the order in which they are tried."""

from collections.abc import Callable, Mapping, Sequence

from kaname.gateway.decode import DecodedRequest
from kaname.gateway.explain.views import TargetKeyResult, TargetResult, TargetRole
from kaname.gateway.health import TargetHealth
from kaname.gateway.limits.costs import estimate_cost
from kaname.gateway.model import Surface
from kaname.gateway.plan import Choice
from kaname.gateway.planned_target import PlannedTarget
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.translation import translate
from kaname.gateway.wire import Wire
from kaname.kernel.errors import KanameError

NANO = 1_000_000_000


class TargetExplainer:
    """Explains targets for one request."""

    def __init__(
        self,
        request: DecodedRequest,
        surface: Surface,
        *,
        tokens: tuple[int, int],
        prices: PriceBook,
        project_id: str,
        at_ns: int,
        health: Mapping[str, TargetHealth] | None,
        now: float,
        allowed: Callable[[PlannedTarget], bool],
    ) -> None:
        self._request = request
        self._surface: Surface = surface
        self._tokens = tokens
        self._prices = prices
        self._project_id = project_id
        self._at_ns = at_ns
        self._health = health
        self._now = now
        self._allowed = allowed

    def explain(self, choice: Choice) -> list[TargetResult]:
        """All targets of a choice."""
        return [self._target(target, role) for target, role in _in_order(choice)]

    def cost_nano_usd(self, target: PlannedTarget) -> int | None:
        """What the call is estimated to cost there."""
        return estimate_cost(
            self._prices, target.price_provider, target.target.model, self._tokens, self._at_ns, self._project_id
        )

    def _target(self, target: PlannedTarget, role: TargetRole) -> TargetResult:
        wire, warnings, problem = self._translated(target)
        url = target.provider.base_url
        cost = self.cost_nano_usd(target)
        return TargetResult(
            name=target.name,
            role=role,
            provider_type=target.provider.type,
            model=target.target.model,
            weight=target.target.weight,
            url=f"{url.origin.scheme}://{url.host_header}{url.path}{wire.path}" if url and wire else None,
            wire="impossible" if wire is None or problem else "passed" if wire.passes else "translated",
            upstream_format=_format(target, wire),
            warnings=warnings,
            problem=problem,
            allowed=self._allowed(target),
            keys=self._keys(target),
            estimated_cost_usd=None if cost is None else format_usd(cost),
        )

    def _translated(self, target: PlannedTarget) -> tuple[Wire | None, list[str], str]:
        """The way to the target, what is lost on it, and why there is none."""
        try:
            wire = target.wire(self._surface, stream=self._request.stream)
            if wire.passes:
                return wire, [], ""
            _, warnings = translate(self._request, target, wire)
        except KanameError as e:
            return None, [], e.message
        return wire, warnings, ""

    def _keys(self, target: PlannedTarget) -> list[TargetKeyResult]:
        names = [key.name for key in target.provider.keys] or [""]
        if self._health is None:
            return [TargetKeyResult(name=name, state="unknown") for name in names]
        known = self._health.get(target.name)
        states = {name: key.breaker.state(self._now) for name, key in known.keys.items()} if known else {}
        return [TargetKeyResult(name=name, state=states.get(name, "closed")) for name in names]


def format_usd(nano_usd: int) -> str:
    """Nano-dollars as decimal text without trailing zeros."""
    whole, rest = divmod(nano_usd, NANO)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")


def _in_order(choice: Choice) -> list[tuple[PlannedTarget, TargetRole]]:
    step, mirror = choice.step, choice.step.mirror
    groups: list[tuple[TargetRole, Sequence[PlannedTarget]]] = [
        ("primary", choice.primary),
        ("fallback", step.fallback),
        ("context_fallback", step.context_fallback),
        ("content_fallback", step.content_fallback),
        ("mirror", mirror.only.primary if mirror is not None and mirror.only is not None else ()),
    ]
    return [(target, role) for role, targets in groups for target in targets]


def _format(target: PlannedTarget, wire: Wire | None) -> str:
    if wire is None:
        return ""
    return wire.upstream_surface if wire.passes else target.provider.type
