"""What the cache needs of others."""

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """Turns questions into vectors. One of ours runs on the local models (`embedder.py`)."""

    def identity(self, model: str) -> str:
        """What names the vector space of a model ("" for the first that can embed); "" when there is none now."""
        ...

    async def embed(self, model: str, text: str) -> Sequence[float] | None:
        """The vector; None when it couldn't be had soon enough. Never raises for what an upstream does."""
        ...


class NoEmbedder:
    """Nothing is similar."""

    def identity(self, model: str) -> str:
        return ""

    async def embed(self, model: str, text: str) -> Sequence[float] | None:
        return None
