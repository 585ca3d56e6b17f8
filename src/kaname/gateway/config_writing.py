"""Replaces a file as a whole: a reader, and a machine that loses its power, sees the old text or the new one."""

import os
from pathlib import Path

from kaname.kernel.errors import ConflictError
from kaname.kernel.ids import random_token

_NEW_FILE_MODE = 0o600


def write_whole(path: Path | None, text: str) -> None:
    """Writes beside the file, syncs, and renames; keeps its mode. Raises ConflictError when that isn't possible."""
    if path is None:
        raise _not_writable("there is no configuration file")
    target = path.resolve()  # a link stays a link, and what it names is replaced
    temporary = target.with_name(f".{target.name}.{random_token(10)}.new")
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else _NEW_FILE_MODE
        if target.exists() and not os.access(target, os.W_OK):
            raise _not_writable(f"{str(target)!r} is read-only")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)
    except OSError as e:
        raise _not_writable(f"{str(target)!r} can't be written: {e.strerror or e}") from e


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_writable(problem: str) -> ConflictError:
    return ConflictError(
        problem, hint="Give Kaname write access to the file and its folder, or change the file where it comes from.",
        code="gateway_config_not_writable", params={"problem": problem},
    )  # fmt: skip
