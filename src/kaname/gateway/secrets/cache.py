"""Secrets in memory, as the configuration's references find them. Polls one number; reads values only after a change.

While the database is away the last known values count: calls never depend on it.
"""

import logging
from collections.abc import Mapping

from kaname.gateway.config.secrets import KeyResolver, KeySource
from kaname.gateway.secrets.store import ProviderSecrets
from kaname.kernel.errors import IntegrityError, UnavailableError

logger = logging.getLogger(__name__)


class SecretCache:
    """The resolver of `{env: …}` and `{secret: …}`. `refresh` is called from one thread at a time."""

    def __init__(self, secrets: ProviderSecrets, environment: Mapping[str, str]) -> None:
        self._secrets = secrets
        self._environment = environment
        self._values: Mapping[str, str] = {}
        self._changes = -1
        self._failing = False

    @property
    def resolver(self) -> KeyResolver:
        """For parsing a configuration with the values known now."""
        return self._resolve

    def refresh(self) -> int:
        """Follows changes; returns a number that changes when a value may have."""
        try:
            changes = self._secrets.changes()
            if changes != self._changes:
                self._values, self._changes = self._secrets.read_all(), changes
            self._failing = False
        except (UnavailableError, IntegrityError) as e:
            if not self._failing:
                logger.warning("provider secrets can't be read, the last known ones stay in force: %s", e.message)
            self._failing = True
        return self._changes

    def _resolve(self, source: KeySource, name: str) -> str | None:
        return (self._environment if source == "env" else self._values).get(name) or None
