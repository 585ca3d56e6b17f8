"""The data folder of an installation: its layout, its permissions, and the lock that one running server holds."""

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kaname.kernel.errors import ConfigurationError

DEAD_LETTERS = "dead"
"""Within the journal's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDir:
    """Paths below one data folder."""

    root: Path

    @property
    def columns(self) -> Path:
        return self.root / "columns"

    @property
    def journal(self) -> Path:
        return self.root / "journal"

    @property
    def blobs(self) -> Path:
        return self.root / "blobs"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def cache(self) -> Path:
        """Answers that the gateway may give again."""
        return self.root / "cache"

    @property
    def run(self) -> Path:
        """Files that describe the running server; meaningless when none runs."""
        return self.root / "run"

    @property
    def server_file(self) -> Path:
        return self.run / "server.json"

    def create(self) -> None:
        """Makes the folders, readable by nobody else; raises ConfigurationError when that is impossible."""
        try:
            for folder in (self.root, self.run):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as e:
            raise ConfigurationError(
                f"data folder {str(self.root)!r} can't be made: {e.strerror}",
                hint="Choose another with --data-dir, or set KANAME_SERVER_DATA_DIR.",
            ) from e

    def free_bytes(self) -> int:
        """Space left on the device."""
        return shutil.disk_usage(self.root).free


def unusable(folder: Path, error: OSError) -> ConfigurationError:
    """The error of a data folder that can't be written or read, naming the very file."""
    place = f": {error.filename}" if error.filename else ""
    return ConfigurationError(
        f"data folder {str(folder)!r} can't be used: {error.strerror or error}{place}",
        hint="Its files must belong to the user who runs the server and lie on a writable device; see `kaname doctor`.",
    )


class ServerFile(msgspec.Struct, frozen=True, kw_only=True):
    """`run/server.json`: where the running server is. Written when it answers, removed when it stops."""

    pid: int
    url: str
    version: str


def write_server_file(data_dir: DataDir, content: ServerFile) -> None:
    """Atomic, so that a reader never sees half of it."""
    temporary = data_dir.server_file.with_suffix(".tmp")
    temporary.write_bytes(msgspec.json.encode(content))
    temporary.replace(data_dir.server_file)


def read_server_file(data_dir: DataDir) -> ServerFile | None:
    """The running server of this folder, or None when none runs (a stale file is ignored)."""
    try:
        content = msgspec.json.decode(data_dir.server_file.read_bytes(), type=ServerFile)
        os.kill(content.pid, 0)
    except (OSError, msgspec.DecodeError):
        return None
    return content


class ServerLock:
    """Held by the running server; the kernel frees it whatever way the process ends."""

    def __init__(self, data_dir: DataDir) -> None:
        self._path = data_dir.run / "server.lock"
        self._fd = -1

    def acquire(self) -> None:
        """Raises ConfigurationError naming the holder when another server has the folder."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as e:
            raise unusable(self._path.parent.parent, e) from e
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            holder = os.read(fd, 32).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise ConfigurationError(
                f"another server (process {holder}) uses the data folder {str(self._path.parent.parent)!r}",
                hint="Stop it first, or start this one with another --data-dir.",
                code="data_dir_in_use",
            ) from e
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        self._fd = fd

    def release(self) -> None:
        """Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
