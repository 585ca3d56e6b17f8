"""What an engine must do. It always answers OpenAI-compatible HTTP, so the gateway never knows which one it is."""

from typing import Protocol

import msgspec

from kaname.kernel.child import ChildState


class EngineSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One model to serve. Sent to the child process as JSON."""

    model: str
    weights: str
    lock: str
    """A shared lock on this file is held while the weights are in use."""
    threads: int
    slots: int
    context_tokens: int
    embeddings: bool
    api_key: str


class Engine(Protocol):
    """One running (or stopped) model. Methods may be called from any thread."""

    @property
    def state(self) -> ChildState: ...

    @property
    def base_url(self) -> str:
        """With the API prefix; valid while the state is `ready` and different after each start."""
        ...

    @property
    def restarts(self) -> int: ...

    def start(self) -> None:
        """Begins supervision; returns at once. Idempotent."""
        ...

    def wait_ready(self, timeout_s: float) -> None:
        """Blocks until requests are answered; raises UnavailableError when that fails or takes too long."""
        ...

    def probe(self) -> "EngineProbe":
        """Asks the process how it is; never raises."""
        ...

    def stop(self) -> None:
        """Ends the process and returns when it is gone. Idempotent; `start` works again afterwards."""
        ...


class EngineProbe(msgspec.Struct, frozen=True, kw_only=True):
    """A process seen from outside."""

    healthy: bool
    busy_requests: int = 0
    pid: int | None = None
    memory_bytes: int | None = None
