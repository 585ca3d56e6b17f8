"""`kaname up`: the whole installation behind one listening socket."""

import os
import socket
import sys

import click

import kaname
from kaname.app.configuration import Configuration
from kaname.app.data_dir import DataDir, ServerFile, ServerLock, write_server_file
from kaname.app.http_server import bind, configure_logging, run_loop, url_of
from kaname.app.wiring import Installation, build_installation

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


def run_server(configuration: Configuration) -> None:
    """Serves until it is told to stop; raises KanameError when it can't start."""
    configure_logging(configuration.server.log_level)
    os.umask(0o077)  # children inherit it: what the server and they write is nobody else's to read
    data_dir = DataDir(root=configuration.data_dir)
    data_dir.create()
    lock = ServerLock(data_dir)
    lock.acquire()
    listener = bind(configuration.server.host, configuration.server.port)
    try:
        installation = build_installation(configuration, data_dir)
        url = _public_url(configuration, listener)
        _greet(installation, url)
        write_server_file(data_dir, ServerFile(pid=os.getpid(), url=url, version=kaname.__version__))
        run_loop(installation, [listener])
    finally:
        data_dir.server_file.unlink(missing_ok=True)
        listener.close()
        lock.release()


def _public_url(configuration: Configuration, listener: socket.socket) -> str:
    return configuration.server.public_url.rstrip("/") or url_of(listener)


def _greet(installation: Installation, url: str) -> None:
    click.echo(f"Kaname {kaname.__version__} answers at {url}")
    host = installation.configuration.server.host
    if host not in LOOPBACK_HOSTS and not url.startswith("https://"):
        click.echo("Warning: others can reach this address and it is not encrypted; put TLS in front.", err=True)
    token = installation.access.setup.issue()
    if token is not None:
        click.echo(f"Create the first account (the link works once): {url}/setup?token={token}")
    sys.stdout.flush()
