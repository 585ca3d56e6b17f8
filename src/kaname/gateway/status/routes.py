"""Route of the gateway's state."""

from fastapi import APIRouter

from kaname.gateway.status.service import GatewayStatus
from kaname.gateway.status.views import GatewayStatusView


def build_router(status: GatewayStatus) -> APIRouter:
    """`GET /api/v1/gateway/status`."""
    router = APIRouter(tags=["gateway"])

    @router.get("/api/v1/gateway/status", operation_id="get_gateway_status")
    def get_status() -> GatewayStatusView:
        return status.show()

    _ = get_status
    return router
