"""`python -m kaname.app.worker`: the process that consumes the journal into the column store.

Started and watched by the server (`wiring.py`). It ends when its stdin does or on SIGTERM, after the run of entries it
is applying, or a few seconds later without it; whatever it leaves is replayed by the next one.
"""

import importlib
import logging
import os
import signal
import sqlite3
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

from kaname.app.configuration import Configuration, load_child_configuration
from kaname.app.consumers import Consumers
from kaname.app.data_dir import DataDir
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.pricing.snapshot import load_snapshot
from kaname.kernel.child import announce_ready, exit_with_parent
from kaname.kernel.errors import ConfigurationError
from kaname.storage.columns import EngineEndpoint, connect_columns
from kaname.storage.journal import JournalReader
from kaname.storage.sql.settings import database_url

WAKE_VARIABLE = "KANAME_WORKER_WAKE_FD"
_TAKEOVER_S = 20.0
_GRACE_S = 4.0

logger = logging.getLogger("kaname.worker")


def main() -> int:
    """Consumes until told to stop."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s worker: %(message)s")
    logging.getLogger("clickhouse_connect").setLevel(logging.ERROR)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    configuration = load_child_configuration()
    data_dir = DataDir(root=configuration.data_dir)
    wake = os.environ.get(WAKE_VARIABLE, "")
    reader = _open_reader(data_dir, int(wake) if wake else None)
    columns = connect_columns(configuration.columns, EngineEndpoint.from_environment())
    prices = PriceBook(load_snapshot() if configuration.pricing.public_prices else None)
    _start_following_prices(configuration, data_dir, prices, stop)
    consumers = Consumers(configuration, data_dir, reader, columns, prices)
    exit_with_parent(lambda: _stop_soon(stop))
    announce_ready({"pid": os.getpid(), "sequence": reader.checkpoint.sequence})
    try:
        consumers.run(stop)
    finally:
        consumers.close()
        columns.close()
    return 0


def _start_following_prices(
    configuration: Configuration, data_dir: DataDir, book: PriceBook, stop: threading.Event
) -> None:
    """Follows project prices in a thread; returns when spans can be priced, or on `stop`."""
    waits = may_have_prices(database_url(configuration.sql, data_dir.root))
    loaded = threading.Event()

    def follow() -> None:
        if not waits and stop.wait(configuration.pricing.poll_s):
            return
        # Not at the top: SQLAlchemy's import takes longer than all the rest, and the first spans needn't wait for it.
        importlib.import_module("kaname.app.project_prices").follow_prices(configuration, data_dir, book, stop, loaded)

    threading.Thread(target=follow, name="prices", daemon=True).start()
    # Before the first span, or a restart would price it by the public list.
    while waits and not loaded.wait(0.05) and not stop.is_set():
        pass


def may_have_prices(url: str) -> bool:
    """Whether a project may have set a price: certain in an SQLite file, which is asked without SQLAlchemy."""
    prefix = "sqlite:///"
    if not url.startswith(prefix):
        return True
    file = Path(url.removeprefix(prefix)).resolve().as_uri()
    try:
        with closing(sqlite3.connect(f"{file}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT 1 FROM prices WHERE deleted_at IS NULL LIMIT 1").fetchone() is not None
    except sqlite3.Error:
        return True


def _open_reader(data_dir: DataDir, wake_fd: int | None) -> JournalReader:
    """The reader; waits for the worker of a server that was just killed to notice and end."""
    deadline = time.monotonic() + _TAKEOVER_S
    while True:
        try:
            return JournalReader(data_dir.journal, wake_fd=wake_fd)
        except ConfigurationError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def _stop_soon(stop: threading.Event) -> None:
    """Ends in order, or after a few seconds anyhow: a store that doesn't answer must not keep an orphan alive."""
    stop.set()
    timer = threading.Timer(_GRACE_S, os._exit, (0,))
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    sys.exit(main())
