"""The configuration in force: read from a file, checked for changes, swapped whole.

Invariants: `current` is always a valid configuration; a bad file changes nothing but `problem`; a request keeps the
configuration it began with. At start a bad file is an error unless there is an older configuration to keep: the text
that `last_text` gives. Reading, writing and swapping happen under one lock, in threads; `current` is read without it.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kaname.gateway.config import GatewayConfig, KeyResolver, default_config, environment_keys, parse_config
from kaname.gateway.config_writing import write_whole
from kaname.kernel.border import survive
from kaname.kernel.errors import ConfigurationError

MAX_FILE_BYTES = 4 << 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Where references to keys are looked up. `refresh` returns a number that changes when a value may have."""

    resolver: KeyResolver
    refresh: Callable[[], int] = lambda: 0


class ConfigFile:
    """Holds the present configuration. `path` None or absent means the default configuration."""

    def __init__(
        self,
        path: Path | None,
        environment: Mapping[str, str],
        *,
        credentials: Credentials | None = None,
        must_exist: bool = False,
        max_connections: int = 512,
        last_text: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.path = path
        self._environment = environment
        self._credentials = credentials or Credentials(resolver=environment_keys(environment))
        self._max_connections = max_connections
        self._after_look: Callable[[], None] = lambda: None
        self._lock = threading.RLock()
        self._keys_version = self._credentials.refresh()
        self._stamp = self._seen_stamp = self._look()
        if must_exist and self._stamp is None:
            raise ConfigurationError(f"gateway configuration {str(path)!r} doesn't exist", hint="Create it.")
        self.fault: ConfigurationError | None = None
        """Why the file on disk isn't the configuration in force; None when it is."""
        self.current: GatewayConfig = self._read_first(last_text)

    @property
    def problem(self) -> str:
        """`fault` as text; "" for none."""
        return self.fault.message if self.fault is not None else ""

    @property
    def is_default(self) -> bool:
        """Whether there is no file."""
        return self._stamp is None

    def reload_if_changed(self) -> bool:
        """Reads the file again when it or a key changed; returns whether another configuration is now in force."""
        with self._lock:
            stamp, keys_version = self._look(), self._credentials.refresh()
            if (stamp, keys_version) == (self._stamp, self._keys_version):
                return False
            self._stamp, self._keys_version = stamp, keys_version
            try:
                config = self._read()
            except ConfigurationError as e:
                self.fault = e
                logger.error("the gateway keeps its old configuration: %s. %s", e.message, e.hint)
                return False
            self.fault = None
            changed = config != self.current
            self.current = config
            if changed:
                logger.info("gateway configuration %s is in force", config.version)
            return changed

    def parse(self, text: str) -> GatewayConfig:
        """Validates a text as if it were the file; raises ConfigurationError."""
        if len(text.encode("utf-8", "surrogatepass")) > MAX_FILE_BYTES:
            raise _too_large("gateway.yaml")
        return parse_config(text, "gateway.yaml", self._credentials.resolver, max_connections=self._max_connections)

    def replace(self, text: str, expects: Callable[[str], None]) -> GatewayConfig:
        """Validates a text, writes it to the file and swaps to it.

        `expects` gets the text that is about to be replaced and raises to refuse. Raises ConfigurationError as well
        when the text is wrong, and ConflictError when the file can't be written; then nothing has changed.
        """
        with self._lock:
            self.reload_if_changed()
            expects(self.disk_text())
            config = self.parse(text)
            write_whole(self.path, text)
            self._stamp = self._look()
            self.fault, self.current = None, config
            logger.info("gateway configuration %s is in force", config.version)
            return config

    def disk_text(self) -> str:
        """What the file says now, which isn't in force while there is a `fault`; the default's text without a file."""
        with self._lock:
            if self.fault is None or self.path is None:
                return self.current.text
            try:
                return self.path.read_bytes()[:MAX_FILE_BYTES].decode("utf-8", "replace")
            except OSError:
                return self.current.text

    def after_each_look(self, callback: Callable[[], None]) -> None:
        """What `watch` calls besides, in a thread: to record what came into force, for one."""
        self._after_look = callback

    async def watch(self, interval_s: float) -> None:
        """Reloads for ever; run it as a task."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(interval_s)
            with survive(logger, "checking the gateway configuration"):
                await loop.run_in_executor(None, self._reload_if_settled)
                await loop.run_in_executor(None, self._after_look)

    def _reload_if_settled(self) -> None:
        """Takes a file that looked the same twice: an editor that empties it before it writes must not be caught
        in between, because an empty file is a valid one."""
        stamp = self._look()
        if stamp == self._seen_stamp:
            self.reload_if_changed()
        self._seen_stamp = stamp

    def _read_first(self, last_text: Callable[[], str | None]) -> GatewayConfig:
        try:
            return self._read()
        except ConfigurationError as e:
            text = last_text()
            if text is None:
                raise
            config = self.parse(text)
            self.fault = e
            logger.error("the gateway starts with its last configuration %s: %s. %s", config.version, e.message, e.hint)
            return config

    def _look(self) -> tuple[int, int, int] | None:
        if self.path is None:
            return None
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _read(self) -> GatewayConfig:
        if self.path is None or self._stamp is None:
            return default_config(self._environment, max_connections=self._max_connections)
        try:
            with self.path.open("rb") as file:
                raw = file.read(MAX_FILE_BYTES + 1)
            if len(raw) > MAX_FILE_BYTES:
                raise _too_large(str(self.path))
            text = raw.decode("utf-8")
        except (OSError, UnicodeDecodeError) as e:
            raise ConfigurationError(f"{self.path}: can't be read: {e}", hint="Mend or remove it.") from e
        return parse_config(text, str(self.path), self._credentials.resolver, max_connections=self._max_connections)


def is_writable(path: Path | None) -> bool:
    """Whether the file could be replaced, as far as can be told without trying."""
    return path is not None and os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _too_large(source: str) -> ConfigurationError:
    return ConfigurationError(f"{source}: larger than {MAX_FILE_BYTES} bytes", hint="Shorten it.")
