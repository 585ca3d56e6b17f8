"""Single moments: how soon a call's upstream is closed after its client has left, and what the first answer costs."""

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from bench.gateway.load import ROOT, cpu_ns, pss_kb, request_body
from bench.gateway.systems import System
from live import start_live_server


def _request(system: System, mode: str, *, stream: bool) -> bytes:
    body = request_body(system.models[mode], stream=stream).encode()
    lines = [f"POST {system.paths[mode]} HTTP/1.1", "host: x", "content-type: application/json"]
    lines += [f"{name}: {value}" for name, value in system.headers[mode].items()]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def _active(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/active")
    return int(connection.getresponse().read())


def cancel_ms(system: System, upstream_port: int, mode: str) -> float:
    """From the client's leaving until the upstream's connection is closed. `paced`: in a stream; `hang`: before it."""
    watch = http.client.HTTPConnection("127.0.0.1", upstream_port, timeout=10)
    before = _active(watch)
    with socket.create_connection(("127.0.0.1", system.port)) as client:
        client.settimeout(10)
        client.sendall(_request(system, mode, stream=mode == "paced"))
        if mode == "paced":
            while b"token" not in client.recv(65536):
                pass
        else:
            while _active(watch) == before:
                time.sleep(0.001)
            time.sleep(0.1)
    left_at = time.perf_counter()
    while _active(watch) > before:
        if time.perf_counter() - left_at > 10:
            break
    watch.close()
    return (time.perf_counter() - left_at) * 1000


class Installation:
    """A data folder with a key, made by a whole `kaname up` that has ended again."""

    def __init__(self, folder: Path, config: str) -> None:
        self.data = folder / "data"
        self.data.mkdir(mode=0o700, parents=True)
        (self.data / "gateway.yaml").write_text(config)
        server = start_live_server(self.data)
        server.stop()
        self.key = server.secret_key


class Start(NamedTuple):
    """What starting the gateway alone takes."""

    cpu_s: float
    """From the start of the process to its first 200."""
    pss_mb: float
    """Afterwards."""


def start_alone(installation: Installation) -> Start:
    """`kaname gateway up` until its first 200."""
    argv = [sys.executable, "-m", "kaname.app.entry", "gateway", "up", "--port", "0"]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}",
        "KANAME_SERVER_DATA_DIR": str(installation.data),
    }
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        greeting = process.stdout.readline()
        found = re.search(r":(\d+)/v1", greeting)
        assert found is not None, greeting
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=10)
        headers = {"authorization": f"Bearer {installation.key}", "content-type": "application/json"}
        connection.request("POST", "/v1/chat/completions", request_body("ok", stream=False), headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        cpu_s = cpu_ns(process.pid) / 1e9
        connection.close()
        return Start(cpu_s, pss_kb(process.pid) / 1024)
    finally:
        process.terminate()
        process.wait(20)
