"""Where provider keys come from: `{env: NAME}` or `{secret: name}`. Keys themselves never stand in the file."""

from collections.abc import Callable, Mapping
from typing import Literal

KeySource = Literal["env", "secret"]
KeyResolver = Callable[[KeySource, str], str | None]
"""The credential that a reference names, or None when there is none."""


def environment_keys(environment: Mapping[str, str]) -> KeyResolver:
    """Resolves `env` references only."""

    def resolve(source: KeySource, name: str) -> str | None:
        return environment.get(name) or None if source == "env" else None

    return resolve
