"""Which engine last wrote a store. ClickHouse reads what older versions wrote, never the other way round.

26.5 can't read a text index of 26.9, and says so only when a query meets such a part. So the newest version is written
down, and an older one is refused at the start.
"""

from pathlib import Path

from kaname.kernel.errors import ConfigurationError

VERSION_FILE = "engine_version"


def check_version(directory: Path, version: str) -> None:
    """Raises ConfigurationError if a newer engine has written here; otherwise notes this one."""
    path = directory / VERSION_FILE
    recorded = path.read_text(encoding="ascii", errors="replace").strip() if path.exists() else ""
    if release(recorded) > release(version):
        raise ConfigurationError(
            f"the data in {str(directory)!r} was written by column engine {recorded}, and this one is {version}",
            hint=f"Install a chDB of version {'.'.join(map(str, release(recorded)))} or newer.",
            code="columns_newer_than_engine",
        )
    if recorded != version:
        new = path.with_suffix(".new")
        new.write_text(version + "\n", encoding="ascii")
        new.replace(path)


def release(version: str) -> tuple[int, ...]:
    """Year and number of a version; formats change only between those. Empty for text that isn't a version."""
    parts = version.split(".")[:2]
    return tuple(int(p) for p in parts) if all(p.isdigit() for p in parts) else ()
