"""Running the server: one process, one event loop, one listening socket; orderly start and end.

SIGTERM and Ctrl-C: stop accepting, let open requests end (at most `server.drain_s`), commit the journal, stop the
children.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Generator

import click
import uvicorn
import uvloop

import kaname
from kaname.app.configuration import Configuration
from kaname.app.connection import build_protocol, raise_file_limit, uvicorn_logger
from kaname.app.data_dir import DataDir, ServerFile, ServerLock, write_server_file
from kaname.app.wiring import Installation, build_installation
from kaname.kernel.errors import ConfigurationError

logger = logging.getLogger(__name__)
BACKLOG = 2048
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


def run_server(configuration: Configuration) -> None:
    """Serves until it is told to stop; raises KanameError when it can't start."""
    _configure_logging(configuration.server.log_level)
    os.umask(0o077)  # children inherit it: what the server and they write is nobody else's to read
    data_dir = DataDir(root=configuration.data_dir)
    data_dir.create()
    lock = ServerLock(data_dir)
    lock.acquire()
    listener = _bind(configuration)
    try:
        installation = build_installation(configuration, data_dir)
        url = _public_url(configuration, listener)
        _greet(installation, url)
        write_server_file(data_dir, ServerFile(pid=os.getpid(), url=url, version=kaname.__version__))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(installation, listener))
    finally:
        data_dir.server_file.unlink(missing_ok=True)
        listener.close()
        lock.release()


async def _serve(installation: Installation, listener: socket.socket) -> None:
    config = uvicorn.Config(
        installation.root,
        http=build_protocol(raise_file_limit()),
        lifespan="off",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(installation.configuration.server.drain_s),
        h11_max_incomplete_event_size=None,
        proxy_headers=False,
    )
    await installation.start()
    _calm_collector()
    try:
        await _Server(config, installation).serve(sockets=[listener])
    finally:
        await installation.close()


def _calm_collector() -> None:
    """What start-up made stays for good, so the collector needn't look at it again; requests make few cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


class _Server(uvicorn.Server):
    """Ends open streams before it waits for connections to finish."""

    def __init__(self, config: uvicorn.Config, installation: Installation) -> None:
        super().__init__(config)
        self._installation = installation

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """As the parent's, but without raising the signal again afterwards: that would end the process before
        `Installation.close` has committed what the gateway recorded last."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._installation.end_streams()
        await super().shutdown(sockets)


def _bind(configuration: Configuration) -> socket.socket:
    server = configuration.server
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    try:
        listener = socket.create_server((server.host, server.port), family=family, backlog=BACKLOG)
    except OSError as e:
        raise ConfigurationError(
            f"can't listen on {server.host}:{server.port}: {e.strerror}",
            hint="Stop what uses the port, or choose another with --port.",
        ) from e
    listener.setblocking(False)
    # Set once here, every accepted connection inherits it: small answers must not wait for the peer's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _public_url(configuration: Configuration, listener: socket.socket) -> str:
    if configuration.server.public_url:
        return configuration.server.public_url.rstrip("/")
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _greet(installation: Installation, url: str) -> None:
    click.echo(f"Kaname {kaname.__version__} answers at {url}")
    host = installation.configuration.server.host
    if host not in LOOPBACK_HOSTS and not url.startswith("https://"):
        click.echo("Warning: others can reach this address and it is not encrypted; put TLS in front.", err=True)
    token = installation.access.setup.issue()
    if token is not None:
        click.echo(f"Create the first account (the link works once): {url}/setup?token={token}")
    sys.stdout.flush()


def _configure_logging(level: str) -> None:
    try:
        logging.basicConfig(
            stream=sys.stderr, level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
    except ValueError as e:
        raise ConfigurationError(
            f"setting server.log_level = {level!r} is wrong", hint="Use debug, info, warning or error."
        ) from e
    for noisy in ("uvicorn", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    uvicorn_logger.setLevel(logging.ERROR)
