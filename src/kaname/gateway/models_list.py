"""`GET /v1/models`: the names that a key may use, in OpenAI's shape plus what we know of each.

A name stands for its route's first target where context window and prices are concerned; null is unknown, never zero.
"""

import time

from kaname.gateway.config import LOCAL, GatewayConfig, ModelRoute, Target, single_target
from kaname.gateway.limits.key_limits import KeyLimits
from kaname.gateway.limits.model import Subject
from kaname.gateway.limits.service import LimitService
from kaname.gateway.model import telemetry_provider
from kaname.gateway.openai_errors import model_not_allowed
from kaname.gateway.plan import Planner
from kaname.gateway.ports import Caller, LocalModelInfo, LocalModels
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.pricing.list_price import list_price

ModelObject = dict[str, object]
MAX_WINDOWS = 4096


class ModelsList:
    """Lists models for a caller. Belongs to the event loop of the limits."""

    def __init__(self, planner: Planner, local_models: LocalModels, limits: LimitService, prices: PriceBook) -> None:
        self._planner = planner
        self._local_models = local_models
        self._limits = limits
        self._prices = prices
        self._windows: dict[tuple[str, str], int | None] = {}

    def list(self, config: GatewayConfig, caller: Caller) -> "list[ModelObject]":
        """Aliases first, then installed local models that no alias hides; without those that the key may not use."""
        limits = self._limits_of(caller)
        routes = [
            *config.models.values(),
            *(
                single_target(info.name, Target(provider=LOCAL, model=info.name))
                for info in self._local_models.list()
                if info.name not in config.models
            ),
        ]
        return [self._describe(route, config, caller) for route in routes if _may_use(limits, route)]

    def get(self, config: GatewayConfig, caller: Caller, name: str) -> ModelObject:
        """One model, `provider/model` included; raises NotFoundError with near names, or PermissionDeniedError."""
        route = self._planner.plan(config, name).route
        if not _may_use(self._limits_of(caller), route):
            raise model_not_allowed(name)
        return self._describe(route, config, caller)

    def _limits_of(self, caller: Caller) -> KeyLimits:
        return self._limits.limits_of(Subject(caller.id, caller.project_id or "", caller.organization_id or ""))

    def _describe(self, route: ModelRoute, config: GatewayConfig, caller: Caller) -> ModelObject:
        target = next(route.targets())
        provider = config.providers[target.provider]
        price_provider = telemetry_provider(provider.type, provider.name)
        price = list_price(self._prices, price_provider, target.model, time.time_ns(), caller.project_id or "")
        local = self._local(target)
        return {
            "id": route.name,
            "object": "model",
            "created": local.created if local is not None else 0,
            "owned_by": target.provider,
            "context_window": route.context_window
            or (local.context_window if local is not None else self._window(price_provider, target.model)),
            "pricing": {
                "input_usd_per_mtok": price.input_usd_per_mtok,
                "output_usd_per_mtok": price.output_usd_per_mtok,
            },
            "capabilities": {
                "tools": route.tools if route.tools is not None or local is None else local.tools,
                "embeddings": local.embeddings if local is not None else None,
            },
        }

    def _local(self, target: Target) -> LocalModelInfo | None:
        return self._planner.local_info(target.model) if target.provider == LOCAL else None

    def _window(self, provider: str, model: str) -> int | None:
        """From the snapshot of public prices, which is slow to ask."""
        key = (provider, model)
        if key not in self._windows:
            if len(self._windows) >= MAX_WINDOWS:
                self._windows.clear()
            self._windows[key] = self._prices.context_window(provider, model)
        return self._windows[key]


def _may_use(limits: KeyLimits, route: ModelRoute) -> bool:
    """Whether the key's policy allows the name, and at least one provider behind it."""
    if limits.policy.shadow:
        return True
    allow = limits.providers.allow
    return limits.models.allow(route.name) and any(allow(t.provider) or allow(t.name) for t in route.targets())
