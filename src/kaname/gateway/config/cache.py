"""Key `cache` of a model: `{exact: 1h, semantic: {threshold: 0.95, ttl: 1h, scope: key, embedder: minilm}}`.

`scope: key | project` beside `exact` holds for both kinds; `semantic` can say its own. Without `exact`, the same
request is served for as long as a similar one.
"""

from typing import cast

from kaname.gateway.cache.model import CachePolicy, Scope, SemanticPolicy
from kaname.gateway.config.values import duration_s, number, word
from kaname.gateway.yaml_tree import Node

MIN_THRESHOLD = 0.8
"""Below it, questions with opposite meanings are alike for every embedding model."""


def read_cache(node: Node, version: str) -> CachePolicy:
    """The caching of a route. `version` changes with whatever can change its answers."""
    fields = node.fields(("exact", "semantic", "scope"))
    if "exact" not in fields and "semantic" not in fields:
        node.refuse("needs `exact`, `semantic` or both", "Write `cache: {exact: 1h}`.")
    scope = _scope(fields["scope"]) if "scope" in fields else "key"
    semantic = _semantic(fields["semantic"], scope) if "semantic" in fields else None
    if "exact" in fields:
        exact_s = duration_s(fields["exact"])
    else:
        assert semantic is not None
        exact_s = semantic.ttl_s
    return CachePolicy(exact_s=exact_s, scope=scope, semantic=semantic, version=version)


def _semantic(node: Node, scope: Scope) -> SemanticPolicy:
    fields = node.fields(("threshold", "ttl", "scope", "embedder"))
    default = SemanticPolicy()
    return SemanticPolicy(
        threshold=number(fields["threshold"], MIN_THRESHOLD, 1.0) if "threshold" in fields else default.threshold,
        ttl_s=duration_s(fields["ttl"]) if "ttl" in fields else default.ttl_s,
        scope=_scope(fields["scope"]) if "scope" in fields else scope,
        embedder=fields["embedder"].text() if "embedder" in fields else "",
    )


def _scope(node: Node) -> Scope:
    return cast("Scope", word(node, ("key", "project")))
