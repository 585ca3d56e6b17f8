"""`python -m kaname.app.engine`: the process that owns the embedded column store and serves it on a handed-down socket.

Started by `storage.columns.local.LocalEngine`, never by hand. It inherits a listening socket and the directory lock by
file descriptor, takes its secret from the environment, and ends when its stdin does.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import msgspec

from kaname.kernel.child import announce_ready, exit_with_parent
from kaname.kernel.errors import ConfigurationError
from kaname.storage.columns.endpoint import ENGINE_USER, SECRET_VARIABLE
from kaname.storage.columns.engine.chdb import ChdbStore
from kaname.storage.columns.engine.config import base_settings, write_config
from kaname.storage.columns.engine.dropped import remove_dropped_tables
from kaname.storage.columns.engine.lanes import Lane
from kaname.storage.columns.engine.memory import give_back_memory
from kaname.storage.columns.engine.server import HttpServer, ServerLimits
from kaname.storage.columns.engine.service import EngineService, Lanes
from kaname.storage.columns.engine.version import check_version
from kaname.storage.columns.local import ENGINE_PLAN_VARIABLE, EnginePlan

STOP_GRACE_S = 2.0
"""How long statements under way may take to end when the process is asked to stop."""

logger = logging.getLogger("kaname.engine")


def main() -> int:
    """Opens the store, announces readiness, serves until told to stop."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s engine %(message)s")
    plan = msgspec.json.decode(os.environ.pop(ENGINE_PLAN_VARIABLE), type=EnginePlan)
    secret = os.environ.pop(SECRET_VARIABLE)
    os.environ["TZ"] = "UTC"
    # The engine's allocator reads these; `background_thread:true`, a popular value, makes chDB crash at load.
    for name in ("MALLOC_CONF", "JE_MALLOC_CONF"):
        os.environ.pop(name, None)
    try:
        store = _open_store(plan)
    except ConfigurationError as e:
        announce_ready({"refused": {"code": e.code, "message": e.message, "hint": e.hint}})
        return e.exit_status
    with asyncio.Runner() as runner:
        runner.run(_serve(plan, secret, store))
    # Rows are on disk when an insert is acknowledged, so there is nothing left to save; a statement that wouldn't stop
    # must not keep the directory locked.
    os._exit(0)


def _open_store(plan: EnginePlan) -> ChdbStore:
    directory = Path(plan.directory)
    store_path = directory / "store"
    store_path.mkdir(mode=0o700, exist_ok=True)
    remove_dropped_tables(store_path)
    config_file = directory / "engine.xml"
    write_config(config_file, plan.settings)
    store = ChdbStore(store_path, config_file, base_settings(plan.settings))
    check_version(directory, store.version)
    return store


async def _serve(plan: EnginePlan, secret: str, store: ChdbStore) -> None:
    settings = plan.settings
    width, waiting = settings.max_concurrent_queries, settings.max_waiting
    lanes = Lanes(
        reads=Lane("reads", width=width, max_waiting=waiting),
        writes=Lane("writes", width=2, max_waiting=waiting),
        exports=Lane("exports", width=width, max_waiting=waiting),
        control=Lane("control", width=1, max_waiting=1000),
    )
    service = EngineService(
        store=store, lanes=lanes, user=ENGINE_USER, secret=secret, max_body_bytes=settings.max_request_bytes
    )
    limits = ServerLimits(max_body_bytes=settings.max_request_bytes, max_bodies_bytes=2 * settings.max_request_bytes)
    server = HttpServer(service.handle, service.check_head, limits)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def stop_soon() -> None:
        loop.call_soon_threadsafe(stop.set)

    exit_with_parent(stop_soon)
    listener = socket.socket(fileno=plan.listen_fd)
    acceptor = await loop.create_server(server.make_connection, sock=listener, backlog=1024)
    keepers = [
        asyncio.create_task(server.sweep()),
        asyncio.create_task(give_back_memory(store, lanes.control, lambda: lanes.finished, lambda: lanes.running)),
    ]
    announce_ready({"version": store.version, "pid": os.getpid()})
    await stop.wait()
    acceptor.close()
    for keeper in keepers:
        keeper.cancel()
    await server.close(STOP_GRACE_S)
    lanes.close()


if __name__ == "__main__":
    sys.exit(main())
