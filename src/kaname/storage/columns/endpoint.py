"""How a process of ours reaches the embedded engine: a loopback URL and the secret of this start.

The endpoint travels to child processes in environment variables, never in an argument list, where `ps` shows it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

URL_VARIABLE = "KANAME_ENGINE_URL"
SECRET_VARIABLE = "KANAME_ENGINE_SECRET"  # noqa: S105 - a variable's name
ENGINE_USER = "kaname"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEndpoint:
    """Address and password of a running engine."""

    url: str
    secret: str = field(repr=False)

    def to_environment(self) -> dict[str, str]:
        """Variables to start a child with; the child calls `from_environment`."""
        return {URL_VARIABLE: self.url, SECRET_VARIABLE: self.secret}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "EngineEndpoint | None":
        """The endpoint that the parent handed down, or None when there is no embedded engine."""
        source = os.environ if environment is None else environment
        url, secret = source.get(URL_VARIABLE, ""), source.get(SECRET_VARIABLE, "")
        return cls(url=url, secret=secret) if url and secret else None
