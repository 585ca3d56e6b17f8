"""What the gateway's server knows of files and batches. Nothing here needs SQL, whose import a start avoids."""

from typing import Protocol

from kaname.gateway.batches.calls import BatchCalls
from kaname.gateway.exchange import Exchange, Receive
from kaname.gateway.ports import Caller

PATHS = ("/v1/files", "/v1/batches")


class KeysById(Protocol):
    """Who a key is, without its secret; `access.KeyRing` is one. In memory."""

    def principal(self, key_id: str) -> Caller | None:
        """None for a key that is revoked, expired or unknown."""
        ...


class BatchService(Protocol):
    """Files, batches, and what runs them."""

    def start(self, calls: BatchCalls) -> None:
        """Begins to run batches, in the running event loop."""
        ...

    async def close(self) -> None:
        """Ends running; what is under way is run again by whoever takes the batch next."""
        ...

    async def serve(
        self, exchange: Exchange, caller: Caller, method: str, path: str, query: bytes, receive: Receive
    ) -> None:
        """Answers a request of the API; raises KanameError."""
        ...


def is_batch_path(path: str) -> bool:
    """Whether a path belongs to files or batches."""
    return path in PATHS or path.startswith(("/v1/files/", "/v1/batches/"))
