"""The rates of one key, or of one value of a rule, as buckets that are checked and taken together."""

from typing import Literal, NamedTuple

from kaname.gateway.limits.concurrency import UNLIMITED, Concurrency
from kaname.gateway.limits.gcra import Gcra
from kaname.gateway.limits.model import Rates

RateKind = Literal["requests", "tokens", "concurrency"]
CONCURRENCY_RETRY_S = 1.0
REQUEST_BATCH = 50
TOKEN_BATCH = 20_000


class Refusal(NamedTuple):
    """Why a call can't start now; `retry_after_s` None: it never can."""

    kind: RateKind
    limit: int
    retry_after_s: float | None


class Meter:
    """The buckets of one name, such as `key:key_1` or `rule:lim_1:alice`. Calls hold on to it while they run, so
    limits change in place; running calls are counted even where their number isn't limited."""

    __slots__ = ("name", "requests", "shadow", "slots", "title", "tokens")

    def __init__(self, name: str) -> None:
        self.name = name
        self.title = name
        self.shadow = False
        self.requests: Gcra | None = None
        self.tokens: Gcra | None = None
        self.slots = Concurrency(f"c:{name}", UNLIMITED)

    def configure(self, title: str, rates: Rates, *, shadow: bool) -> None:
        """Takes these limits from now on."""
        self.title, self.shadow = title, shadow
        self.requests = _bucket(self.requests, f"r:{self.name}", rates.rpm, REQUEST_BATCH)
        self.tokens = _bucket(self.tokens, f"t:{self.name}", rates.tpm, TOKEN_BATCH)
        self.slots.limit = UNLIMITED if rates.max_concurrency is None else rates.max_concurrency

    def refusal(self, tokens: int, now: float) -> Refusal | None:
        """The bucket that refuses a call of so many tokens, if one does."""
        slots = self.slots
        if slots.running + slots.elsewhere >= slots.limit:
            return Refusal("concurrency", slots.limit, CONCURRENCY_RETRY_S if slots.limit else None)
        bucket = self.requests
        if bucket is not None and not bucket.fits(1, now):
            return Refusal("requests", bucket.limit, bucket.wait_s(1, now))
        bucket = self.tokens
        if bucket is not None and not bucket.fits(tokens, now):
            return Refusal("tokens", bucket.limit, bucket.wait_s(tokens, now))
        return None

    def is_idle(self, now: float) -> bool:
        """Whether forgetting it changes nothing."""
        busy = self.slots.running or self.slots.dirty
        return not busy and all(b is None or not (b.dirty or b.tat > now) for b in (self.requests, self.tokens))


def _bucket(old: Gcra | None, name: str, limit: int | None, batch: int) -> Gcra | None:
    if limit is None:
        return None
    if old is not None and old.limit == limit:
        return old
    fresh = Gcra(name, limit, batch)
    if old is not None:
        fresh.tat, fresh.lease_s = old.tat, old.lease_s
    return fresh
