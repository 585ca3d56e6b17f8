"""Tells the database when secrets were last used: now and then, from the health of the keys that hold them."""

import threading
from datetime import datetime, timedelta

from kaname.gateway.health import HealthBook
from kaname.gateway.secrets.store import ProviderSecrets
from kaname.kernel.clock import Clock

INTERVAL_S = 30.0
_PREFIX = "secret:"


class SecretUses:
    """Stores what changed since it last did. Thread-safe."""

    def __init__(self, secrets: ProviderSecrets, health: HealthBook, clock: Clock) -> None:
        self._secrets = secrets
        self._health = health
        self._clock = clock
        self._stored: dict[str, float] = {}
        self._due = clock.monotonic() + INTERVAL_S
        self._lock = threading.Lock()

    def store_if_due(self) -> None:
        """Does so every half a minute."""
        if self._clock.monotonic() >= self._due:
            self.store()

    def store(self) -> None:
        """Does so now."""
        with self._lock:
            self._due = self._clock.monotonic() + INTERVAL_S
            changed = {name: at for name, at in self._last_used().items() if at > self._stored.get(name, 0.0)}
            if changed:
                self._secrets.note_uses({name: self._wall(at) for name, at in changed.items()})
                self._stored |= changed

    def _last_used(self) -> dict[str, float]:
        latest: dict[str, float] = {}
        for target in dict(self._health.items()).values():
            for key in list(target.keys.values()):
                if key.requests and key.key_name.startswith(_PREFIX):
                    name = key.key_name.removeprefix(_PREFIX)
                    latest[name] = max(key.last_used, latest.get(name, key.last_used))
        return latest

    def _wall(self, monotonic: float) -> datetime:
        return self._clock.now() - timedelta(seconds=self._clock.monotonic() - monotonic)
