"""The llama.cpp engine seen from the server: a supervised child, asked over loopback HTTP how it is."""

import http.client
import os
import re
import sys
import time
import urllib.parse
from pathlib import Path

import msgspec

from kaname.kernel.child import ChildProcess, ChildState, ReadyMessage
from kaname.kernel.errors import UnavailableError
from kaname.serving.engines.llama_child import SPEC_VARIABLE
from kaname.serving.engines.port import EngineProbe, EngineSpec

MAX_QUICK_FAILURES = 3
"""A model that dies this often right after its start won't get better by trying: too little memory, a bad file."""
_PROBE_TIMEOUT_S = 10.0
_BUSY = re.compile(rb"^llamacpp:requests_(?:processing|deferred) (\d+)", re.MULTILINE)


class LlamaCppEngine:
    """One model in one child process."""

    def __init__(self, spec: EngineSpec, *, start_timeout_s: float = 60.0) -> None:
        self.spec = spec
        self._base_url = ""
        self._child = ChildProcess(
            f"model {spec.model}",
            [sys.executable, "-m", "kaname.serving.engines.llama_child"],
            environment={SPEC_VARIABLE: msgspec.json.encode(spec).decode()},
            inherit_environment=False,
            ready_timeout_s=start_timeout_s,
            max_quick_failures=MAX_QUICK_FAILURES,
            on_ready=self._note_address,
        )

    @property
    def state(self) -> ChildState:
        return self._child.state

    @property
    def base_url(self) -> str:
        return self._base_url

    @property
    def restarts(self) -> int:
        return self._child.restarts

    def start(self) -> None:
        self._child.start()

    def wait_ready(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            try:
                self._child.wait_ready(max(0.0, min(0.25, left)))
                return
            except UnavailableError as e:
                if self.state == "failed" or left <= 0:
                    raise UnavailableError(
                        f"the local model {self.spec.model!r} doesn't start (state {self.state!r})",
                        hint="Its own message stands in the server's log; `kaname doctor` checks memory and files.",
                        code="model_not_ready",
                        retry_after_s=5,
                    ) from e

    def probe(self) -> EngineProbe:
        pid = self._child.pid
        if pid is None or not self._base_url:
            return EngineProbe(healthy=False)
        memory = read_resident_bytes(pid)
        try:
            metrics = self._get("/metrics")
        except (OSError, http.client.HTTPException):
            return EngineProbe(healthy=False, pid=pid, memory_bytes=memory)
        busy = sum(int(n) for n in _BUSY.findall(metrics))
        return EngineProbe(healthy=True, busy_requests=busy, pid=pid, memory_bytes=memory)

    def stop(self) -> None:
        self._child.stop()

    def _note_address(self, message: ReadyMessage) -> None:
        self._base_url = f"{message['url']}/v1"

    def _get(self, path: str) -> bytes:
        address = urllib.parse.urlsplit(self._base_url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_PROBE_TIMEOUT_S)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.spec.api_key}"})
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise http.client.HTTPException(f"status {response.status}")
        return body


def read_resident_bytes(pid: int) -> int | None:
    """Resident memory of a process; None where /proc doesn't exist."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
