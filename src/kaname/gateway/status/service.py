"""Puts together the gateway's state: this process's from memory, the others' as they last told it.

Nothing that a running call would notice. Breakers are each process's own, so a key's state is the worst of all, and
the processes that have it otherwise than closed are named.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from kaname.gateway.canaries.book import CanaryBook
from kaname.gateway.canaries.model import Canary
from kaname.gateway.config import GatewayConfig, Provider, Target
from kaname.gateway.config_file import ConfigFile
from kaname.gateway.history.views import show_problem
from kaname.gateway.model import telemetry_provider
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.pricing.list_price import list_price
from kaname.gateway.processes.state import KeyState, TargetState
from kaname.gateway.processes.store import SeenProcess
from kaname.gateway.processes.teller import ProcessTeller
from kaname.gateway.routing.breaker import BreakerState
from kaname.gateway.status.cached import add_caches, show_cache
from kaname.gateway.status.graph import show_route, show_traffic
from kaname.gateway.status.views import (
    GatewayProcessView,
    GatewayStatusView,
    KeyInProcessView,
    ProviderKeyView,
    ProviderView,
    TargetKeyView,
    TargetView,
)
from kaname.gateway.traffic import TrafficSum
from kaname.kernel.clock import Clock, from_ns
from kaname.kernel.errors import KanameError

_WORST: tuple[BreakerState, ...] = ("open", "half_open", "cooling", "ramping", "closed")

logger = logging.getLogger(__name__)


class GatewayStatus:
    """The state now. May be asked from any thread."""

    def __init__(
        self,
        file: ConfigFile,
        teller: ProcessTeller,
        prices: PriceBook,
        clock: Clock,
        canaries: CanaryBook | None = None,
    ) -> None:
        self._file = file
        self._teller = teller
        self._prices = prices
        self._clock = clock
        self._canaries = canaries

    def show(self) -> GatewayStatusView:
        """Everything at once; the parts may be a call apart, and other processes a few seconds behind."""
        config, fault = self._file.current, self._file.fault
        wall, own = self._clock.now(), self._teller.facts
        processes = [SeenProcess(facts=own, seen_at=wall, state=self._teller.own()), *self._others()]
        states = [process.state for process in processes]
        arms: dict[str, dict[tuple[int, str], list[TrafficSum]]] = {}
        for arm in (arm for state in states for arm in state.arms):
            arms.setdefault(arm.route, {}).setdefault((arm.step, arm.arm), []).append(arm.traffic)
        return GatewayStatusView(
            version=config.version,
            problem=show_problem(fault) if fault is not None else None,
            default_provider=config.default_provider,
            on_disconnect="drain" if config.drain_on_disconnect else "cancel",
            at=wall,
            started_at=own.started_at,
            processes=[_process(process, answers=process.facts is own) for process in processes],
            providers=[_provider(provider, processes) for provider in config.providers.values()],
            targets=self._targets(config, processes),
            routes=[show_route(route, arms.get(route.name, {}), self._weights) for route in config.models.values()],
            cache=show_cache(add_caches(state.cache for state in states), config),
        )

    def _others(self) -> Sequence[SeenProcess]:
        """None while the database is away: what this process knows is shown all the same."""
        try:
            return self._teller.others()
        except KanameError as e:
            logger.warning("other gateway processes can't be shown now: %s", e)
            return ()

    def _weights(self, canary: Canary) -> Mapping[str, float]:
        return canary.weights(self._canaries.standing(canary) if self._canaries is not None else None)

    def _targets(self, config: GatewayConfig, processes: Sequence[SeenProcess]) -> list[TargetView]:
        """Those of the routes, then others that were called by their name."""
        listed = {target.name: target for route in config.models.values() for target in route.targets()}
        mirrors = (step.mirror for route in config.models.values() for step in route.steps)
        listed |= {mirror.target.name: mirror.target for mirror in mirrors if mirror is not None}
        configured = frozenset(listed)
        for name in (name for process in processes for name in process.state.targets):
            provider, _, model = name.partition("/")
            if name not in listed and provider in config.providers:
                listed[name] = Target(provider=provider, model=model)
        return [
            self._target(config.providers[target.provider], target, processes, name in configured)
            for name, target in listed.items()
        ]

    def _target(
        self, provider: Provider, target: Target, processes: Sequence[SeenProcess], configured: bool
    ) -> TargetView:
        price_provider = telemetry_provider(provider.type, provider.name)
        price = list_price(self._prices, price_provider, target.model, self._clock.now_ns())
        states = [found for p in processes if (found := p.state.targets.get(target.name)) is not None]
        names, wall = [key.name for key in provider.keys] or [""], self._clock.now()
        return TargetView(
            name=target.name,
            provider=target.provider,
            model=target.model,
            configured=configured,
            in_flight=sum(state.in_flight for state in states),
            latency_ms=_latency_ms(states),
            input_usd_per_mtok=price.input_usd_per_mtok,
            output_usd_per_mtok=price.output_usd_per_mtok,
            keys=[_key(name, _keys_named(processes, target.name, name, wall)) for name in names],
            traffic=show_traffic(state.traffic for state in states),
        )


def _process(process: SeenProcess, *, answers: bool) -> GatewayProcessView:
    facts, targets = process.facts, process.state.targets.values()
    return GatewayProcessView(
        name=facts.name,
        kind=facts.kind,
        version=process.state.version,
        started_at=facts.started_at,
        seen_at=process.seen_at,
        answers=answers,
        in_flight=sum(target.in_flight for target in targets),
        requests_since_start=sum(target.traffic.requests for target in targets),
        errors_since_start=sum(target.traffic.errors for target in targets),
    )


def _provider(provider: Provider, processes: Sequence[SeenProcess]) -> ProviderView:
    prefix = f"{provider.name}/"
    targets = [t for p in processes for name, t in p.state.targets.items() if name.startswith(prefix)]
    url = provider.base_url
    return ProviderView(
        name=provider.name,
        type=provider.type,
        base_url=f"{url.origin.scheme}://{url.host_header}{url.path}" if url is not None else None,
        keys=[ProviderKeyView(name=key.name, weight=key.weight) for key in provider.keys],
        in_flight=sum(target.in_flight for target in targets),
        traffic=show_traffic(target.traffic for target in targets),
    )


def _latency_ms(states: Sequence[TargetState]) -> float | None:
    """The processes' averages, each by how much it called of late."""
    known = [(state.latency_s, 1 + state.traffic.window_requests) for state in states if state.latency_s is not None]
    weight = sum(calls for _, calls in known)
    return round(sum(latency_s * calls for latency_s, calls in known) / weight * 1000, 2) if weight else None


def _keys_named(processes: Iterable[SeenProcess], target: str, name: str, wall: datetime) -> list[tuple[str, KeyState]]:
    """A key at a target in each process that has used it, with the process's name; waits as they are by now."""
    return [
        (process.facts.name, replace(key, retry_after_s=_left_s(key, process, wall)))
        for process in processes
        if (found := process.state.targets.get(target)) is not None
        for key in found.keys
        if key.name == name
    ]


def _left_s(key: KeyState, process: SeenProcess, wall: datetime) -> float:
    return round(max(0.0, key.retry_after_s - max(0.0, (wall - process.seen_at).total_seconds())), 3)


def _key(name: str, known: Sequence[tuple[str, KeyState]]) -> TargetKeyView:
    worst = min((key for _, key in known), key=lambda key: _WORST.index(key.state), default=None)
    used = [key.last_used_s for _, key in known if key.last_used_s is not None]
    return TargetKeyView(
        name=name,
        state=worst.state if worst is not None else "closed",
        retry_after_s=worst.retry_after_s if worst is not None else 0,
        processes=[
            KeyInProcessView(process=process, state=key.state, retry_after_s=key.retry_after_s)
            for process, key in known
            if key.state != "closed"
        ],
        requests=sum(key.requests for _, key in known),
        last_used_at=_at(max(used)) if used else None,
    )


def _at(wall_s: float) -> datetime:
    return from_ns(int(wall_s * 1e9))
