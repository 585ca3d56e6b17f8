"""Bounds of the management API's request bodies: each one's size and time, and all of them together.

FastAPI reads a body before it knows who sent it, so this stands before everything. The gateway and the OTLP receiver
bound their own. Refusals are problem+json like every error of the API.
"""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException

from kaname.app.problem import problem_of
from kaname.app.static_files import Receive, Scope, Send
from kaname.kernel.errors import KanameError, RateLimitedError, TooLargeError
from kaname.traces.otlp.http_body import SlowBodyError

MAX_BODY_BYTES = 8 << 20
MAX_HELD_BYTES = 64 << 20
BODY_TIMEOUT_S = 30.0


class BoundedBodies:
    """ASGI app around the API. Belongs to one event loop."""

    def __init__(self, app: Any, *, max_body: int = MAX_BODY_BYTES, max_held: int = MAX_HELD_BYTES) -> None:
        self._app = app
        self._max_body = max_body
        self._max_held = max_held
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > self._max_body:
            error = self._too_large()
            answer = problem_of(Request(scope), error)
            await answer(scope, receive, send)
            return
        intake = _Intake(self, receive)
        try:
            await self._app(scope, intake.receive, send)
        finally:
            self._held -= intake.size

    def admit(self, piece: int, size: int) -> None:
        """Accounts for a piece of a body that now has `size`; raises TooLargeError or RateLimitedError."""
        if size > self._max_body:
            raise self._too_large()
        if self._held + piece > self._max_held:
            raise RateLimitedError(
                f"requests in progress hold {self._held} bytes",
                hint="Send again later.",
                retry_after_s=1,
                code="server_busy",
            )
        self._held += piece

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"the body has more than {self._max_body} bytes",
            hint="Send less at once.",
            params={"limit": self._max_body},
        )


class _Intake:
    """The body of one request."""

    def __init__(self, bounds: BoundedBodies, receive: Receive) -> None:
        self.size = 0
        self._bounds = bounds
        self._receive = receive
        self._deadline = asyncio.get_running_loop().time() + BODY_TIMEOUT_S
        self._complete = False

    async def receive(self) -> MutableMapping[str, Any]:
        if self._complete:  # what follows is only whether the client is still there
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise _refusal(SlowBodyError("the body didn't arrive in time", hint="Check the network.")) from None
        piece = len(message.get("body", b""))
        try:
            self._bounds.admit(piece, self.size + piece)
        except KanameError as e:
            raise _refusal(e) from e
        self.size += piece
        self._complete = not message.get("more_body", False)
        return message


def _refusal(error: KanameError) -> HTTPException:
    """In a form that FastAPI lets through while it reads a body; `app.problem` renders the error inside."""
    refusal = HTTPException(error.status)
    refusal.__cause__ = error
    return refusal
