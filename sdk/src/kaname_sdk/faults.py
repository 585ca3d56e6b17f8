"""The rule that the SDK never disturbs the application: whatever goes wrong inside is logged, once per place, and over.

The SDK's functions run inside other people's code, so each public entry puts its own work (never the application's)
into a `faults.guard` block.
"""

import logging
import threading
from types import TracebackType

logger = logging.getLogger("kaname_sdk")


class Guard:
    """`with` block whose errors end here, in the log. Stateless, so safe to share and to nest."""

    __slots__ = ("_log", "_place")

    def __init__(self, log: "FaultLog", place: str) -> None:
        self._log = log
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):  # nothing happened, or the process is being told to stop
            return False
        self._log.report(self._place, error)
        return True


class FaultLog:
    """Logs the first fault of each place with its traceback; counts the rest."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def guard(self, place: str) -> Guard:
        """A block around the SDK's own work: what it raises is logged here and goes no further."""
        return Guard(self, place)

    def report(self, place: str, error: BaseException) -> None:
        """Notes a fault. Never raises."""
        with self._lock:
            first = place not in self._counts
            self._counts[place] = self._counts.get(place, 0) + 1
        if first:
            logger.warning("%s failed; the application isn't affected (logged once)", place, exc_info=error)

    def say_once(self, place: str, message: str, *details: object) -> None:
        """Logs a message the first time only."""
        with self._lock:
            first = place not in self._counts
            self._counts[place] = self._counts.get(place, 0) + 1
        if first:
            logger.warning(message, *details)

    def count(self, place: str) -> int:
        """How often a place failed."""
        return self._counts.get(place, 0)

    def clear(self) -> None:
        """Forgets everything, so that the next fault is logged again."""
        with self._lock:
            self._counts.clear()


faults = FaultLog()
"""One per process, like the logger it guards."""
