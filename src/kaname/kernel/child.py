"""A supervised child process: the column engine, the ingest worker and local models all run in one.

Contract with the child: it prints one line of JSON on stdout when it is ready, keeps stdout quiet after that, logs to
stderr (inherited), and exits when its stdin reaches end of file, so it can't outlive its parent even after kill -9.
A child that exits is started again with a back-off that doubles from 0.2 s to 10 s and resets after `healthy_after_s`
of readiness. Only a child that exits `max_quick_failures` times in a row without ever having been ready is given up.
Deliberately not here: what the child does, and any health check beyond "ready" and "exited".
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, cast

import msgspec

from kaname.kernel.errors import UnavailableError

logger = logging.getLogger(__name__)

ChildState = Literal["stopped", "starting", "ready", "restarting", "failed"]
ReadyMessage = Mapping[str, object]
FIRST_BACKOFF_S = 0.2
LONGEST_BACKOFF_S = 10.0
HEALTHY_AFTER_S = 60.0
_PLAIN_NAMES = frozenset({"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "TEMP", "TMP", "VIRTUAL_ENV", "SYSTEMROOT"})
_PLAIN_PREFIXES = ("LC_", "LD_", "DYLD_", "PYTHON", "CUDA_", "NVIDIA_", "HIP_", "OMP_", "GGML_", "SSL_CERT_", "COV_")


class ChildProcess:
    """Starts, watches and restarts one child. All methods may be called from any thread."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        inherit_environment: bool = True,
        pass_fds: Sequence[int] = (),
        ready_timeout_s: float = 60.0,
        max_quick_failures: int = 8,
        healthy_after_s: float = HEALTHY_AFTER_S,
        on_ready: Callable[[ReadyMessage], None] | None = None,
        on_failed: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.restarts = 0
        self._argv = list(argv)
        inherited = os.environ if inherit_environment else _without_secrets(os.environ)
        self._environment = {**inherited, **(environment or {})}
        self._pass_fds = tuple(pass_fds)
        self._ready_timeout_s = ready_timeout_s
        self._max_quick_failures = max_quick_failures
        self._healthy_after_s = healthy_after_s
        self._on_ready = on_ready
        self._on_failed = on_failed
        self._state: ChildState = "stopped"
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._message: ReadyMessage = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def state(self) -> ChildState:
        """Where the child is in its life."""
        return self._state

    @property
    def pid(self) -> int | None:
        """Process id of the running child, for doctor and tests."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Begins supervision; returns at once. Idempotent."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._stopping.clear()
            self._state = "starting"
            self._thread = threading.Thread(target=self._supervise, name=f"supervise-{self.name}", daemon=True)
            self._thread.start()

    def wait_ready(self, timeout_s: float | None = None) -> ReadyMessage:
        """Blocks until the child is ready; returns its ready message or raises UnavailableError."""
        if not self._ready.wait(self._ready_timeout_s if timeout_s is None else timeout_s):
            raise UnavailableError(
                f"{self.name} isn't ready (state {self._state!r})",
                hint="See the log above, or run `kaname doctor`.",
                retry_after_s=2,
            )
        return self._message

    def stop(self, grace_s: float = 10.0) -> None:
        """Closes the child's stdin, then SIGTERM, then SIGKILL; returns when it is gone. Idempotent."""
        self._stopping.set()
        with self._lock:  # not between the check and the start in _run_once
            process = self._process
        if process is not None and process.poll() is None:
            _close_quietly(process)
            for send in (lambda: None, process.terminate, process.kill):
                send()
                try:
                    process.wait(grace_s / 2)
                    break
                except subprocess.TimeoutExpired:
                    continue
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(grace_s)
        self._state = "stopped"
        self._ready.clear()

    def _supervise(self) -> None:
        backoff, quick_failures = FIRST_BACKOFF_S, 0
        while not self._stopping.is_set():
            lived = self._run_once()
            self._ready.clear()
            if self._stopping.is_set():
                return
            if lived >= self._healthy_after_s:
                backoff = FIRST_BACKOFF_S
            quick_failures = 0 if lived > 0 else quick_failures + 1
            if quick_failures > self._max_quick_failures:
                self._state = "failed"
                logger.error("%s failed %d times in a row; giving up", self.name, quick_failures)
                if self._on_failed is not None:
                    self._on_failed()
                return
            self._state = "restarting"
            self.restarts += 1
            logger.warning("%s exited; starting it again in %.1f s", self.name, backoff)
            if self._stopping.wait(backoff):
                return
            backoff = min(backoff * 2, LONGEST_BACKOFF_S)

    def _run_once(self) -> float:
        """Runs the child until it exits; returns how many seconds it was ready."""
        with self._lock:
            if self._stopping.is_set():
                return 0.0
            process = self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=self._environment,
                pass_fds=self._pass_fds,
                start_new_session=True,
            )
        assert process.stdout is not None
        watchdog = threading.Timer(self._ready_timeout_s, process.kill)
        watchdog.daemon = True
        watchdog.start()
        line = process.stdout.readline()
        watchdog.cancel()
        ready_at = time.monotonic()
        if line:
            try:
                self._message = cast("ReadyMessage", msgspec.json.decode(line, type=dict[str, object]))
                self._state = "ready"
                if self._on_ready is not None:
                    self._on_ready(self._message)
                self._ready.set()
            except msgspec.DecodeError:
                logger.error("%s printed %r instead of its ready line", self.name, line[:200])
                process.kill()
        for _ in process.stdout:  # drained so that a chatty child never blocks; it carries nothing for us
            pass
        code = process.wait()
        if not self._stopping.is_set():
            logger.warning("%s ended with %s", self.name, _describe_exit(code))
        return time.monotonic() - ready_at if line else 0.0


def announce_ready(message: ReadyMessage) -> None:
    """Called in the child: prints the ready line."""
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def exit_with_parent(on_exit: Callable[[], None] | None = None) -> None:
    """Called in the child: starts a thread that ends the process when stdin closes, after `on_exit`."""

    def watch() -> None:
        try:
            while os.read(0, 4096):
                pass
        finally:
            if on_exit is not None:
                on_exit()
            else:
                os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="exit-with-parent", daemon=True).start()


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What a native engine needs to run, and no provider key or database password."""
    return {k: v for k, v in environment.items() if k in _PLAIN_NAMES or k.startswith(_PLAIN_PREFIXES)}


def _close_quietly(process: "subprocess.Popen[bytes]") -> None:
    try:
        if process.stdin is not None:
            process.stdin.close()
    except OSError:
        pass


def _describe_exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"status {code}"
