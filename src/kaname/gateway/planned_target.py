"""A target with everything that is the same for each of its calls: wires, request heads, whose turn which key is."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from kaname.gateway.config import LOCAL, Provider, ProviderKey, Target
from kaname.gateway.health import KeyHealth, TargetHealth
from kaname.gateway.model import Surface, telemetry_provider
from kaname.gateway.pool import Origin
from kaname.gateway.providers.model import Adapter
from kaname.gateway.wire import Wire, compile_wire, request_head

_NO_KEY = ProviderKey(name="", secret="")


class UsableKey(NamedTuple):
    """A credential that may be used now, and what is known of it."""

    key: ProviderKey
    health: KeyHealth


@dataclass(slots=True, kw_only=True)
class PlannedTarget:
    """A target ready to be called."""

    target: Target
    provider: Provider
    adapter: Adapter
    health: TargetHealth
    name: str
    """`provider/model`."""
    header_value: bytes
    """The same, safe in a response header."""
    price_provider: str
    """The name by which its prices are found."""
    turns: tuple[UsableKey, ...]
    """Each key as often as it has weight."""
    next_turn: Callable[[], int]
    has_fixed_head: bool
    """Whether the request head is the same for each call with the same key: neither signed nor started first."""
    wires: dict[tuple[Surface, bool], Wire]
    heads: dict[tuple[Surface, bool, str], tuple[Origin, bytes]]

    def usable_key(self, now: float, dead: frozenset[str], *, last_resort: bool) -> UsableKey | None:
        """The key whose turn it is among those that may be used; None when there is none.

        A key that is returned may hold its breaker's place for a probe, so it must be used.
        """
        turns = self.turns
        if len(turns) == 1:
            only = turns[0]
            if only.key.name in dead or not only.health.breaker.allow(now, last_resort=last_resort):
                return None
            return only
        start = self.next_turn()
        asked: set[str] = set()
        for offset in range(len(turns)):
            turn = turns[(start + offset) % len(turns)]
            name = turn.key.name
            if name in dead or name in asked:
                continue
            if turn.health.breaker.allow(now, last_resort=last_resort):
                return turn
            asked.add(name)
        return None

    def retry_after_s(self, now: float) -> float:
        """How long until one of the keys may be used again."""
        return min(turn.health.breaker.retry_after_s(now) for turn in self.turns)

    def wire(self, surface: Surface, *, stream: bool) -> Wire:
        """The way from a surface to here; raises InvalidInputError when there is none."""
        found = self.wires.get((surface, stream))
        if found is None:
            found = self.wires[surface, stream] = compile_wire(
                self.adapter, self.provider, surface, self.target.model, stream=stream
            )
        return found

    def speaks(self, surface: Surface) -> bool:
        """Whether a surface is passed through as it is."""
        return self.adapter.native_path(surface, self.target.model, self.provider.options, stream=False) is not None

    def head(self, surface: Surface, key: ProviderKey, *, stream: bool) -> tuple[Origin, bytes]:
        """Where to connect, and the request head without `content-length`. Not for local models."""
        cache_key = (surface, stream, key.name)
        found = self.heads.get(cache_key)
        if found is None:
            url = self.provider.base_url
            assert url is not None
            lines = self.adapter.headers(key.secret, self.provider.options)
            path = self.wire(surface, stream=stream).path
            found = self.heads[cache_key] = (url.origin, request_head(url, path, lines))
        return found


def plan_target(target: Target, provider: Provider, adapter: Adapter, health: TargetHealth) -> PlannedTarget:
    """Prepares a target."""
    keys = provider.keys or (_NO_KEY,)
    return PlannedTarget(
        target=target,
        provider=provider,
        adapter=adapter,
        health=health,
        name=target.name,
        header_value=quote(target.name, safe="/:@+,.-_ ()").encode(),
        price_provider=telemetry_provider(provider.type, provider.name),
        turns=tuple(turn for key in keys for turn in [UsableKey(key, health.key(key.name))] * key.weight),
        next_turn=itertools.count().__next__,
        has_fixed_head=provider.type != LOCAL and adapter.signer is None,
        wires={},
        heads={},
    )
