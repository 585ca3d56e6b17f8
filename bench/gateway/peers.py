"""LiteLLM's proxy and Portkey's gateway, installed on demand into a cache folder and started as children.

Pinned versions. LiteLLM gets an environment of its own; Portkey comes from npm with `@hono/node-server` held at 1.13.5,
because with the newer one that it would choose it can't stream. Nothing of theirs is imported here.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

LITELLM = "1.106.2"
PORTKEY = "1.15.2"
HONO_NODE_SERVER = "1.13.5"
MASTER_KEY = "sk-bench-0123456789"
START_TIMEOUT_S = 120.0


class PeerUnavailableError(Exception):
    """A peer can't be installed or doesn't start here; the message says why."""


class Peer:
    """A running peer."""

    def __init__(self, argv: Sequence[str], port: int, environment: Mapping[str, str], log: Path, ready: str) -> None:
        self.port = port
        self._log = log.open("wb")
        self.process = subprocess.Popen(
            argv, stdout=self._log, stderr=self._log, env={**os.environ, **environment}, start_new_session=True
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}{ready}", self.process, log)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """Root of its process tree."""
        return self.process.pid

    def stop(self) -> None:
        """Ends it and its children."""
        for number in (15, 9):
            if self.process.poll() is None:
                os.killpg(self.process.pid, number)
            try:
                self.process.wait(10)
                break
            except subprocess.TimeoutExpired:
                continue
        self._log.close()


def cache_folder() -> Path:
    """Where peers are kept between runs."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kaname-bench"
    root.mkdir(parents=True, exist_ok=True)
    return root


def install_litellm() -> Path:
    """The `litellm` program."""
    home = cache_folder() / f"litellm-{LITELLM}"
    program = home / "bin" / "litellm"
    if not program.exists():
        uv = Path(sys.executable).parent / "uv"
        _install([str(uv), "venv", "-q", "--clear", str(home), "--python", "3.11"], home.parent)
        python = str(home / "bin" / "python")
        _install([str(uv), "pip", "install", "-q", "--python", python, f"litellm[proxy]=={LITELLM}"], home.parent)
    return program


def install_portkey() -> Path:
    """The script that starts Portkey's gateway under Node."""
    home = cache_folder() / f"portkey-{PORTKEY}"
    script = home / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    if not script.exists():
        home.mkdir(parents=True, exist_ok=True)
        package = {
            "private": True,
            "dependencies": {"@portkey-ai/gateway": PORTKEY},
            "overrides": {"@hono/node-server": HONO_NODE_SERVER},
        }
        (home / "package.json").write_text(json.dumps(package))
        _install(["npm", "install", "--no-audit", "--no-fund", "--silent"], home)
    return script


def start_litellm(folder: Path, config: Mapping[str, object], *, prefix: Sequence[str] = ()) -> Peer:
    """LiteLLM's proxy on one worker, without a database; `config` is its YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    path = folder / "litellm.yaml"
    path.write_text(json.dumps(config))  # JSON is YAML
    argv = [
        *prefix, str(install_litellm()), "--config", str(path), "--host", "127.0.0.1", "--port", str(port),
        "--num_workers", "1", "--telemetry", "False",
    ]  # fmt: skip
    environment = {
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MASTER_KEY": MASTER_KEY,
        "NO_PROXY": "127.0.0.1",
    }
    return Peer(argv, port, environment, folder / "litellm.log", "/health/liveliness")


def start_portkey(folder: Path, *, prefix: Sequence[str] = ()) -> Peer:
    """Portkey's gateway without its log UI; where a call goes stands in its headers."""
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    argv = [*prefix, "node", str(install_portkey()), f"--port={port}", "--headless"]
    environment = {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1", "NODE_ENV": "production"}
    return Peer(argv, port, environment, folder / "portkey.log", "/")


def _install(argv: list[str], folder: Path) -> None:
    print(f"installing: {' '.join(argv)}", file=sys.stderr, flush=True)
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PeerUnavailableError(f"{argv[0]} failed: {(done.stderr or done.stdout).strip()[-500:]}")


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    tail = log.read_bytes()[-600:].decode("utf-8", "replace")
    raise PeerUnavailableError(f"{url} didn't answer: {tail}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
