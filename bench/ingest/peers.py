"""The systems under comparison, each as: start, where to post, how many spans its store shows, its process tree.

Phoenix and MLflow come from the package index into throwaway environments; nothing of theirs is imported here.
"""

import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import types
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from crash_rig import engine_client
from live import start_live_server

START_TIMEOUT_S = 180.0


class System(Protocol):
    """One system that ingests OTLP."""

    name: str
    url: str
    headers: Mapping[str, str]

    @property
    def pid(self) -> int:
        """Root of its process tree."""
        ...

    def stored(self) -> int:
        """Spans that its store shows now."""
        ...

    def stop(self) -> None: ...


class Kaname:
    """A whole `kaname up`."""

    name = "kaname"

    def __init__(self, folder: Path) -> None:
        self._server = start_live_server(folder / "kaname" / "data")
        self._columns = engine_client(self._server)
        self.url = f"{self._server.url}/v1/traces"
        self.headers = {"authorization": f"Bearer {self._server.secret_key}"}

    @property
    def pid(self) -> int:
        return self._server.process.pid

    def stored(self) -> int:
        return int(str(self._columns.query_rows("SELECT count() AS n FROM spans")[0]["n"]))

    def stop(self) -> None:
        self._columns.close()
        self._server.stop()


class _SqliteService:
    """A peer that keeps its spans in SQLite, which is read beside it at no cost to it."""

    name = ""
    package = ""
    headers: Mapping[str, str]

    def __init__(self, folder: Path) -> None:
        home = folder / self.name
        home.mkdir()
        python = _environment(self.package)
        port = _free_port()
        self._log = (home / "log").open("wb")
        self._process = subprocess.Popen(
            self.command(python.parent, home, port),
            stdout=self._log,
            stderr=self._log,
            cwd=home,
            env={**os.environ, **self.variables(home, port)},
            start_new_session=True,
        )
        self._database = self.database(home)
        self.url = f"http://127.0.0.1:{port}/v1/traces"
        _wait_for(f"http://127.0.0.1:{port}/health", self._process, home / "log")

    def command(self, binaries: Path, home: Path, port: int) -> list[str]:
        raise NotImplementedError

    def variables(self, home: Path, port: int) -> dict[str, str]:
        return {}

    def database(self, home: Path) -> Path:
        raise NotImplementedError

    @property
    def pid(self) -> int:
        return self._process.pid

    def stored(self) -> int:
        with contextlib.closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=10)) as connection:
            return int(connection.execute("SELECT count(*) FROM spans").fetchone()[0])

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, 15)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, 9)
        self._log.close()


class Phoenix(_SqliteService):
    """arize-phoenix on its default SQLite."""

    name = "phoenix"
    package = "arize-phoenix"
    headers = types.MappingProxyType[str, str]({})

    def command(self, binaries: Path, home: Path, port: int) -> list[str]:
        return [str(binaries / "phoenix"), "serve"]

    def variables(self, home: Path, port: int) -> dict[str, str]:
        return {
            "PHOENIX_WORKING_DIR": str(home),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(port),
            "PHOENIX_GRPC_PORT": str(_free_port()),
            "PHOENIX_TELEMETRY_ENABLED": "false",
        }

    def database(self, home: Path) -> Path:
        return home / "phoenix.db"


class Mlflow(_SqliteService):
    """mlflow server on SQLite, one worker process (more only add contention on SQLite)."""

    name = "mlflow"
    package = "mlflow"
    headers = types.MappingProxyType({"x-mlflow-experiment-id": "0"})

    def command(self, binaries: Path, home: Path, port: int) -> list[str]:
        return [
            str(binaries / "mlflow"), "server", "--backend-store-uri", f"sqlite:///{home}/mlflow.db",
            "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        ]  # fmt: skip

    def database(self, home: Path) -> Path:
        return home / "mlflow.db"


SYSTEMS = {"kaname": Kaname, "phoenix": Phoenix, "mlflow": Mlflow}


def tree_cpu_s(root: int) -> float:
    """CPU seconds of a process and all its living descendants."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - names are all that is needed
        if entry.isdigit():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                parents[int(entry)] = int(fields[1])
                # Own time, and that of children it has already waited for.
                ticks[int(entry)] = sum(map(int, fields[11:15]))
    wanted = {root}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in wanted} - wanted
        wanted |= more
        grown = bool(more)
    return sum(ticks.get(pid, 0) for pid in wanted) / os.sysconf("SC_CLK_TCK")


def _environment(package: str) -> Path:
    """The Python of a throwaway environment with a package; made once and kept in the temporary folder."""
    home = Path("/tmp") / f"kaname-bench-{package}"
    python = home / "bin" / "python"
    if not (home / "done").exists():
        print(f"installing {package} …", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", package], check=True)
        (home / "done").touch()
    return python


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.5)
    raise RuntimeError(f"it didn't start:\n{log.read_text()[-3000:]}")
