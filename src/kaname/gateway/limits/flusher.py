"""Drives the exchange: a thread that every 250 ms stores what calls changed and brings what others did.

The thread asks the event loop for the changes and hands it the result, so that states are touched by the loop only.
While the database is away, calls go on by what is known; their changes wait in memory and are stored later.
A kill -9 loses what was settled since the last exchange: 250 ms, plus the time one takes.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TypeVar

from kaname.gateway.limits.exchange import Exchange
from kaname.gateway.limits.ledger import Changes, Ledger
from kaname.kernel.border import survive
from kaname.kernel.errors import KanameError

logger = logging.getLogger(__name__)

FLUSH_S = 0.25
_LOOP_TIMEOUT_S = 30.0
T = TypeVar("T")


class LimitFlusher:
    """Between one ledger and one exchange."""

    def __init__(self, ledger: Ledger, exchange: Exchange, *, flush_s: float = FLUSH_S) -> None:
        self._ledger = ledger
        self._exchange = exchange
        self._flush_s = flush_s
        self._pending: Changes | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing = False

    @property
    def is_failing(self) -> bool:
        """Whether the last exchange failed: calls go on by what is known."""
        return self._failing

    def load(self) -> None:
        """Reads everything that counts now; raises what the database raises. Before the first call."""
        self._ledger.apply(self._exchange.load())

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to exchange."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, args=(loop,), name="kaname-limits", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread, then stores what is left. Call it from the loop's thread when no call runs any more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None
        try:
            self.flush()
            self._exchange.leave()
        except KanameError as e:
            logger.warning("the last changes of limits weren't stored: %s", e)

    def flush(self) -> None:
        """One exchange, in the loop's own thread: for the end, for tests, and where there is no loop."""
        if self._pending is not None:
            self._ledger.apply(self._exchange.swap(self._pending))
            self._pending = None
        self._ledger.apply(self._exchange.swap(self._ledger.collect()))

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopping.wait(self._flush_s):
            with survive(logger, "exchanging limits"):
                try:
                    self._exchange_once(loop)
                    self._failing = False
                except KanameError as e:
                    if not self._failing:
                        logger.warning("limits can't be stored, calls go on by what is known: %s", e)
                    self._failing = True

    def _exchange_once(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._pending is None:
            self._pending = self._in_loop(loop, self._ledger.collect)
        if self._pending is None:
            return
        totals = self._exchange.swap(self._pending)
        self._pending = None
        self._in_loop(loop, lambda: self._ledger.apply(totals))

    def _in_loop(self, loop: asyncio.AbstractEventLoop, act: Callable[[], T]) -> T | None:
        """Runs something in the event loop and waits for it; None when the loop ends meanwhile."""

        async def run() -> T:
            return act()

        coroutine = run()
        try:
            done = asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError:  # the loop is closed
            coroutine.close()
            return None
        while not self._stopping.is_set():
            try:
                return done.result(timeout=0.1)
            except FutureTimeoutError:
                continue
        # `stop` runs in the loop's thread and waits for this one: act here, or give up what can't run any more.
        return None if done.cancel() else done.result(timeout=_LOOP_TIMEOUT_S)
