"""The root ASGI app: decides by path, before any framework, who answers.

Hot paths (gateway, OTLP) are raw ASGI apps and pay one dictionary or prefix look-up here. Everything under `/api/`
goes to FastAPI; the rest is the browser UI.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from kaname.app.health_pages import PATHS
from kaname.app.proxies import TrustedProxies
from kaname.app.static_files import SECURITY_HEADERS, Receive, Scope, Send
from kaname.kernel.ids import new_id

AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
OTLP_PATHS = frozenset({"/v1/traces", "/v1/logs", "/v1/metrics"})
NATIVE_PREFIX = "/pass/"
LANGFUSE_PREFIX = "/api/public/"
OTLP_ALIAS_PREFIX = "/api/public/otel"


class RootApp:
    """Dispatches one connection's request."""

    def __init__(
        self,
        *,
        gateway: AsgiApp,
        otlp: AsgiApp,
        api: AsgiApp,
        ui: AsgiApp,
        health: AsgiApp,
        proxies: TrustedProxies,
    ) -> None:
        self._gateway = gateway
        self._otlp = otlp
        self._api = api
        self._ui = ui
        self._health = health
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind != "http":
            await _refuse(kind, receive, send)
            return
        path: str = scope["path"]
        if path.startswith("/v1/"):
            app = self._otlp if path.rstrip("/") in OTLP_PATHS else self._gateway
            await app(scope, receive, send)
        elif path.startswith(NATIVE_PREFIX):
            await self._gateway(scope, receive, send)
        elif path.startswith("/api/"):
            if path.startswith(OTLP_ALIAS_PREFIX):
                await self._otlp(scope, receive, send)
            else:
                self._proxies.apply(scope)
                scope["kaname.request_id"] = new_id("req")
                await self._api(scope, receive, _with_headers(send, scope["kaname.request_id"]))
        elif path in PATHS:
            await self._health(scope, receive, send)
        else:
            await self._ui(scope, receive, send)


def _with_headers(send: Send, request_id: str) -> Send:
    """Adds the request id and the security headers to an API answer."""
    extra = [(b"x-request-id", request_id.encode()), (b"cache-control", b"no-store"), *SECURITY_HEADERS]

    async def wrapped(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            names = {name for name, _ in given}  # a download's own policy is stricter than the pages'
            message["headers"] = [*given, *(h for h in extra if h[0] not in names)]
        await send(message)

    return wrapped


async def _refuse(kind: str, receive: Receive, send: Send) -> None:
    """Lifespan is not used (the server composes itself before it listens); WebSockets aren't offered."""
    if kind == "websocket":
        await send({"type": "websocket.close", "code": 1003})
        return
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
