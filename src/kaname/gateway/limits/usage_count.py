"""What a key has used, for people to look at: counted in memory, added to the stored day at every exchange."""

from typing import NamedTuple


class UsageDelta(NamedTuple):
    """What was used since the last exchange."""

    project_id: str
    key_id: str
    requests: int
    refused: int
    shadowed: int
    tokens: int
    cost_nano_usd: int
    unpriced: int


class KeyUsage:
    """Counters of one key since the last exchange."""

    __slots__ = (
        "cost_nano_usd",
        "dirty",
        "key_id",
        "project_id",
        "refused",
        "requests",
        "shadowed",
        "tokens",
        "unpriced",
    )

    def __init__(self, project_id: str, key_id: str) -> None:
        self.project_id = project_id
        self.key_id = key_id
        self.dirty = False
        self.requests = self.refused = self.shadowed = self.tokens = self.cost_nano_usd = self.unpriced = 0

    def share(self) -> UsageDelta:
        """What hasn't been stored; counting begins anew."""
        delta = UsageDelta(
            self.project_id,
            self.key_id,
            self.requests,
            self.refused,
            self.shadowed,
            self.tokens,
            self.cost_nano_usd,
            self.unpriced,
        )
        self.requests = self.refused = self.shadowed = self.tokens = self.cost_nano_usd = self.unpriced = 0
        self.dirty = False
        return delta
