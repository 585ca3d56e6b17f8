"""`/healthz`, `/readyz` and `/metrics`: what balancers, orchestrators and Prometheus ask of a process.

`/readyz` is 200 while calls are served, also when something needs a person (`degraded`: the log is full, the new
configuration is wrong): to take such a process out would turn a fault into an outage. `/metrics` shows the traffic of
the whole installation, so it takes an API key with the permission `metrics:read`, or, where the setting allows it, a
client on this machine that no proxy speaks for.
"""

import ipaddress
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import orjson

from kaname.app.static_files import Receive, Scope, Send
from kaname.gateway.ports import CallerKeys
from kaname.kernel.errors import KanameError, PermissionDeniedError
from kaname.kernel.exposition import CONTENT_TYPE

METRICS_READ = "metrics:read"
PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
_FORWARDED = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip"})


class Readiness(NamedTuple):
    """The state of a process; in memory, no I/O."""

    checks: Mapping[str, str]
    """Component → `ok` or what is wrong."""
    is_serving: bool

    @property
    def status(self) -> str:
        """In one word."""
        if not self.is_serving:
            return "draining" if "draining" in self.checks.values() else "not_ready"
        return "ready" if all(value == "ok" for value in self.checks.values()) else "degraded"


class HealthPages:
    """ASGI application of these paths."""

    def __init__(
        self,
        *,
        readiness: Callable[[], Readiness],
        metrics: Callable[[], Awaitable[str]],
        keys: CallerKeys,
        allow_loopback: bool,
    ) -> None:
        """`metrics` gives the text of a scrape."""
        self._readiness = readiness
        self._metrics = metrics
        self._keys = keys
        self._allow_loopback = allow_loopback
        self._started = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path == "/healthz":
            await send_json(send, 200, {"status": "ok", "uptime_s": round(time.monotonic() - self._started)})
        elif path == "/readyz":
            ready = self._readiness()
            body = {"status": ready.status, "checks": dict(ready.checks)}
            await send_json(send, 200 if ready.is_serving else 503, body)
        else:
            await self._send_metrics(scope, send)

    async def _send_metrics(self, scope: Scope, send: Send) -> None:
        try:
            self._authorize(scope)
        except KanameError as e:
            body = {"error": {"message": f"{e.message}. {e.hint}".strip(), "code": e.code}}
            await send_json(send, e.status, body, challenge=e.status == 401)
            return
        await _send(send, 200, CONTENT_TYPE.encode(), (await self._metrics()).encode())

    def _authorize(self, scope: Scope) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if self._allow_loopback and _is_local(scope, headers):
            return
        caller = self._keys.authenticate(headers.get(b"authorization"), headers.get(b"x-api-key"))
        if METRICS_READ not in caller.permissions:
            raise PermissionDeniedError(
                f"this key doesn't have the permission {METRICS_READ!r}", hint="Make one that has it."
            )


def _is_local(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    client = scope.get("client")
    if client is None or not _FORWARDED.isdisjoint(headers):
        return False
    try:
        return ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


async def send_json(send: Send, status: int, body: object, *, challenge: bool = False) -> None:
    """A small JSON answer that nobody may cache."""
    extra = [(b"www-authenticate", b"Bearer")] if challenge else []
    await _send(send, status, b"application/json", orjson.dumps(body), *extra)


async def _send(send: Send, status: int, kind: bytes, content: bytes, *extra: tuple[bytes, bytes]) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
