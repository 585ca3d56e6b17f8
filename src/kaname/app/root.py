"""The root ASGI app: decides by path, before any framework, who answers.

Hot paths (gateway, OTLP) are raw ASGI apps and pay one dictionary or prefix look-up here. Everything under `/api/`
goes to FastAPI; the rest is the browser UI.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

import orjson

from kaname.app.proxies import TrustedProxies
from kaname.app.static_files import SECURITY_HEADERS, Receive, Scope, Send
from kaname.kernel.ids import new_id

AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
OTLP_PATHS = frozenset({"/v1/traces", "/v1/logs", "/v1/metrics"})
LANGFUSE_PREFIX = "/api/public/"
OTLP_ALIAS_PREFIX = "/api/public/otel"
Readiness = Callable[[], dict[str, str]]
"""Component → `ok` or what is wrong; in memory, no I/O."""


class RootApp:
    """Dispatches one connection's request."""

    def __init__(
        self,
        *,
        gateway: AsgiApp,
        otlp: AsgiApp,
        api: AsgiApp,
        ui: AsgiApp,
        readiness: Readiness,
        proxies: TrustedProxies,
    ) -> None:
        self._gateway = gateway
        self._otlp = otlp
        self._api = api
        self._ui = ui
        self._readiness = readiness
        self._proxies = proxies
        self._started = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind != "http":
            await _refuse(kind, receive, send)
            return
        path: str = scope["path"]
        if path.startswith("/v1/"):
            app = self._otlp if path.rstrip("/") in OTLP_PATHS else self._gateway
            await app(scope, receive, send)
        elif path.startswith("/api/"):
            if path.startswith(OTLP_ALIAS_PREFIX):
                await self._otlp(scope, receive, send)
            else:
                self._proxies.apply(scope)
                scope["kaname.request_id"] = new_id("req")
                await self._api(scope, receive, _with_headers(send, scope["kaname.request_id"]))
        elif path == "/healthz":
            await _send_json(send, HTTPStatus.OK, {"status": "ok", "uptime_s": round(time.monotonic() - self._started)})
        elif path == "/readyz":
            checks = self._readiness()
            ready = all(v == "ok" for v in checks.values())
            status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
            await _send_json(send, status, {"status": "ready" if ready else "not_ready", "checks": checks})
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


async def _send_json(send: Send, status: HTTPStatus, body: object) -> None:
    content = orjson.dumps(body)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": content})


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
