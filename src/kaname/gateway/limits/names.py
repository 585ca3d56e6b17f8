"""Allow-lists of names: exact ones, prefixes ending in `*`, or `*` for all. An empty list allows nothing."""

from collections.abc import Sequence


class Names:
    """A compiled allow-list."""

    __slots__ = ("_exact", "_prefixes", "allows_all")

    def __init__(self, patterns: Sequence[str]) -> None:
        self.allows_all = "*" in patterns
        self._exact = frozenset(p for p in patterns if not p.endswith("*"))
        self._prefixes = tuple(p[:-1] for p in patterns if p.endswith("*"))

    def allow(self, name: str) -> bool:
        """Whether a name is in the list."""
        return self.allows_all or name in self._exact or (bool(self._prefixes) and name.startswith(self._prefixes))
