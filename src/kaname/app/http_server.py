"""One event loop that serves HTTP on given sockets, from start to an orderly end. Knows nothing of what it serves.

SIGTERM and Ctrl-C: what is served is told to drain, so that it refuses new work while the sockets still answer and
running work ends; after `drain_s` the rest is cancelled, which lets it say why. A second Ctrl-C doesn't wait.
"""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Protocol

import uvicorn
import uvloop

from kaname.app.connection import build_protocol, raise_file_limit, uvicorn_logger
from kaname.app.direct_calls import DirectCalls
from kaname.kernel.errors import ConfigurationError

BACKLOG = 2048
_LOOK_S = 0.05
_LAST_WORDS_S = 0.5
"""What the uvicorn server waits for requests that were given up already."""


class Served(Protocol):
    """What a process serves, with its life."""

    @property
    def root(self) -> Callable[..., Awaitable[None]]:
        """The ASGI application."""
        ...

    @property
    def gateway(self) -> DirectCalls:
        """What takes plain calls without ASGI."""
        ...

    @property
    def drain_s(self) -> float:
        """How long running work may take to end."""
        ...

    async def start(self) -> None:
        """Binds to the event loop; before the first request."""
        ...

    def begin_drain(self) -> None:
        """Takes no new work from now on."""
        ...

    def is_busy(self) -> bool:
        """Whether work runs that a drain waits for."""
        ...

    async def close(self) -> None:
        """Ends everything; after the last request."""
        ...


def run_loop(served: Served, listeners: Sequence[socket.socket], on_ready: Callable[[], None] = lambda: None) -> None:
    """Serves until it is told to stop. `on_ready` is called when connections are accepted."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(served, listeners, on_ready))


async def _serve(served: Served, listeners: Sequence[socket.socket], on_ready: Callable[[], None]) -> None:
    config = uvicorn.Config(
        served.root,
        http=build_protocol(raise_file_limit(), served.gateway),
        lifespan="off",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=75,
        h11_max_incomplete_event_size=None,
        proxy_headers=False,
    )
    await served.start()
    _calm_collector()
    try:
        await _Server(config, served, on_ready).serve(sockets=list(listeners))
    finally:
        await served.close()


class _Server(uvicorn.Server):
    """Lets running work end before it stops to listen."""

    def __init__(self, config: uvicorn.Config, served: Served, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._served = served
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """As the parent's, but without raising the signal again afterwards: that would end the process before
        `close` has committed what was recorded last."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._served.drain_s
        self._served.begin_drain()
        while self._served.is_busy() and loop.time() < deadline and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)  # the second Ctrl-C sets an attribute, which nothing can wait for
        left = deadline - loop.time()
        self.config.timeout_graceful_shutdown = max(_LAST_WORDS_S, left)  # pyright: ignore[reportAttributeAccessIssue] - uvicorn hands it to asyncio
        await super().shutdown(sockets)


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket; raises ConfigurationError. `shared`: other processes of ours listen on the same port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=shared)
    except OSError as e:
        raise _taken(host, port, e) from e
    listener.setblocking(False)
    # Set once here, every accepted connection inherits it: small answers must not wait for the peer's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def reserve(host: str, port: int) -> socket.socket:
    """Holds a port that others will share, without listening; raises ConfigurationError when it is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # Sharing is only meant among our own: with the option set at once, a second server would join unnoticed.
        with socket.create_server((host, port), family=family) as probe:
            port = probe.getsockname()[1]
        held = socket.socket(family, socket.SOCK_STREAM)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((host, port))
    except OSError as e:
        raise _taken(host, port, e) from e
    return held


def url_of(listener: socket.socket) -> str:
    """Where a socket is reached from this machine."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def configure_logging(level: str) -> None:
    """Logs go to stderr; raises ConfigurationError for an unknown level."""
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


def _taken(host: str, port: int, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"can't listen on {host}:{port}: {error.strerror}",
        hint="Stop what uses the port, or choose another with --port.",
    )


def _calm_collector() -> None:
    """What start-up made stays for good, so the collector needn't look at it again; requests make few cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
