"""The caches' counts for people: routes that have a cache, and those that had one while processes ran."""

from collections.abc import Iterable

from kaname.gateway.cache.statistics import CacheStatistics, RouteCount
from kaname.gateway.config import GatewayConfig
from kaname.gateway.status.views import CacheView, RouteCacheView
from kaname.kernel.money import from_nano


def add_caches(caches: Iterable[CacheStatistics | None]) -> CacheStatistics | None:
    """The counts of several processes together; None if none of them has begun."""
    known = [cache for cache in caches if cache is not None]
    if not known:
        return None
    routes: dict[str, RouteCount] = {}
    for name, count in (item for cache in known for item in cache.routes.items()):
        total = routes.setdefault(name, RouteCount())
        for field in RouteCount.__slots__:
            setattr(total, field, getattr(total, field) + getattr(count, field))
    return CacheStatistics(
        routes=routes,
        entries=sum(cache.entries for cache in known),
        bytes=sum(cache.bytes for cache in known),
        evicted=sum(cache.evicted for cache in known),
        unwritten=sum(cache.unwritten for cache in known),
        problem=next((cache.problem for cache in known if cache.problem), ""),
    )


def show_cache(statistics: CacheStatistics | None, config: GatewayConfig) -> CacheView | None:
    """None while no route has a cache: there is nothing to say then."""
    if statistics is None:
        return None
    cached = [route.name for route in config.models.values() if route.cache is not None]
    names = dict.fromkeys([*cached, *statistics.routes])
    if not names:
        return None
    unused = RouteCount()
    return CacheView(
        routes=[_route(name, statistics.routes.get(name, unused)) for name in names],
        entries=statistics.entries,
        bytes=statistics.bytes,
        evicted=statistics.evicted,
        problem=statistics.problem,
    )


def _route(name: str, count: RouteCount) -> RouteCacheView:
    return RouteCacheView(
        route=name,
        hits=count.hits,
        semantic_hits=count.semantic_hits,
        misses=count.misses,
        bypassed=count.bypasses,
        stored=count.stored,
        saved_usd=format(from_nano(count.saved_nano_usd).normalize(), "f"),
    )
