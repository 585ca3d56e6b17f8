"""One owner a directory. The lock is an flock on an inherited file descriptor, so the kernel lets go of it exactly when
the last process that holds it is gone, whatever killed it: the owner and its engine child share it.
"""

import contextlib
import fcntl
import os
import time
from pathlib import Path

import msgspec

from kaname.kernel.errors import ConfigurationError

ORPHAN_WAIT_S = 10.0
"""How long to wait for the engine of an owner that died to let go."""


class _Holder(msgspec.Struct, kw_only=True):
    pid: int
    started: str = ""


class DirectoryLock:
    """The exclusive right to a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._fd: int | None = None

    @property
    def fd(self) -> int:
        """The descriptor that holds the lock, to hand down to a child."""
        assert self._fd is not None
        return self._fd

    def acquire(self, wait_s: float = ORPHAN_WAIT_S) -> None:
        """Takes the lock, waiting while only a dead owner's child holds it.

        Raises ConfigurationError when a living owner does.
        """
        fd = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = _read_holder(fd)
                if (holder is not None and _is_alive(holder)) or time.monotonic() > deadline:
                    os.close(fd)
                    raise _in_use(self._directory, holder) from None
            time.sleep(0.05)
        os.ftruncate(fd, 0)
        me = _Holder(pid=os.getpid(), started=_started(os.getpid()))
        os.pwrite(fd, msgspec.json.encode(me), 0)
        self._fd = fd

    def release(self) -> None:
        """Lets go of our share; the lock is free when the child has ended too. Idempotent."""
        fd, self._fd = self._fd, None
        if fd is not None:
            with contextlib.suppress(OSError):
                os.close(fd)


def _read_holder(fd: int) -> _Holder | None:
    try:
        return msgspec.json.decode(os.pread(fd, 4096, 0), type=_Holder)
    except msgspec.DecodeError:
        return None


def _is_alive(holder: _Holder) -> bool:
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _started(holder.pid) == holder.started


def _started(pid: int) -> str:
    """The process's start time in clock ticks where /proc exists: a pid alone is used again."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def _in_use(directory: Path, holder: _Holder | None) -> ConfigurationError:
    who = f"process {holder.pid}" if holder is not None else "another process"
    return ConfigurationError(
        f"the data in {str(directory)!r} is in use by {who}",
        hint="Stop that server first, or start this one with another data folder (`--set server.data_dir=…`).",
        code="data_directory_in_use",
    )
