"""Splits that learn: every few minutes the rewards of each arm become its share of the calls.

The rewards come from scores that people or judges gave (`RewardSource`); how shares follow from them is in
`routing/bandit.py`. Nothing here is on the path of a call: a split's arms are swapped whole. Until every arm has enough
rewards all get the same, and later none gets less than its floor.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from kaname.gateway.config import Split
from kaname.gateway.routing.bandit import Bandit, BanditSettings, MetricKind, Rewards
from kaname.gateway.routing.split import Arms
from kaname.kernel.border import survive

MAX_SPLITS = 256

logger = logging.getLogger(__name__)


class RewardSource(Protocol):
    """Knows what each arm of an experiment earned; `traces` implements it. Blocking: called in a thread."""

    def rewards(self, experiment: str, metric: str) -> Mapping[str, Rewards]:
        """The sums by arm."""
        ...

    def kind(self, metric: str) -> MetricKind:
        """Whether a metric is yes or no, or a number."""
        ...


class HasArms(Protocol):
    """A planned step, whose arms are replaced."""

    arms: Arms | None


@dataclass(slots=True, kw_only=True)
class _Learning:
    split: Split
    salt: str
    holders: list[HasArms]
    shares: Mapping[str, float]
    rewards: Mapping[str, Rewards]


class BanditBook:
    """The learning splits of the present configuration. Belongs to one event loop."""

    def __init__(self, source: RewardSource, interval_s: float) -> None:
        self._source = source
        self._interval_s = interval_s
        self._learning: dict[str, _Learning] = {}

    def arms(self, split: Split, salt: str, holder: HasArms) -> Arms:
        """The arms of a learning split by what is known so far; `holder` gets new ones as they are learnt."""
        known = self._learning.get(salt)
        if known is None or known.split != split:
            if len(self._learning) >= MAX_SPLITS:
                self._learning.clear()
            even = dict.fromkeys(split.arms, 1.0)
            known = self._learning[salt] = _Learning(split=split, salt=salt, holders=[], shares=even, rewards={})
        known.holders = [*known.holders[-7:], holder]
        return Arms(known.shares, salt)

    def shares(self, salt: str) -> tuple[Mapping[str, float], Mapping[str, Rewards]]:
        """For status pages: the share and the rewards of each arm."""
        known = self._learning.get(salt)
        return (known.shares, known.rewards) if known is not None else ({}, {})

    async def follow(self) -> None:
        """Learns for ever; run it as a task."""
        while True:
            await asyncio.sleep(self._interval_s)
            await self.learn()

    async def learn(self) -> None:
        """One round over all learning splits."""
        for known in list(self._learning.values()):
            with survive(logger, f"learning the split {known.salt!r}"):
                shares, rewards, arms = await asyncio.to_thread(self._allocate, known.split, known.salt)
                known.shares, known.rewards = shares, rewards
                for holder in known.holders:
                    holder.arms = arms

    def _allocate(self, split: Split, salt: str) -> tuple[Mapping[str, float], Mapping[str, Rewards], Arms]:
        settings = BanditSettings(metric_kind=self._source.kind(split.metric), floor=split.floor)
        bandit = Bandit(list(split.arms), settings)
        for arm, batch in self._source.rewards(split.experiment or salt, split.metric).items():
            bandit.update(arm, batch)
        shares = bandit.allocation()
        return shares, bandit.rewards(), Arms(shares, salt)
