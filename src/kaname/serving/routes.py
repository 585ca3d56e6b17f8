"""HTTP: `GET /api/v1/models`, the local models with their state. Pulling and removing are commands, not routes."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from kaname.serving.model import ModelRunState, ModelStatus
from kaname.serving.service import LocalModelService


class ModelCapabilitiesView(BaseModel):
    """What requests a model understands."""

    chat: bool
    streaming: bool
    json_schema: bool
    logprobs: bool
    embeddings: bool
    tools: bool
    images: bool


class LocalModelView(BaseModel):
    """One local model."""

    name: str
    label: str
    state: ModelRunState
    is_default: bool
    problem: str
    capabilities: ModelCapabilitiesView
    reference: str
    origin: str
    licence: str
    sha256: str
    pinned: bool
    bytes: int
    architecture: str
    parameters: int
    slots: int
    slot_context_tokens: int
    memory_bytes: int | None
    restarts: int
    pulled_at: datetime | None
    last_used_at: datetime | None


class LocalModelList(BaseModel):
    """All local models; short by nature, so never more than one page."""

    items: list[LocalModelView]
    next_cursor: str | None = None


def build_router(models: LocalModelService) -> APIRouter:
    """The routes of local models."""
    router = APIRouter(tags=["models"])

    @router.get("/api/v1/models", operation_id="list_local_models", summary="Local models and their state")
    def list_local_models() -> LocalModelList:
        return LocalModelList(items=[_view(status) for status in models.statuses()])

    _ = list_local_models
    return router


def _view(status: ModelStatus) -> LocalModelView:
    manifest, can = status.manifest, status.capabilities
    return LocalModelView(
        name=status.name,
        label=manifest.label if manifest else "",
        state=status.state,
        is_default=status.is_default,
        problem=status.problem,
        capabilities=ModelCapabilitiesView(
            chat=can.chat,
            streaming=can.streaming,
            json_schema=can.json_schema,
            logprobs=can.logprobs,
            embeddings=can.embeddings,
            tools=can.tools,
            images=can.images,
        ),
        reference=manifest.reference if manifest else "",
        origin=manifest.origin if manifest else "",
        licence=manifest.licence if manifest else "",
        sha256=manifest.sha256 if manifest else "",
        pinned=manifest.pinned if manifest else False,
        bytes=manifest.bytes if manifest else 0,
        architecture=manifest.architecture if manifest else "",
        parameters=manifest.parameters if manifest else 0,
        slots=status.slots,
        slot_context_tokens=status.slot_context_tokens,
        memory_bytes=status.memory_bytes,
        restarts=status.restarts,
        pulled_at=manifest.pulled_at if manifest else None,
        last_used_at=status.last_used_at,
    )
