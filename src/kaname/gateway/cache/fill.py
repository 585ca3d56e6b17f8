"""What a call that went upstream owes the cache when it is over."""

from dataclasses import dataclass, field

from kaname.gateway.cache.model import CachedAnswer, CachePolicy, Digest, Key
from kaname.gateway.cache.semantic import Vector
from kaname.gateway.cache.statistics import RouteCount


@dataclass(slots=True)
class Fill:
    """One call's debts. Kept by its exchange, paid by `AnswerCache.finish`."""

    count: RouteCount
    policy: CachePolicy | None = None
    key: Key | None = None
    """Where the answer goes; None when it isn't kept."""
    keep_s: float = 0.0
    leads: list[Key] = field(default_factory=list[Key])
    """Flights that others may wait for."""
    idempotency_key: Key | None = None
    digest: Digest = b""
    """Of the body that the idempotency key belongs to."""
    namespace: bytes = b""
    question: str = ""
    vector: Vector | None = None
    served: CachedAnswer | None = None
    """The kept answer that the call was given."""
