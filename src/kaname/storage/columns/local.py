"""The supervisor's side of the embedded engine: directory lock, listening socket, secret, child process.

The parent binds the socket and keeps it, so the URL never changes and connections made while the child restarts wait in
line instead of being refused. The child inherits the lock too: the directory is free only when both are gone.
"""

import secrets
import socket
import sys
from pathlib import Path

import msgspec

from kaname.kernel.child import ChildProcess, ChildState
from kaname.kernel.errors import ConfigurationError
from kaname.storage.columns.endpoint import SECRET_VARIABLE, EngineEndpoint
from kaname.storage.columns.lock import DirectoryLock
from kaname.storage.columns_settings import ColumnsSettings

ENGINE_PLAN_VARIABLE = "KANAME_ENGINE_PLAN"
HEALTHY_AFTER_S = 10.0
BACKLOG = 1024


class EnginePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the child needs to know, besides the secret."""

    directory: str
    listen_fd: int
    lock_fd: int
    settings: ColumnsSettings


class _Refusal(msgspec.Struct, kw_only=True):
    code: str
    message: str
    hint: str


class _ReadyMessage(msgspec.Struct, kw_only=True):
    version: str = ""
    refused: _Refusal | None = None


class LocalEngine:
    """Owns the embedded engine of one directory. Methods may be called from any thread."""

    def __init__(self, directory: Path, settings: ColumnsSettings) -> None:
        self._directory = directory
        self._settings = settings
        self._lock = DirectoryLock(directory)
        self._socket: socket.socket | None = None
        self._child: ChildProcess | None = None
        self._endpoint: EngineEndpoint | None = None

    @property
    def endpoint(self) -> EngineEndpoint:
        """Where the engine is reached, the same for the life of this object's start."""
        assert self._endpoint is not None, "start() first"
        return self._endpoint

    @property
    def state(self) -> ChildState:
        """Where the child is in its life."""
        return self._child.state if self._child is not None else "stopped"

    @property
    def pid(self) -> int | None:
        """Process id of the child while it runs."""
        return self._child.pid if self._child is not None else None

    @property
    def restarts(self) -> int:
        """How often the child had to be started again."""
        return self._child.restarts if self._child is not None else 0

    def start(self) -> None:
        """Locks the directory and starts the child, without waiting for it; ConfigurationError if it is in use."""
        if self._child is not None:
            return
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        except OSError:
            self._lock.release()
            raise
        self._socket = listener
        host, port = listener.getsockname()[:2]
        self._endpoint = EngineEndpoint(url=f"http://{host}:{port}", secret=secrets.token_urlsafe(32))
        plan = EnginePlan(
            directory=str(self._directory.resolve()),
            listen_fd=listener.fileno(),
            lock_fd=self._lock.fd,
            settings=self._settings,
        )
        self._child = ChildProcess(
            "column engine",
            [sys.executable, "-m", "kaname.app.engine"],
            environment={
                ENGINE_PLAN_VARIABLE: msgspec.json.encode(plan).decode(),
                SECRET_VARIABLE: self._endpoint.secret,
            },
            inherit_environment=False,
            pass_fds=(listener.fileno(), self._lock.fd),
            healthy_after_s=HEALTHY_AFTER_S,
            on_failed=self._close_listener,
        )
        self._child.start()

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Blocks until the child serves; raises UnavailableError if it doesn't in time.

        Raises ConfigurationError, and stops, when the child says that it can't serve this directory.
        """
        assert self._child is not None, "start() first"
        message = msgspec.convert(self._child.wait_ready(timeout_s), _ReadyMessage)
        if message.refused is not None:
            self.stop()
            raise ConfigurationError(message.refused.message, hint=message.refused.hint, code=message.refused.code)

    def stop(self) -> None:
        """Ends the child and frees the directory. Idempotent."""
        if self._child is not None:
            self._child.stop()
            self._child = None
        self._close_listener()
        self._lock.release()

    def _close_listener(self) -> None:
        """So that callers are refused at once instead of waiting in line for a child that won't come."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
