"""Keeps a price book up to date in the background, for processes that price calls while they run."""

import logging
import threading

from kaname.gateway.pricing.store import PriceRefresher
from kaname.kernel.border import survive
from kaname.kernel.errors import KanameError

logger = logging.getLogger(__name__)


class PriceFollower:
    """Asks for changed project prices every `poll_s`; while the database is away the last known ones count."""

    def __init__(self, refresher: PriceRefresher, poll_s: float) -> None:
        self._refresher = refresher
        self._poll_s = poll_s
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Reads all prices, raising what the database raises, and follows changes from then on."""
        self._refresher.refresh()
        self._stopping.clear()
        self._thread = threading.Thread(target=self._follow, name="kaname-prices", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops following."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def _follow(self) -> None:
        failing = False
        while not self._stopping.wait(self._poll_s):
            with survive(logger, "refreshing prices"):
                try:
                    self._refresher.refresh()
                    failing = False
                except KanameError as e:
                    if not failing:
                        logger.warning("project prices can't be refreshed, the last known ones stay in force: %s", e)
                    failing = True
