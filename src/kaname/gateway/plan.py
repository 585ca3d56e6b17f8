"""From the model name in a request to where it is sent: `Plan`, compiled once per name and configuration.

Order: alias in the configuration, installed local model, `provider/model`, default provider. A plan holds the bytes
that are the same for every call. `split`, `when` and `fallback` will make the choice of targets depend on the call.
"""

import difflib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from kaname.gateway.config import (
    LOCAL,
    BaseUrl,
    GatewayConfig,
    ModelRoute,
    Provider,
    ProviderKey,
    Target,
    parse_base_url,
)
from kaname.gateway.model import Surface
from kaname.gateway.openai_errors import model_not_found
from kaname.gateway.pool import Origin
from kaname.gateway.ports import LocalEndpoint, LocalModelInfo, LocalModels
from kaname.gateway.upstream_response import Timeouts

MAX_PLANS = 4096
_PATHS: dict[Surface, str] = {
    "chat_completions": "/chat/completions",
    "completions": "/completions",
    "embeddings": "/embeddings",
}


@dataclass(slots=True, kw_only=True)
class PlannedTarget:
    """A target with what is needed to call it. `base_url` None: ask `LocalModels` at call time."""

    target: Target
    provider: Provider
    name: str
    """`provider/model`."""
    header_value: bytes
    """The same, safe in a response header."""
    heads: dict[tuple[Surface, str], tuple[Origin, bytes]]
    next_key: Callable[[], int]

    def key(self) -> ProviderKey | None:
        """The next of the provider's keys, in turn."""
        keys = self.provider.keys
        if not keys:
            return None
        return keys[0] if len(keys) == 1 else keys[self.next_key() % len(keys)]

    def head(self, surface: Surface, key: ProviderKey | None) -> tuple[Origin, bytes]:
        """Where to connect and the request head up to and including `content-length: `."""
        cache_key = (surface, key.name if key is not None else "")
        found = self.heads.get(cache_key)
        if found is None:
            assert self.provider.base_url is not None
            secret = key.secret if key is not None else ""
            found = self.heads[cache_key] = request_head(self.provider.base_url, surface, secret)
        return found


@dataclass(slots=True, kw_only=True)
class Plan:
    """What a model name stands for, ready to be called. `timeouts` of a stream and of a single answer differ."""

    route: ModelRoute
    targets: tuple[PlannedTarget, ...]
    stream_timeouts: Timeouts
    answer_timeouts: Timeouts
    """A single answer is silent until it is done, so only the total counts."""


class Planner:
    """Plans by name for one configuration at a time; forgets them when another comes into force."""

    def __init__(self, local_models: LocalModels) -> None:
        self._local_models = local_models
        self._config: GatewayConfig | None = None
        self._plans: dict[str, Plan] = {}

    def plan(self, config: GatewayConfig, name: str) -> Plan:
        """The plan for a model name; raises NotFoundError with near names."""
        if config is not self._config:
            self._config, self._plans = config, {}
        plan = self._plans.get(name)
        if plan is None:
            route = self._route(config, name)
            plan = compile_plan(config, route)
            if route.targets[0].provider != LOCAL:  # local models come and go without a new configuration
                if len(self._plans) >= MAX_PLANS:
                    self._plans.clear()
                self._plans[name] = plan
        return plan

    def names(self, config: GatewayConfig) -> list[str]:
        """Names that a client can use: aliases, then local models."""
        return [*config.models, *(m.name for m in self._local_models.list() if m.name not in config.models)]

    def local_info(self, model: str) -> LocalModelInfo | None:
        """The installed model of this name."""
        return next((info for info in self._local_models.list() if info.name == model), None)

    def _route(self, config: GatewayConfig, name: str) -> ModelRoute:
        route = config.models.get(name)
        if route is None:
            route = self._route_by_target(config, name)
        target = route.targets[0]
        if target.provider == LOCAL:
            info = self.local_info(target.model)
            if info is None:
                raise self._not_found(config, name)
            if route.tools is None:
                return ModelRoute(
                    name=name,
                    targets=route.targets,
                    timeouts=route.timeouts,
                    tools=info.tools,
                    context_window=route.context_window or info.context_window,
                )
        return route

    def _route_by_target(self, config: GatewayConfig, name: str) -> ModelRoute:
        if self.local_info(name) is not None:
            return ModelRoute(name=name, targets=(Target(provider=LOCAL, model=name),))
        provider, slash, model = name.partition("/")
        if slash and model and provider in config.providers:
            return ModelRoute(name=name, targets=(Target(provider=provider, model=model),))
        if config.default_provider is not None:
            return ModelRoute(name=name, targets=(Target(provider=config.default_provider, model=name),))
        raise self._not_found(config, name)

    def _not_found(self, config: GatewayConfig, name: str) -> Exception:
        local = [f"{LOCAL}/{info.name}" for info in self._local_models.list()]
        return model_not_found(name, difflib.get_close_matches(name, [*self.names(config), *local], n=3, cutoff=0.5))


def compile_plan(config: GatewayConfig, route: ModelRoute) -> Plan:
    """Precomputes everything about a route that doesn't depend on the call."""
    targets = tuple(
        PlannedTarget(
            target=target,
            provider=config.providers[target.provider],
            name=target.name,
            header_value=quote(target.name, safe="/:@+,.-_ ()").encode(),
            heads={},
            next_key=itertools.count().__next__,
        )
        for target in route.targets
    )
    timeouts = route.timeouts
    return Plan(
        route=route,
        targets=targets,
        stream_timeouts=timeouts,
        answer_timeouts=timeouts._replace(first_byte_s=timeouts.total_s),
    )


def local_head(endpoint: LocalEndpoint, surface: Surface) -> tuple[Origin, bytes]:
    """Like `PlannedTarget.head` for a model of this installation; loopback is what it is meant to be."""
    url = parse_base_url(endpoint.base_url, allow_private=True, ca_file="", max_connections=512)
    return request_head(url, surface, endpoint.api_key)


def request_head(url: BaseUrl, surface: Surface, secret: str) -> tuple[Origin, bytes]:
    """The request head up to and including `content-length: `. Nothing of the client's own headers goes upstream."""
    lines = [
        f"POST {url.path}{_PATHS[surface]} HTTP/1.1",
        f"host: {url.host_header}",
        "user-agent: kaname-gateway",
        "accept: */*",
        "accept-encoding: identity",
        "content-type: application/json",
    ]
    if secret:
        lines.append(f"authorization: Bearer {secret}")
    lines.append("content-length: ")
    return url.origin, "\r\n".join(lines).encode("ascii")
