"""What a call cost: project prices first, then the snapshot; an unknown model has no cost, never zero.

Lookups are cached by (project, provider, model), misses included, and bounded: model names come from outside. Reads
take no lock; `replace_project_prices` swaps everything at once, so a reader sees the old prices or the new ones.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kaname.gateway.pricing.model import Cost
from kaname.gateway.pricing.project_price import ProjectPrice
from kaname.gateway.pricing.rates import Rate
from kaname.gateway.pricing.snapshot import Snapshot, load_snapshot

_MAX_CACHED = 20_000
_MAX_COUNTED = 1_000


@dataclass(slots=True)
class _State:
    """Project prices and the rates that were resolved with them."""

    by_project: Mapping[str, Sequence[ProjectPrice]]
    resolved: dict[tuple[str, str, str], tuple[Rate, ...]] = field(
        default_factory=dict[tuple[str, str, str], tuple[Rate, ...]]
    )


class PriceBook:
    """Prices usage. Thread-safe."""

    def __init__(self, snapshot: Snapshot | None, project_prices: Sequence[ProjectPrice] = ()) -> None:
        """Without a snapshot only project prices count."""
        self._snapshot = snapshot
        self._unpriced: Counter[tuple[str, str]] = Counter()
        self._state = _State({})
        self.replace_project_prices(project_prices)

    @classmethod
    def load(cls) -> "PriceBook":
        """A book of the snapshot that ships with this version, without project prices."""
        return cls(load_snapshot())

    def cost(
        self, provider: str, model: str, usage: Mapping[str, int], at_ns: int, *, project_id: str = ""
    ) -> Cost | None:
        """The cost of disjoint usage buckets at a time, or None if there is no price for all of them."""
        rate = self._rate(provider, model, at_ns, project_id)
        cost = None if rate is None else rate.cost(usage)
        if cost is None:
            self._count_unpriced(provider, model)
        return cost

    def nano_usd(
        self, provider: str, model: str, usage: Mapping[str, int], at_ns: int, *, project_id: str = ""
    ) -> int | None:
        """The total of `cost` in whole nano-dollars (half up), for hot paths: half a microsecond."""
        state = self._state
        key = (project_id if project_id in state.by_project else "", provider, model)
        rates = state.resolved.get(key)
        if rates is None:
            rates = self._resolve(state, key)
        for rate in rates:
            if (rate.is_constant and at_ns >= rate.from_ns) or rate.holds(at_ns):
                pico = rate.pico_usd(usage)
                if pico is not None:
                    return (pico + 500) // 1000
                break
        self._count_unpriced(provider, model)
        return None

    def rate(self, provider: str, model: str, at_ns: int, *, project_id: str = "") -> Rate | None:
        """The price that holds at a time, for showing it."""
        return self._rate(provider, model, at_ns, project_id)

    def context_window(self, provider: str, model: str) -> int | None:
        """How many tokens a public model takes, if the snapshot knows."""
        found = self._snapshot.find(provider, model) if self._snapshot and model else None
        return found.context_window if found is not None else None

    def replace_project_prices(self, prices: Sequence[ProjectPrice]) -> None:
        """Takes these project prices instead of the present ones."""
        by_project: dict[str, list[ProjectPrice]] = {}
        for price in prices:
            by_project.setdefault(price.project_id, []).append(price)
        self._state = _State({project: sorted(items, key=_precedence) for project, items in by_project.items()})

    def unpriced(self) -> Mapping[tuple[str, str], int]:
        """How often each (provider, model) had no price since the start."""
        return dict(self._unpriced)

    def _rate(self, provider: str, model: str, at_ns: int, project_id: str) -> Rate | None:
        state = self._state
        project = project_id if project_id in state.by_project else ""
        key = (project, provider, model)
        rates = state.resolved.get(key)
        if rates is None:
            rates = self._resolve(state, key)
        for rate in rates:
            if rate.holds(at_ns):
                return rate
        return None

    def _resolve(self, state: _State, key: tuple[str, str, str]) -> tuple[Rate, ...]:
        project, provider, model = key
        own = [p.rate for p in state.by_project.get(project, ()) if p.matches(provider, model)]
        public = self._snapshot.find(provider, model) if self._snapshot and model else None
        rates = (*own, *(public.rates if public else ()))
        if len(state.resolved) >= _MAX_CACHED:
            state.resolved.clear()
        state.resolved[key] = rates
        return rates

    def _count_unpriced(self, provider: str, model: str) -> None:
        key = (provider, model)
        if key not in self._unpriced and len(self._unpriced) >= _MAX_COUNTED:
            key = ("", "")
        self._unpriced[key] += 1


def _precedence(price: ProjectPrice) -> tuple[int, int, int, int]:
    """Higher priority first, then the more specific match, then the newer price."""
    return (-price.priority, price.generality, -len(price.pattern), -price.rate.from_ns)
