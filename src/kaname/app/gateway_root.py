"""The ASGI application of a gateway process without a server: `/v1/*`, `/pass/*` and the health pages, nothing else."""

from collections.abc import Awaitable, Callable

from kaname.app.health_pages import PATHS, send_json
from kaname.app.static_files import Receive, Scope, Send

AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class GatewayRoot:
    """Dispatches by path."""

    def __init__(self, gateway: AsgiApp, health: AsgiApp) -> None:
        self._gateway = gateway
        self._health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1003})
            return
        path: str = scope["path"]
        if path.startswith(("/v1/", "/pass/")):
            await self._gateway(scope, receive, send)
        elif path in PATHS:
            await self._health(scope, receive, send)
        else:
            message = "This is a gateway alone: it serves /v1/, /pass/ and the health pages; `kaname up` has the rest."
            await send_json(send, 404, {"error": {"message": message, "code": "not_found"}})
