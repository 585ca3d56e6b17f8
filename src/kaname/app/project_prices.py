"""The worker's view of project prices: a price book that follows the database.

Apart from `worker.py` because it needs SQLAlchemy, whose import takes longer than all the rest of the worker's. So the
worker imports this module when there are project prices, or later, beside its work.
"""

import logging
import threading

from kaname.app.configuration import Configuration
from kaname.app.data_dir import DataDir
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.pricing.store import PriceRefresher
from kaname.kernel.errors import KanameError
from kaname.storage.sql.database import Database
from kaname.storage.sql.settings import database_url

logger = logging.getLogger("kaname.worker")


def follow_prices(
    configuration: Configuration, data_dir: DataDir, book: PriceBook, stop: threading.Event, loaded: threading.Event
) -> None:
    """Loads the prices, says so, and looks for changes until told to stop."""
    database = Database(database_url(configuration.sql, data_dir.root), pool_size=1)
    refresher = PriceRefresher(database, book)
    failing = False
    try:
        while not stop.is_set():
            try:
                refresher.refresh()
                loaded.set()
                failing = False
            except KanameError as e:
                if not failing:
                    logger.warning("project prices can't be read, the last known ones stay in force: %s", e)
                failing = True
            stop.wait(configuration.pricing.poll_s)
    finally:
        database.close()
