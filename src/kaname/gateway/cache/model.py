"""What a route says about caching, and one answer that is kept.

Invariants: only complete, unblocked 200s become a `CachedAnswer`; it holds what the client got, in the surface's own
format; it never holds a credential.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

from kaname.gateway.model import GatewayRecord, ResponseFormat, Surface, UsageFormat

Scope = Literal["key", "project"]
Key = bytes
"""SHA-256 of everything on which an answer depends."""
Digest = bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticPolicy:
    """When another caller's, or this one's, similar question may be answered with the same answer."""

    threshold: float = 0.95
    """Least cosine between the last user turns."""
    ttl_s: float = 3600.0
    scope: Scope = "key"
    embedder: str = ""
    """A local model; "" for the first one that can embed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """Caching of one route."""

    exact_s: float
    """How long an answer serves the same request."""
    scope: Scope = "key"
    semantic: SemanticPolicy | None = None
    version: str = ""
    """Changes with everything in the configuration that can change an answer of this route."""

    @property
    def keep_s(self) -> float:
        """How long an answer is kept."""
        return self.exact_s if self.semantic is None else max(self.exact_s, self.semantic.ttl_s)


class CachedAnswer(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One complete answer. Never changed once it is kept."""

    project_id: str
    user_id: str = ""
    """For erasing what a person caused."""
    surface: Surface
    format: ResponseFormat
    body: bytes
    """JSON, or the whole event stream without the event that carries only usage."""
    usage: bytes = b""
    usage_format: UsageFormat = ""
    provider: str = ""
    provider_type: str = ""
    target_model: str = ""
    model: str = ""
    response_id: str = ""
    finish_reasons: list[str] = []
    span_id: str
    cost_nano_usd: int = 0
    created_s: float
    """Unix time."""
    expires_s: float
    digest: bytes = b""
    """Of the request that an idempotency key belongs to; b"" for an answer of the cache."""
    namespace: bytes = b""
    """Where `vector` may be compared; b"" for none."""
    other: bytes = b""
    """The body in the other format, once it has been asked for."""
    question: str = ""
    """What `vector` stands for."""
    vector: bytes = b""
    """Little-endian float32, unit norm."""

    @property
    def size(self) -> int:
        """Bytes that it takes, roughly."""
        return (
            len(self.body) + len(self.other) + len(self.usage) + len(self.vector) + len(self.question) + _OVERHEAD_BYTES
        )


_OVERHEAD_BYTES = 600
_HITS = frozenset({"hit", "semantic_hit"})
_UNUSABLE_ENDS = frozenset(
    {"content_filter", "refusal", "failed", "incomplete", "queued", "in_progress", "cancelled", "pause_turn"}
)
_NEED_END: frozenset[Surface] = frozenset({"chat_completions", "completions", "messages", "responses"})


def is_hit(record: GatewayRecord) -> bool:
    """Whether the call was answered without an upstream."""
    return record.cache in _HITS


def is_complete(record: GatewayRecord) -> bool:
    """Whether a finished call has an answer, all of it."""
    whole = record.outcome == "ok" and record.status == 200 and not record.response_truncated
    return whole and bool(record.response) and bool(record.response_format)


def is_storable(record: GatewayRecord) -> bool:
    """Whether the answer may serve other requests: complete, ended as it should, blocked by nobody."""
    if not is_complete(record):
        return False
    if record.surface in _NEED_END and not record.finish_reasons:
        return False
    if not _UNUSABLE_ENDS.isdisjoint(record.finish_reasons) or record.malformed_events:
        return False
    return not any(guard.action == "block" for guard in record.guards)
