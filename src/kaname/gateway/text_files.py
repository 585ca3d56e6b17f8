"""Files that a command is given."""

from pathlib import Path

from kaname.kernel.errors import ConfigurationError


def read_text(path: Path, hint: str) -> str:
    """A UTF-8 file; raises ConfigurationError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigurationError(f"{str(path)!r} can't be read: {e}", hint=hint) from e
