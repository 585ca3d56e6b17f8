"""Counts of the cache since the process began, per route and for the store."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class RouteCount:
    """Counts of one route; the only object here that changes."""

    hits: int = 0
    """The same request again."""
    semantic_hits: int = 0
    misses: int = 0
    bypasses: int = 0
    """Requests that asked not to be served from the cache."""
    replays: int = 0
    """Answers given again for an idempotency key."""
    joined: int = 0
    """Hits, of all kinds, that waited for an identical call under way."""
    stored: int = 0
    stored_bytes: int = 0
    doubted: int = 0
    """Misses with a similar question whose words said otherwise."""
    not_embedded: int = 0
    """Questions for which no vector could be had."""
    saved_nano_usd: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStatistics:
    """A snapshot for people."""

    routes: Mapping[str, RouteCount]
    entries: int
    bytes: int
    evicted: int
    unwritten: int
    problem: str
