"""Tells the other processes of this one: a thread that writes its state when it changed, and else that it lives.

Losing it loses nothing but a view: calls don't depend on it, and while the database is away they go on.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from kaname.gateway.processes.state import ProcessKind, ProcessState
from kaname.gateway.processes.store import ProcessFacts, ProcessStates, SeenProcess
from kaname.kernel.border import survive
from kaname.kernel.clock import Clock
from kaname.kernel.errors import KanameError
from kaname.kernel.ids import new_id

TELL_S: Final = 2.0
BEAT_S: Final = 10.0

logger = logging.getLogger(__name__)


class ProcessTeller:
    """One process's side."""

    def __init__(
        self, kind: ProcessKind, state: Callable[[], ProcessState], states: ProcessStates, clock: Clock
    ) -> None:
        name = f"{socket.gethostname()}:{os.getpid()}"[:200]
        self.facts = ProcessFacts(id=new_id("prc"), name=name, kind=kind, started_at=clock.now())
        self._state = state
        self._states = states
        self._clock = clock
        self._told = b""
        self._told_at = float("-inf")
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to tell."""
        self._thread = threading.Thread(target=self._follow, name="kaname-process-state", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Says that this process is no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            try:
                self._states.remove(self.facts.id)
            except KanameError as e:
                logger.warning("the end of this process wasn't told to the others: %s", e)

    def tell(self) -> None:
        """Writes the state if it is another one or the last was long ago; raises what the database raises."""
        said, now = msgspec.json.encode(self._state()), self._clock.monotonic()
        if said != self._told or now - self._told_at >= BEAT_S:
            self._states.put(self.facts, said)
            self._told, self._told_at = said, now

    def own(self) -> ProcessState:
        """This process's state now."""
        return self._state()

    def others(self) -> Sequence[SeenProcess]:
        """What the others said last; raises what the database raises."""
        return self._states.others(self.facts.id)

    def _follow(self) -> None:
        is_failing = False
        while True:
            with survive(logger, "telling the other processes of this one"):
                try:
                    self.tell()
                    is_failing = False
                except KanameError as e:
                    if not is_failing:
                        logger.warning("the other processes can't be told of this one now: %s", e)
                    is_failing = True
            if self._stopping.wait(TELL_S):
                return
