"""What is known of each target and key while they are used: latency, load, breaker. Outlives configurations.

Everything is in memory and belongs to one event loop; a process learns for itself.
"""

from collections.abc import Callable
from random import Random

from kaname.gateway.routing.backoff import RetryBudget
from kaname.gateway.routing.balance import TargetLoad
from kaname.gateway.routing.breaker import Breaker

MAX_STATES = 4096


class KeyHealth:
    """One provider key at one target."""

    __slots__ = ("breaker", "key_name")

    def __init__(self, key_name: str, breaker: Breaker) -> None:
        self.key_name = key_name
        self.breaker = breaker


class TargetHealth:
    """One target: its load over all keys, and each key's breaker."""

    __slots__ = ("_new_breaker", "errors", "keys", "load", "requests", "retries")

    def __init__(self, new_breaker: Callable[[], Breaker]) -> None:
        self.load = TargetLoad()
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


class HealthBook:
    """The health of every target by name."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._targets: dict[str, TargetHealth] = {}

    def target(self, name: str) -> TargetHealth:
        """The state of one target; made on first use. Beyond the bound the oldest is forgotten."""
        found = self._targets.get(name)
        if found is None:
            if len(self._targets) >= MAX_STATES:
                del self._targets[next(iter(self._targets))]
            found = self._targets[name] = TargetHealth(lambda: Breaker(rng=self._rng))
        return found

    def items(self) -> list[tuple[str, TargetHealth]]:
        """All targets known, for status pages."""
        return list(self._targets.items())
