"""The configuration in force: read from a file, checked for changes, swapped whole.

Invariants: `current` is always a valid configuration; a bad file changes nothing but `problem`; a request keeps the
configuration it began with. At start a bad file is an error, because there is no older configuration to keep.
"""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from kaname.gateway.config import GatewayConfig, KeyResolver, default_config, environment_keys, parse_config
from kaname.kernel.border import survive
from kaname.kernel.errors import ConfigurationError

MAX_FILE_BYTES = 4 << 20

logger = logging.getLogger(__name__)


class ConfigFile:
    """Holds the present configuration. `path` None or absent means the default configuration."""

    def __init__(
        self,
        path: Path | None,
        environment: Mapping[str, str],
        *,
        keys: KeyResolver | None = None,
        must_exist: bool = False,
        max_connections: int = 512,
    ) -> None:
        self._path = path
        self._environment = environment
        self._keys = keys or environment_keys(environment)
        self._max_connections = max_connections
        self._stamp = self._look()
        if must_exist and self._stamp is None:
            raise ConfigurationError(f"gateway configuration {str(path)!r} doesn't exist", hint="Create it.")
        self.problem = ""
        """Why the file on disk isn't the configuration in force; "" when it is."""
        self.current: GatewayConfig = self._read()

    def reload_if_changed(self) -> bool:
        """Reads the file again when it changed on disk; returns whether another configuration is now in force."""
        stamp = self._look()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            config = self._read()
        except ConfigurationError as e:
            self.problem = e.message
            logger.error("the gateway keeps its old configuration: %s. %s", e.message, e.hint)
            return False
        self.problem = ""
        changed = config.version != self.current.version
        self.current = config
        if changed:
            logger.info("gateway configuration %s is in force", config.version)
        return changed

    async def watch(self, interval_s: float) -> None:
        """Reloads for ever; run it as a task."""
        while True:
            await asyncio.sleep(interval_s)
            with survive(logger, "checking the gateway configuration"):
                await asyncio.get_running_loop().run_in_executor(None, self.reload_if_changed)

    def _look(self) -> tuple[int, int, int] | None:
        if self._path is None:
            return None
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _read(self) -> GatewayConfig:
        if self._path is None or self._stamp is None:
            return default_config(self._environment, max_connections=self._max_connections)
        try:
            with self._path.open("rb") as file:
                raw = file.read(MAX_FILE_BYTES + 1)
            if len(raw) > MAX_FILE_BYTES:
                raise ConfigurationError(f"{self._path}: larger than {MAX_FILE_BYTES} bytes", hint="Shorten it.")
            text = raw.decode("utf-8")
        except (OSError, UnicodeDecodeError) as e:
            raise ConfigurationError(f"{self._path}: can't be read: {e}", hint="Mend or remove it.") from e
        return parse_config(text, str(self._path), self._keys, max_connections=self._max_connections)
