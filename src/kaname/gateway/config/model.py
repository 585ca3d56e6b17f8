"""One valid configuration of the gateway as frozen values. Parsing is in `parse.py`; running it in `plan.py`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from kaname.gateway.cache.model import CachePolicy
from kaname.gateway.guardrails.model import Guards
from kaname.gateway.limits.model import KeyDefaults
from kaname.gateway.pool import Origin
from kaname.gateway.routing.canary import CanarySettings
from kaname.gateway.routing.model import RouteInput
from kaname.gateway.upstream_response import Timeouts

LOCAL: Final = "local"
Choose = Literal["balanced", "cheapest", "fastest"]
Sticky = Literal["session_id", "user_id", "key_id", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderKey:
    """A credential for an upstream. `name` says where it came from and may be shown."""

    name: str
    secret: str = field(repr=False)
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseUrl:
    """A parsed upstream address."""

    origin: Origin
    path: str
    """Without a trailing slash, e.g. `/v1`."""

    @property
    def host_header(self) -> str:
        """Value of `Host`."""
        host = f"[{self.origin.host}]" if ":" in self.origin.host else self.origin.host
        default = {"http": 80, "https": 443}[self.origin.scheme]
        return host if self.origin.port == default else f"{host}:{self.origin.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An upstream service. `base_url` is None for `local`, whose address is known only at run time."""

    name: str
    type: str
    base_url: BaseUrl | None
    keys: tuple[ProviderKey, ...] = ()
    stream_usage: bool = True
    """Whether it understands `stream_options.include_usage`."""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    """What its adapter needs besides, e.g. `region` or `api_version`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A model at a provider. `overrides` replace top-level fields of the request."""

    provider: str
    model: str
    weight: float = 1.0
    overrides: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def name(self) -> str:
        """`provider/model`."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryPlan:
    """How an arm is let in step by step. No step is left upwards before `interval_s`; a rollback waits for nothing."""

    arm: str
    settings: CanarySettings = field(default_factory=CanarySettings)
    interval_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Which arm a caller belongs to. `bandit` lets feedback named `metric` move the weights, `canary` the guards."""

    arms: Mapping[str, float]
    sticky: Sticky = "session_id"
    experiment: str = ""
    metric: str = ""
    bandit: bool = False
    floor: float = 0.05
    canary: CanaryPlan | None = None
    """The other arms divide by their weights what it leaves."""


def split_name(route: str, index: int, split: Split) -> str:
    """Names a split, and places callers in its buckets: its experiment, or the route and the step."""
    return split.experiment or f"{route}/{index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A sampled copy of the calls, whose outcome is only recorded."""

    target: Target
    sample: float
    max_in_flight: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteStep:
    """Where calls go for which `when` holds (None: all). `arms` has one entry, `""`, without a split."""

    arms: Mapping[str, tuple[Target, ...]]
    when: Callable[[RouteInput], bool] | None = None
    when_text: str = ""
    split: Split | None = None
    fallback: tuple[Target, ...] = ()
    context_fallback: tuple[Target, ...] = ()
    """Instead of `fallback` when the request is too long for the target."""
    content_fallback: tuple[Target, ...] = ()
    """Instead of `fallback` when the target's own filter refuses the request."""
    mirror: Mirror | None = None
    choose: Choose = "balanced"

    def targets(self) -> Iterator[Target]:
        """Every target that calls may reach."""
        for targets in self.arms.values():
            yield from targets
        yield from self.fallback
        yield from self.context_fallback
        yield from self.content_fallback


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Retries of one call across its whole route. Moving on to a fallback target isn't a retry."""

    max: int = 2
    base_s: float = 0.25
    cap_s: float = 5.0
    honor_retry_after: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRoute:
    """What a model name stands for. The first step whose condition holds takes the call."""

    name: str
    steps: tuple[RouteStep, ...]
    timeouts: Timeouts = field(default_factory=Timeouts)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    tools: bool | None = None
    """False: calls that demand a tool are refused. None: unknown, so the upstream decides."""
    context_window: int | None = None
    cache: CachePolicy | None = None
    guards: Guards | None = None
    """None: the whole file's."""

    def targets(self) -> Iterator[Target]:
        """Every target of every step."""
        for step in self.steps:
            yield from step.targets()


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """One valid configuration. `version` changes with its text."""

    version: str
    providers: Mapping[str, Provider]
    models: Mapping[str, ModelRoute]
    default_provider: str | None = None
    key_defaults: KeyDefaults = field(default_factory=KeyDefaults)
    """What holds for keys without a policy of their own."""
    guards: Guards | None = None
    """Of models that don't say otherwise."""
    drain_on_disconnect: bool = False
    """Whether an answer is read to its end, and paid for, after its client has left."""
    text: str = field(default="", repr=False)


def single_target(name: str, target: Target) -> ModelRoute:
    """The route of a name that stands for one target."""
    return ModelRoute(name=name, steps=(RouteStep(arms={"": (target,)}),))
