"""`kaname gateway up`: the gateway alone, as one process or as several on one port under a supervisor.

With one worker this process serves by itself. With more it holds the port without listening, starts the workers, starts
again whichever ends, and passes on the signal to end. The kernel spreads connections over the workers; one that dies
leaves the port at once, so new connections go to the others while it comes back.
Apart from `cli.py` because that imports everything, and a gateway should answer within half a second of CPU.
"""

import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import click

import kaname
from kaname.app.configuration import CONFIG_VARIABLE, Configuration, load_configuration
from kaname.app.data_dir import DataDir
from kaname.app.flags import parse_flags
from kaname.app.gateway_process import GatewayProcess
from kaname.app.http_server import bind, configure_logging, reserve, run_loop, url_of
from kaname.kernel.child import ChildProcess
from kaname.kernel.settings import SettingsSource, read_source

PORT_VARIABLE = "KANAME_GATEWAY_WORKER_PORT"
SIBLINGS_VARIABLE = "KANAME_GATEWAY_WORKER_FOLDER"
MAX_WORKERS = 64
_STOP_S = 10.0
"""Beyond the drain, for a worker to write what is left."""


class GivesConfiguration(Protocol):
    """What the command gets as `click`'s object; `cli.CommandContext` is one."""

    def add_flags(self, flags: Mapping[str, str]) -> None: ...
    def configuration(self) -> Configuration: ...


class QuickContext:
    """The same without the API client."""

    def __init__(self, flags: Mapping[str, str], config: Path | None) -> None:
        self._flags = dict(flags)
        self._config = config

    def add_flags(self, flags: Mapping[str, str]) -> None:
        """Flags of a subcommand win over those before it."""
        self._flags.update(flags)

    def source(self) -> SettingsSource:
        """The raw settings."""
        return read_source(flags=self._flags, file_path=self._config)

    def configuration(self) -> Configuration:
        """The loaded settings; raises ConfigurationError."""
        return load_configuration(self.source())


@click.command("up")
@click.option("--host", help="Short for --set server.host=…")
@click.option("--port", type=int, help="Short for --set server.port=…; 0 takes a free one.")
@click.option("--workers", type=click.IntRange(1, MAX_WORKERS), help="Short for --set gateway.workers=…")
@click.pass_obj
def gateway_up(context: GivesConfiguration, host: str | None, port: int | None, workers: int | None) -> None:
    """Start the gateway alone: no UI, no API, no column store. Ctrl-C stops it."""
    given = {"server.host": host, "server.port": port, "gateway.workers": workers}
    context.add_flags({name: str(value) for name, value in given.items() if value is not None})
    run_gateway(context.configuration())


@click.group()
@click.option("--config", type=click.Path(path_type=Path), envvar=CONFIG_VARIABLE)
@click.option("--set", "flags", multiple=True, callback=parse_flags)
@click.option("--data-dir", type=click.Path(path_type=Path))
@click.option("--url")
@click.pass_context
def quick_cli(
    context: click.Context, config: Path | None, flags: dict[str, str], data_dir: Path | None, url: str | None
) -> None:
    """The options of `kaname` itself."""
    if data_dir is not None:
        flags["server.data_dir"] = str(data_dir)
    context.obj = QuickContext(flags, config)


@quick_cli.group("gateway")
def _gateway() -> None:
    """Only `up`."""


_gateway.add_command(gateway_up)


def run_gateway(configuration: Configuration) -> None:
    """Serves until it is told to stop; raises KanameError when it can't start."""
    configure_logging(configuration.server.log_level)
    os.umask(0o077)
    data_dir = DataDir(root=configuration.data_dir)
    data_dir.create()
    if configuration.gateway.workers > 1:
        _supervise(configuration)
        return
    listener = bind(configuration.server.host, configuration.server.port)
    try:
        process = GatewayProcess(configuration, data_dir)
        run_loop(process, [listener], lambda: _greet(url_of(listener), 1))
    finally:
        listener.close()


def _supervise(configuration: Configuration) -> None:
    server, count = configuration.server, configuration.gateway.workers
    held = reserve(server.host, server.port)
    folder = Path(tempfile.mkdtemp(prefix="kaname-"))
    environment = {
        **configuration.child_environment(),
        PORT_VARIABLE: str(held.getsockname()[1]),
        SIBLINGS_VARIABLE: str(folder),
    }
    workers = [
        ChildProcess(
            f"gateway worker {number}", [sys.executable, "-m", "kaname.app.gateway_worker"], environment=environment
        )
        for number in range(1, count + 1)
    ]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        for worker in workers:
            worker.start()
        workers[0].wait_ready()
        _greet(url_of(held), count)
        while not stop.wait(1.0):
            if all(worker.state == "failed" for worker in workers):
                raise SystemExit(1)
    finally:
        _stop_all(workers, server.drain_s + _STOP_S)
        _close(held, folder)


def _stop_all(workers: list[ChildProcess], grace_s: float) -> None:
    """All drain at the same time. A worker gets half of its grace before it is told again."""
    threads = [threading.Thread(target=worker.stop, args=(2 * grace_s,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _close(held: socket.socket, folder: Path) -> None:
    held.close()
    shutil.rmtree(folder, ignore_errors=True)


def _greet(url: str, workers: int) -> None:
    several = f" with {workers} workers" if workers > 1 else ""
    click.echo(f"Kaname {kaname.__version__} gateway answers at {url}/v1{several}")
    sys.stdout.flush()
