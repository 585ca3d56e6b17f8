"""What is known of each target and key while they are used: latency, load, breaker. Outlives configurations.

Everything is in memory and belongs to one event loop; a process learns for itself.
"""

from collections.abc import Callable
from random import Random

from kaname.gateway.routing.backoff import RetryBudget
from kaname.gateway.routing.balance import TargetLoad
from kaname.gateway.routing.breaker import Breaker
from kaname.gateway.traffic import Traffic

MAX_STATES = 4096
MAX_ROUTES = 1024


class KeyHealth:
    """One provider key at one target."""

    __slots__ = ("breaker", "key_name", "last_used", "requests")

    def __init__(self, key_name: str, breaker: Breaker) -> None:
        self.key_name = key_name
        self.breaker = breaker
        self.requests = 0
        self.last_used = float("-inf")
        """Monotonic seconds, of the event loop's clock."""


class TargetHealth:
    """One target: its load over all keys, and each key's breaker."""

    __slots__ = ("_new_breaker", "errors", "keys", "load", "requests", "retries", "traffic")

    def __init__(self, new_breaker: Callable[[], Breaker]) -> None:
        self.load = TargetLoad()
        self.traffic = Traffic()
        """Attempts by the time to an answer, or to the first content of a stream."""
        self.retries = RetryBudget()
        self.keys: dict[str, KeyHealth] = {}
        self.requests = 0
        self.errors = 0
        self._new_breaker = new_breaker

    def key(self, name: str) -> KeyHealth:
        """The state of one key."""
        found = self.keys.get(name)
        if found is None:
            found = self.keys[name] = KeyHealth(name, self._new_breaker())
        return found


class RouteTraffic:
    """Whole calls of one model name by (step, arm); the arm is "" without a split."""

    __slots__ = ("arms",)

    def __init__(self) -> None:
        self.arms: dict[tuple[int, str], Traffic] = {}

    def count(self, now: float, latency_s: float, ok: bool, step: int, arm: str) -> None:
        """One call that has ended."""
        found = self.arms.get((step, arm))
        if found is None:
            found = self.arms[step, arm] = Traffic()
        found.count(now, latency_s, ok)


class HealthBook:
    """The health of every target by name."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._targets: dict[str, TargetHealth] = {}
        self._routes: dict[str, RouteTraffic] = {}

    def target(self, name: str) -> TargetHealth:
        """The state of one target; made on first use. Beyond the bound the oldest is forgotten."""
        found = self._targets.get(name)
        if found is None:
            if len(self._targets) >= MAX_STATES:
                del self._targets[next(iter(self._targets))]
            found = self._targets[name] = TargetHealth(lambda: Breaker(rng=self._rng))
        return found

    def route(self, name: str) -> RouteTraffic:
        """The traffic of one model name, in the same way."""
        found = self._routes.get(name)
        if found is None:
            if len(self._routes) >= MAX_ROUTES:
                del self._routes[next(iter(self._routes))]
            found = self._routes[name] = RouteTraffic()
        return found

    def routes(self) -> list[tuple[str, RouteTraffic]]:
        """All model names that were called, for status pages."""
        return list(self._routes.items())

    def items(self) -> list[tuple[str, TargetHealth]]:
        """All targets known, for status pages."""
        return list(self._targets.items())
