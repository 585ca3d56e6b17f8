"""Keeps a process's canaries and the database together: twice a second it reads where they stand, every second it
stores what calls did and asks the guards when that is due.

Every process does the same; who decides first wins, and the others see it at their next look, within half a second.
While the database is away canaries stay where they are, and counts wait in memory. A kill -9 loses the counts of the
last second and nothing else.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kaname.gateway.canaries.book import CanaryBook, Update, Watched
from kaname.gateway.canaries.look import is_due, look
from kaname.gateway.canaries.model import Canary, Standing
from kaname.gateway.canaries.ports import ScoreSource
from kaname.gateway.canaries.store import CanaryStore, Change
from kaname.gateway.config import GatewayConfig
from kaname.gateway.routing.split import Arms
from kaname.kernel.border import survive
from kaname.kernel.clock import Clock
from kaname.kernel.errors import KanameError
from kaname.kernel.ids import new_id

POLL_S = 0.5
STORE_S = 1.0
SCORES_S = 10.0
"""How often scores are read: they come from people and judges, and the column store is slower than SQL."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedConfig:
    """Whose canaries are followed. `scores` None: this process can't ask for scores; others may."""

    current: Callable[[], GatewayConfig]
    scores: ScoreSource | None = None


class CanaryFollower:
    """Between one book and the database."""

    def __init__(self, book: CanaryBook, store: CanaryStore, config: FollowedConfig, clock: Clock) -> None:
        self._book = book
        self._store = store
        self._config = config
        self._clock = clock
        self._process_id = new_id("prc")
        self._task: asyncio.Task[None] | None = None
        # One exchange at a time: the last one, at the end, must not be overtaken by one that began before.
        self._lock = threading.Lock()
        self._stored_at = float("-inf")
        self._scored_at: dict[tuple[str, int], float] = {}
        self._is_failing = False

    @property
    def is_failing(self) -> bool:
        """Whether the last exchange failed: canaries stay where they are."""
        return self._is_failing

    def load(self) -> None:
        """Reads where the canaries stand; raises what the database raises. Before the first call."""
        self._exchange_here()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to follow; in the loop's thread."""
        self._task = loop.create_task(self._follow())

    def stop(self) -> None:
        """Stores what is left; in the loop's thread, when no call runs any more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        try:
            self._exchange_here()
        except KanameError as e:
            logger.warning("the last observations of canaries weren't stored: %s", e)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            with survive(logger, "following canaries"):
                watched = self._book.collect(self._config.current())
                if not watched:
                    continue
                try:
                    updates, stored = await asyncio.to_thread(self._exchange, watched)
                except KanameError as e:
                    if not self._is_failing:
                        logger.warning("canaries stay where they are, the database can't be used: %s", e)
                    self._is_failing = True
                    continue
                self._is_failing = False
                self._book.apply(updates, stored)

    def _exchange_here(self) -> None:
        watched = self._book.collect(self._config.current())
        if watched:
            self._stored_at = float("-inf")
            self._book.apply(*self._exchange(watched))

    # ---- in a thread

    def _exchange(self, watched: Sequence[Watched]) -> tuple[list[Update], Sequence[Watched]]:
        with self._lock:
            standings = self._standings(watched)
            stored: Sequence[Watched] = ()
            if self._clock.monotonic() - self._stored_at >= STORE_S:
                stored = self._store_counts(watched, standings)
                for each in watched:
                    standing = standings[each.canary.id]
                    if standing.state.phase == "running":
                        # One that can't be judged must not keep the others from moving.
                        with survive(logger, "judging canary %r", each.canary.name, passing=(KanameError,)):
                            standings[each.canary.id] = self._judge(each.canary, standing)
                self._stored_at = self._clock.monotonic()
            return [_update(each, standings[each.canary.id]) for each in watched], stored

    def _standings(self, watched: Sequence[Watched]) -> dict[str, Standing]:
        ids = [each.canary.id for each in watched]
        standings = self._store.standings(ids)
        missing = [each.canary for each in watched if each.canary.id not in standings]
        if missing:
            self._store.begin(missing)
            standings = self._store.standings(ids)
        return standings

    def _store_counts(self, watched: Sequence[Watched], standings: dict[str, Standing]) -> list[Watched]:
        """Only of steps that still last: what calls of an earlier one did no longer matters."""
        fresh = [
            each
            for each in watched
            if each.counts is not None
            and each.standing is not None
            and each.standing.generation == standings[each.canary.id].generation
        ]
        self._store.put_counts(
            self._process_id,
            {(each.canary.id, standings[each.canary.id].generation): each.counts or {} for each in fresh},
        )
        return fresh

    def _judge(self, canary: Canary, standing: Standing) -> Standing:
        """Asks the guards if that is due; returns where the canary stands afterwards, as far as is known."""
        self._store_scores(canary, standing)
        evidence = self._store.evidence(canary, standing)
        now_ns = self._clock.now_ns()
        if not is_due(standing, canary, evidence, now_ns):
            return standing
        action, state, findings = look(standing, canary, evidence, now_ns)
        if action is None:
            return self._store.note(standing, findings) or standing
        return self._store.change(canary, standing, Change(action, state, findings)) or standing

    def _store_scores(self, canary: Canary, standing: Standing) -> None:
        metric = next((guard.name for guard in canary.plan.settings.guards if guard.metric == "score"), "")
        source, now = self._config.scores, self._clock.monotonic()
        key = (canary.id, standing.generation)
        if source is None or not metric or now - self._scored_at.get(key, float("-inf")) < SCORES_S:
            return
        self._scored_at = {k: at for k, at in self._scored_at.items() if k[0] != canary.id} | {key: now}
        with survive(logger, "reading the scores of canary %r", canary.name):
            self._store.put_scores(standing, source.scores(canary.name, metric, standing.since_ns))


def _update(watched: Watched, standing: Standing) -> Update:
    canary, before = watched.canary, watched.standing
    weights = canary.weights(standing)
    arms = Arms(weights, canary.name) if weights != canary.weights(before) else None
    if before is None or before.state != standing.state:
        _tell(canary, before, standing)
    return Update(canary, standing, arms)


def _tell(canary: Canary, before: Standing | None, standing: Standing) -> None:
    """Logs a move; each process says so once, when it follows."""
    state, share = standing.state, standing.state.share(canary.plan.settings)
    if state.phase == "rolled_back":
        reasons = "; ".join(f"{f.metric}: {f.reason}" for f in standing.findings if f.finding == "harmed")
        logger.warning(
            "canary %r is rolled back: arm %r gets no calls%s", canary.name, canary.plan.arm,
            f" ({reasons})" if reasons else "",
        )  # fmt: skip
    elif before is not None or state.step or state.phase == "finished":
        logger.info("canary %r: arm %r gets %g %% of the calls", canary.name, canary.plan.arm, 100 * share)
