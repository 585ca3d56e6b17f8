"""Puts together the gateway's state from memory: no queries, nothing that a running call would notice."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from kaname.gateway.cache.statistics import CacheStatistics
from kaname.gateway.canaries.book import CanaryBook
from kaname.gateway.canaries.model import Canary
from kaname.gateway.config import GatewayConfig, Provider, Target
from kaname.gateway.config_file import ConfigFile
from kaname.gateway.health import HealthBook, KeyHealth, TargetHealth
from kaname.gateway.history.views import show_problem
from kaname.gateway.model import telemetry_provider
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.pricing.list_price import list_price
from kaname.gateway.status.cached import show_cache
from kaname.gateway.status.graph import show_route, show_traffic
from kaname.gateway.status.views import (
    GatewayStatusView,
    ProviderKeyView,
    ProviderView,
    TargetKeyView,
    TargetView,
)
from kaname.kernel.clock import Clock


class GatewayStatus:
    """The state now. May be asked from any thread."""

    def __init__(
        self,
        file: ConfigFile,
        health: HealthBook,
        prices: PriceBook,
        clock: Clock,
        cache: Callable[[], CacheStatistics | None] = lambda: None,
        canaries: CanaryBook | None = None,
    ) -> None:
        self._file = file
        self._health = health
        self._prices = prices
        self._clock = clock
        self._cache = cache
        self._canaries = canaries
        self._started_at = clock.now()

    def show(self) -> GatewayStatusView:
        """Everything at once; the parts may be a call apart."""
        config, fault = self._file.current, self._file.fault
        now, wall = self._clock.monotonic(), self._clock.now()
        health = dict(self._health.items())
        routes = dict(self._health.routes())
        return GatewayStatusView(
            version=config.version,
            problem=show_problem(fault) if fault is not None else None,
            default_provider=config.default_provider,
            on_disconnect="drain" if config.drain_on_disconnect else "cancel",
            at=wall,
            started_at=self._started_at,
            providers=[_provider(provider, health, now) for provider in config.providers.values()],
            targets=self._targets(config, health, now, wall),
            routes=[show_route(route, routes.get(route.name), now, self._weights) for route in config.models.values()],
            cache=show_cache(self._cache(), config),
        )

    def _weights(self, canary: Canary) -> Mapping[str, float]:
        return canary.weights(self._canaries.standing(canary) if self._canaries is not None else None)

    def _targets(
        self, config: GatewayConfig, health: dict[str, TargetHealth], now: float, wall: datetime
    ) -> list[TargetView]:
        """Those of the routes, then others that were called by their name."""
        listed = {target.name: target for route in config.models.values() for target in route.targets()}
        mirrors = (step.mirror for route in config.models.values() for step in route.steps)
        listed |= {mirror.target.name: mirror.target for mirror in mirrors if mirror is not None}
        configured = frozenset(listed)
        for name in health:
            provider, _, model = name.partition("/")
            if name not in listed and provider in config.providers:
                listed[name] = Target(provider=provider, model=model)
        return [
            self._target(config.providers[target.provider], target, health.get(name), now, wall, name in configured)
            for name, target in listed.items()
        ]

    def _target(
        self,
        provider: Provider,
        target: Target,
        health: TargetHealth | None,
        now: float,
        wall: datetime,
        configured: bool,
    ) -> TargetView:
        price_provider = telemetry_provider(provider.type, provider.name)
        price = list_price(self._prices, price_provider, target.model, self._clock.now_ns())
        latency_s = health.load.latency_s if health is not None else None
        known_keys = health.keys if health is not None else {}
        names = [key.name for key in provider.keys] or [""]
        return TargetView(
            name=target.name,
            provider=target.provider,
            model=target.model,
            configured=configured,
            in_flight=health.load.in_flight if health is not None else 0,
            latency_ms=None if latency_s is None else round(latency_s * 1000, 2),
            input_usd_per_mtok=price.input_usd_per_mtok,
            output_usd_per_mtok=price.output_usd_per_mtok,
            keys=[_key(name, known_keys.get(name), now, wall) for name in names],
            traffic=show_traffic(now, *([health.traffic] if health is not None else [])),
        )


def _provider(provider: Provider, health: dict[str, TargetHealth], now: float) -> ProviderView:
    prefix = f"{provider.name}/"
    targets = [target for name, target in health.items() if name.startswith(prefix)]
    url = provider.base_url
    return ProviderView(
        name=provider.name,
        type=provider.type,
        base_url=f"{url.origin.scheme}://{url.host_header}{url.path}" if url is not None else None,
        keys=[ProviderKeyView(name=key.name, weight=key.weight) for key in provider.keys],
        in_flight=sum(target.load.in_flight for target in targets),
        traffic=show_traffic(now, *(target.traffic for target in targets)),
    )


def _key(name: str, health: KeyHealth | None, now: float, wall: datetime) -> TargetKeyView:
    if health is None:
        return TargetKeyView(name=name, state="closed", retry_after_s=0, requests=0, last_used_at=None)
    return TargetKeyView(
        name=name,
        state=health.breaker.state(now),
        retry_after_s=round(health.breaker.retry_after_s(now), 3),
        requests=health.requests,
        last_used_at=wall - timedelta(seconds=now - health.last_used) if health.requests else None,
    )
