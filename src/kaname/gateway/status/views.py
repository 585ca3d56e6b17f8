"""Shapes of the gateway's state: providers, targets and routes, each with what passed in the last minutes."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from kaname.gateway.history.views import ConfigProblem

BreakerStateName = Literal["closed", "cooling", "open", "half_open", "ramping"]


class TrafficView(BaseModel):
    """Calls of the last `window_s` seconds in all processes. Quantiles are of calls that worked, null without any."""

    window_s: int
    requests: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    requests_since_start: int
    errors_since_start: int


class ProviderKeyView(BaseModel):
    name: str
    """Where the key comes from: `env:NAME` or `secret:name`; empty for a provider without keys."""
    weight: int


class ProviderView(BaseModel):
    name: str
    type: str
    base_url: str | None
    """Null for `local`."""
    keys: list[ProviderKeyView]
    in_flight: int
    traffic: TrafficView


class KeyInProcessView(BaseModel):
    """How one process has it: each learns for itself."""

    process: str
    state: BreakerStateName
    retry_after_s: float


class TargetKeyView(BaseModel):
    """One key at one target."""

    name: str
    state: BreakerStateName
    """The worst of all processes."""
    retry_after_s: float
    """Until it may be tried again; 0 for now."""
    processes: list[KeyInProcessView]
    """Those in which it isn't closed."""
    requests: int
    last_used_at: datetime | None


class TargetView(BaseModel):
    """A model at a provider: in the configuration, or called by its name."""

    name: str
    provider: str
    model: str
    configured: bool
    in_flight: int
    latency_ms: float | None
    """The average that balancing uses: quick to rise, slow to fall."""
    input_usd_per_mtok: str | None
    output_usd_per_mtok: str | None
    keys: list[TargetKeyView]
    traffic: TrafficView


class TargetRef(BaseModel):
    """A target's place in a route."""

    name: str
    weight: float
    overrides: dict[str, object]


class ArmView(BaseModel):
    """One arm of a split; the only one, with an empty name, of a step without."""

    name: str
    weight: float
    """As configured."""
    share: float
    """Of the step's calls, from 0 to 1."""
    targets: list[TargetRef]
    traffic: TrafficView


class SplitView(BaseModel):
    sticky: Literal["session_id", "user_id", "key_id", "none"]
    experiment: str
    metric: str
    bandit: bool
    floor: float
    canary: str = ""
    """The id of its canary."""


class MirrorView(BaseModel):
    target: TargetRef
    sample: float
    max_in_flight: int


class StepView(BaseModel):
    """The first step whose condition holds takes the call."""

    index: int
    when: str
    """Empty: every call."""
    choose: Literal["balanced", "cheapest", "fastest"]
    split: SplitView | None
    arms: list[ArmView]
    fallback: list[TargetRef]
    context_fallback: list[TargetRef]
    content_fallback: list[TargetRef]
    mirror: MirrorView | None


class TimeoutsView(BaseModel):
    connect_s: float
    ttft_s: float
    stall_s: float
    total_s: float


class RetryView(BaseModel):
    max: int
    base_s: float
    cap_s: float
    honor_retry_after: bool


class RouteView(BaseModel):
    name: str
    context_window: int | None
    tools: bool | None
    timeouts: TimeoutsView
    retry: RetryView
    steps: list[StepView]
    traffic: TrafficView


class RouteCacheView(BaseModel):
    """What the cache did for one route."""

    route: str
    hits: int
    """The same request again."""
    semantic_hits: int
    """A similar question."""
    misses: int
    bypassed: int
    """Asked not to be answered from the cache."""
    stored: int
    saved_usd: str
    """What the hits would have cost."""


class CacheView(BaseModel):
    """What the answer caches of all processes did since each began."""

    routes: list[RouteCacheView]
    """Those with a cache, and those that had one."""
    entries: int
    bytes: int
    evicted: int
    problem: str
    """Why answers aren't kept on disk; empty if they are."""


class GatewayProcessView(BaseModel):
    """A process that takes calls."""

    name: str
    """Host and process id."""
    kind: Literal["server", "gateway"]
    version: str
    """Of the configuration in force there."""
    started_at: datetime
    seen_at: datetime
    """When it said what is counted here; a few seconds ago for others than the one that answers."""
    answers: bool
    """Whether it is the one that gave this answer."""
    in_flight: int
    requests_since_start: int
    errors_since_start: int


class GatewayStatusView(BaseModel):
    version: str
    problem: ConfigProblem | None
    """Why the file on disk isn't in force."""
    default_provider: str | None
    on_disconnect: Literal["cancel", "drain"]
    at: datetime
    started_at: datetime
    """Of the process that answers."""
    processes: list[GatewayProcessView]
    """All over one database; traffic, calls under way and cache counts are their sums, each from its start on."""
    providers: list[ProviderView]
    targets: list[TargetView]
    routes: list[RouteView]
    cache: CacheView | None
    """Null while no route has a cache."""
