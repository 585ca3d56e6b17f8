"""Starting `kaname gateway up` for tests, beside or without a server on the same data folder."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live import Response, request

CALL = {"model": "ok/m", "messages": [{"role": "user", "content": "hello"}]}


@dataclass(slots=True, kw_only=True)
class GatewayAlone:
    """A running gateway, `url` without `/v1`."""

    process: "subprocess.Popen[bytes]"
    url: str
    log_path: Path
    started_cpu_s: float

    def get(self, path: str, key: str = "") -> Response:
        return request("GET", f"{self.url}{path}", headers={"authorization": f"Bearer {key}"} if key else {})

    def call(self, key: str, body: dict[str, Any] = CALL, headers: dict[str, str] | None = None) -> Response:

        sent = {"authorization": f"Bearer {key}", "content-type": "application/json", **(headers or {})}
        return request("POST", f"{self.url}/v1/chat/completions", body=json.dumps(body).encode(), headers=sent)

    def stop(self) -> int:
        """SIGTERM and wait."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(40)

    def log(self) -> str:
        return self.log_path.read_text()


def start_gateway(data_dir: Path, *arguments: str, environment: dict[str, str] | None = None) -> GatewayAlone:
    """Starts it and waits until it answers."""
    log_path = data_dir.parent / f"gateway-{time.monotonic_ns()}.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "kaname.app.entry", "--data-dir", str(data_dir), "gateway", "up", "--port", "0",
             *arguments],
            env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (found := re.search(r"answers at (\S+)/v1", log_path.read_text())):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"the gateway didn't start:\n{log_path.read_text()[-4000:]}")
        time.sleep(0.02)
    return GatewayAlone(process=process, url=found.group(1), log_path=log_path, started_cpu_s=cpu_s(process.pid))


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
