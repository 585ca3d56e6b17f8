"""Routes of canaries. They are the installation's, as its configuration is."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from kaname.access.http import principal as caller
from kaname.access.model import Principal
from kaname.gateway.canaries.actions import CanaryActions
from kaname.gateway.canaries.views import (
    CanaryActionRequest,
    CanaryChangeList,
    CanaryList,
    CanaryView,
    PromoteCanaryRequest,
    show_canary,
    show_change,
)
from kaname.kernel.paging import DEFAULT_LIMIT, MAX_CURSOR_LENGTH, MAX_LIMIT

Caller = Annotated[Principal, Depends(caller)]
_CANARIES = "/api/v1/gateway/canaries"
_CANARY = _CANARIES + "/{canary_id}"


def build_router(actions: CanaryActions) -> APIRouter:
    """Where canaries stand, how they came there, and what people change."""
    router = APIRouter(tags=["gateway"])

    @router.get(_CANARIES, operation_id="list_gateway_canaries")
    def list_canaries() -> CanaryList:
        return CanaryList(items=[show_canary(shown) for shown in actions.list()])

    @router.get(_CANARY, operation_id="get_gateway_canary")
    def get_canary(canary_id: str) -> CanaryView:
        return show_canary(actions.get(canary_id))

    @router.get(_CANARY + "/changes", operation_id="list_gateway_canary_changes")
    def list_changes(
        canary_id: str,
        cursor: Annotated[str | None, Query(max_length=MAX_CURSOR_LENGTH)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    ) -> CanaryChangeList:
        page = actions.changes(canary_id, cursor=cursor, limit=limit)
        return CanaryChangeList(items=[show_change(change) for change in page.items], next_cursor=page.next_cursor)

    @router.post(_CANARY + "/promote", operation_id="promote_gateway_canary")
    def promote(canary_id: str, body: PromoteCanaryRequest, principal: Caller) -> CanaryView:
        return show_canary(actions.promote(principal, canary_id, fully=body.fully, message=body.message))

    @router.post(_CANARY + "/rollback", operation_id="roll_back_gateway_canary")
    def roll_back(canary_id: str, body: CanaryActionRequest, principal: Caller) -> CanaryView:
        return show_canary(actions.roll_back(principal, canary_id, message=body.message))

    @router.post(_CANARY + "/restart", operation_id="restart_gateway_canary")
    def restart(canary_id: str, body: CanaryActionRequest, principal: Caller) -> CanaryView:
        return show_canary(actions.restart(principal, canary_id, message=body.message))

    _ = list_canaries, get_canary, list_changes, promote, roll_back, restart
    return router
