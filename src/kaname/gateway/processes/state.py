"""A process's view of targets, keys, routes and its cache, small enough to be written every few seconds.

It is read from memory that the event loop goes on changing, so a call that is just being counted may be missing.
"""

from typing import Literal

import msgspec

from kaname.gateway.cache.statistics import CacheStatistics
from kaname.gateway.health import HealthBook, KeyHealth, TargetHealth
from kaname.gateway.routing.breaker import BreakerState
from kaname.gateway.traffic import TrafficSum, sum_of
from kaname.kernel.clock import Clock

ProcessKind = Literal["server", "gateway"]
MAX_TARGETS = 512
MAX_ARMS = 512
"""Those used first are left out beyond these, so that names that callers make up can't fill the table."""


class KeyState(msgspec.Struct, frozen=True):
    """One provider key at one target."""

    name: str
    state: BreakerState
    retry_after_s: float
    requests: int
    last_used_s: float | None
    """Unix time, to a second: what didn't change needn't be told again."""


class TargetState(msgspec.Struct, frozen=True):
    """One target."""

    in_flight: int
    latency_s: float | None
    keys: list[KeyState]
    traffic: TrafficSum


class ArmState(msgspec.Struct, frozen=True):
    """One arm of one step of a route."""

    route: str
    step: int
    arm: str
    traffic: TrafficSum


class ProcessState(msgspec.Struct, frozen=True):
    """Everything that a process knows for itself."""

    version: str
    """Of the configuration in force there."""
    targets: dict[str, TargetState]
    arms: list[ArmState]
    cache: CacheStatistics | None


def state_of(health: HealthBook, cache: CacheStatistics | None, version: str, clock: Clock) -> ProcessState:
    """This process's state."""
    now = clock.monotonic()
    began_s = clock.now_ns() / 1e9 - now
    targets = health.items()[-MAX_TARGETS:]
    arms = [
        ArmState(name, step, arm, sum_of([traffic], now))
        for name, route in health.routes()
        for (step, arm), traffic in list(route.arms.items())
    ]
    return ProcessState(
        version, {name: _target(found, now, began_s) for name, found in targets}, arms[-MAX_ARMS:], cache
    )


def _target(target: TargetHealth, now: float, began_s: float) -> TargetState:
    return TargetState(
        in_flight=target.load.in_flight,
        latency_s=target.load.latency_s,
        keys=[_key(key, now, began_s) for key in list(target.keys.values())],
        traffic=sum_of([target.traffic], now),
    )


def _key(key: KeyHealth, now: float, began_s: float) -> KeyState:
    return KeyState(
        name=key.key_name,
        state=key.breaker.state(now),
        retry_after_s=round(key.breaker.retry_after_s(now), 3),
        requests=key.requests,
        last_used_s=round(began_s + key.last_used) if key.requests else None,
    )
