"""Looks at, checks and changes the installation's configuration. What changes it ends in the history.

The file stays the truth: saving writes it, and a file that changes on disk is recorded like any other change. Whoever
saves says which version they began with, so that nobody overwrites what they haven't seen.
"""

import hashlib
import threading
from dataclasses import dataclass

from kaname.access.model import SYSTEM, Principal
from kaname.gateway.config import GatewayConfig
from kaname.gateway.config_file import ConfigFile, is_writable
from kaname.gateway.history.diff import PathChange, path_changes, unified_diff
from kaname.gateway.history.store import Authorship, ConfigHistory, ConfigSource, ConfigVersion
from kaname.kernel.errors import ConfigurationError, ConflictError, InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentConfig:
    """The configuration in force, and the text to edit: what the file says, even while it isn't valid."""

    config: GatewayConfig
    text: str
    text_version: str
    """Of `text`; what saving expects."""
    fault: ConfigurationError | None
    path: str
    source: ConfigSource
    is_writable: bool


class ConfigService:
    """What people do with the configuration. Thread-safe."""

    def __init__(self, file: ConfigFile, history: ConfigHistory) -> None:
        self.history = history
        self._file = file
        self._recorded: GatewayConfig | None = None
        self._lock = threading.Lock()

    def current(self) -> CurrentConfig:
        """As of now, a change on disk included."""
        file = self._file
        file.reload_if_changed()
        self.record_current()
        text = file.disk_text()
        return CurrentConfig(
            config=file.current,
            text=text,
            text_version=version_of(text),
            fault=file.fault,
            path=str(file.path or ""),
            source="default" if file.is_default else "file",
            is_writable=is_writable(file.path),
        )

    def validate(self, text: str) -> GatewayConfig:
        """Raises ConfigurationError with line, path and the way out."""
        return self._file.parse(text)

    def save(
        self, principal: Principal, text: str, *, message: str, expected_version: str, restored: str = ""
    ) -> GatewayConfig:
        """Brings a text into force; raises ConflictError if the file says something else than the caller expects."""

        def expects(present: str) -> None:
            if version_of(present) != expected_version:
                raise ConflictError(
                    f"the configuration is at version {version_of(present)!r}, not {expected_version[:64]!r}",
                    hint="Load it again and repeat your change.", code="gateway_config_conflict",
                    params={"version": version_of(present), "expected": expected_version[:64]},
                )  # fmt: skip

        with self._lock:
            try:
                config = self._file.replace(text, expects)
            except ConfigurationError as e:
                raise InvalidInputError(e.message, hint=e.hint, code=e.code, param="text", params=e.params) from e
            source: ConfigSource = "ui" if principal.kind == "user" else "cli"
            authorship = Authorship(principal=principal, source=source, message=message, restored=restored)
            self.history.add(config, authorship)
            self._recorded = config
            return config

    def restore(self, principal: Principal, version_id: str, *, message: str, expected_version: str) -> GatewayConfig:
        """Brings an earlier text back; raises what `save` raises, for the world may have changed since."""
        old = self.history.get(version_id)
        return self.save(principal, old.text, message=message, expected_version=expected_version, restored=old.id)

    def record_current(self) -> None:
        """Adds the configuration in force to the history if it isn't the newest there."""
        with self._lock:
            config = self._file.current
            if config is not self._recorded:
                source: ConfigSource = "default" if self._file.is_default else "file"
                self.history.add(config, Authorship(principal=SYSTEM, source=source))
                self._recorded = config


def compare(before: ConfigVersion, after: ConfigVersion) -> tuple[str, list[PathChange]]:
    """Two versions as a unified diff and by path."""
    names = (
        f"{before.version} {before.created_at:%Y-%m-%d %H:%M}",
        f"{after.version} {after.created_at:%Y-%m-%d %H:%M}",
    )
    return unified_diff(before.text, after.text, *names), path_changes(before.text, after.text)


def version_of(text: str) -> str:
    """The version of a text, valid or not; the same that `parse_config` gives it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
