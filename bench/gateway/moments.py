"""Single moments: how soon a call's upstream is closed after its client has left, and what the first answer costs."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from bench.gateway.load import ROOT, cpu_ns, request_body
from bench.gateway.systems import System


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


def first_answer_cpu_s(folder: Path, config: Path) -> float:
    """CPU seconds of a new gateway process from its start to its first 200."""
    argv = [
        sys.executable,
        str(Path(__file__).with_name("serve.py")),
        "--config",
        str(config),
        "--journal",
        str(folder),
    ]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        connection = http.client.HTTPConnection("127.0.0.1", ready["port"], timeout=10)
        headers = {"authorization": f"Bearer {ready['key']}", "content-type": "application/json"}
        connection.request("POST", "/v1/chat/completions", request_body("ok", stream=False), headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        connection.close()
        return cpu_ns(process.pid) / 1e9
    finally:
        process.terminate()
        process.wait(20)
