"""Whether a call may begin at all: asked before it is authenticated or read, so that a refusal costs next to nothing.

An overloaded process that takes everything answers nobody in time. Refusals are 503 `overloaded` with `Retry-After`, in
the words of the surface; official SDKs wait and repeat.
"""

from typing import Literal

from kaname.gateway.error_shapes import render_error
from kaname.gateway.exchange import Exchange, Send
from kaname.gateway.openai_errors import to_wire
from kaname.gateway.sweep import Sweeper
from kaname.kernel.errors import UnavailableError

Reason = Literal["draining", "in_flight", "lag"]
RETRY_S = 1.0
_MESSAGES = {
    "draining": "the gateway is shutting down",
    "in_flight": "the gateway has as many calls under way as it may have",
    "lag": "the gateway is behind with its work",
}


class LoadGate:
    """Counts the calls under way. Belongs to one event loop."""

    __slots__ = ("_max_in_flight", "_max_lag_s", "_sweeper", "is_draining", "running")

    def __init__(self, sweeper: Sweeper, max_in_flight: int, max_lag_s: float) -> None:
        self.running = 0
        self.is_draining = False
        self._sweeper = sweeper
        self._max_in_flight = max_in_flight or (1 << 62)
        self._max_lag_s = max_lag_s or float("inf")

    def refusal(self) -> Reason | None:
        """Why no call may begin now; None if one may."""
        if self.is_draining:
            return "draining"
        if self.running >= self._max_in_flight:
            return "in_flight"
        # Without calls nothing measures, and nothing can be behind.
        return "lag" if self._sweeper.lag_s > self._max_lag_s and self.running else None


def draining() -> UnavailableError:
    """What calls get that the end of the process cuts short."""
    return UnavailableError(_MESSAGES["draining"], code="overloaded", retry_after_s=RETRY_S)


async def refuse(exchange: Exchange, send: Send, reason: Reason) -> None:
    """Answers 503. While draining it ends the connection too, so that the client finds another server."""
    error = to_wire(UnavailableError(_MESSAGES[reason], code="overloaded", retry_after_s=RETRY_S))
    body = render_error(error, exchange.errors, exchange.record.request_id)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", exchange.record.request_id.encode()),
        *error.headers,
    ]
    if reason == "draining":
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
