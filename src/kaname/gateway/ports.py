"""What the gateway needs from others, handed in by `app/wiring.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kaname.gateway.feedback import Feedback
from kaname.gateway.model import GatewayRecord


class Caller(Protocol):
    """Who calls: the part of `access`' principal that the gateway reads."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def project_id(self) -> str | None: ...
    @property
    def permissions(self) -> frozenset[str]: ...
    @property
    def organization_id(self) -> str | None: ...


class CallerKeys(Protocol):
    """Credentials in memory; `access.KeyRing` is one. Never waits, never reads a database."""

    def authenticate(self, authorization: bytes | None, x_api_key: bytes | None = None) -> Caller:
        """The caller; raises UnauthenticatedError."""
        ...


class FeedbackWriter(Protocol):
    """Stores verdicts on answers; `traces` implements it."""

    async def write(self, caller: Caller, feedback: Feedback) -> str:
        """The score's id, when it is durable; raises UnavailableError."""
        ...


class RecordSink(Protocol):
    """Takes finished records. Never waits and never raises: a full sink drops and counts."""

    def put(self, record: GatewayRecord) -> None: ...

    def flush(self) -> None:
        """Passes on what it still holds; called when the gateway closes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalEndpoint:
    """Where a local model answers now. Loopback; the key changes at every start of the child."""

    base_url: str
    """With the API prefix, e.g. `http://127.0.0.1:41234/v1`."""
    api_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModelInfo:
    """A model that can run on this machine."""

    name: str
    created: int = 0
    """Unix seconds."""
    context_window: int | None = None
    tools: bool = False
    """Whether it can be made to call tools."""
    embeddings: bool = False


class LocalModels(Protocol):
    """Models served by this installation; `serving` implements it."""

    def list(self) -> Sequence[LocalModelInfo]:
        """Installed models. In memory and cheap: it is asked on every call to a local model."""
        ...

    async def endpoint(self, model: str) -> LocalEndpoint:
        """Where the model answers, started first if it isn't running; raises NotFoundError or UnavailableError."""
        ...


class NoLocalModels:
    """An installation without local models."""

    def list(self) -> Sequence[LocalModelInfo]:
        return ()

    async def endpoint(self, model: str) -> LocalEndpoint:
        raise LookupError(model)
