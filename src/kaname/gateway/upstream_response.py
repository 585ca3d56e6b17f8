"""One upstream answer while it arrives. It outlives its connection, so that a pooled connection can't corrupt it.

The connection pushes (`on_*`), one consumer pulls (`wait`, `next_chunk`, `take_whole`, `read_all`). While it is
slow the connection is paused at `HIGH_WATER_BYTES` unread. Times out by `sweep`: first byte, stall, total.
"""

import asyncio
from typing import NamedTuple, Protocol

from kaname.gateway.inline_call import PARKED, InlineCall
from kaname.kernel.errors import KanameError, UpstreamError, UpstreamTimeoutError

HIGH_WATER_BYTES = 256 * 1024


class Feed(Protocol):
    """What a response needs of the connection that fills it."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def abort(self) -> None: ...


class StaleConnectionError(Exception):
    """A kept-alive connection turned out dead before any byte of the answer: safe to repeat."""


class Timeouts(NamedTuple):
    """Seconds. `first_byte_s` runs from the request to the first body byte."""

    connect_s: float = 5.0
    first_byte_s: float = 60.0
    stall_s: float = 30.0
    total_s: float = 600.0


class UpstreamResponse:
    """Status, headers and body of one answer."""

    __slots__ = (
        "_chunks", "_error", "_feed", "_is_parked", "_last_progress", "_loop", "_seen", "_unread", "_waiter",
        "awaiting_content", "complete", "consumer", "deadline", "headers", "paused", "received", "started_at", "status",
        "timeouts",
    )  # fmt: skip

    def __init__(
        self, feed: Feed, timeouts: Timeouts, loop: asyncio.AbstractEventLoop, started_at: float, deadline: float
    ) -> None:
        self.status = 0
        """0 until the final status line is in."""
        self.headers: dict[bytes, bytes] = {}
        """Names in lower case; of a repeated header the last."""
        self.complete = False
        self.received = 0
        """Body bytes so far."""
        self.started_at = started_at
        self.deadline = deadline
        self.timeouts = timeouts
        self.paused = False
        self.awaiting_content = False
        """Whether bytes that have come so far aren't yet the answer's beginning (pings, a role)."""
        self._feed: Feed | None = feed
        self._loop = loop
        self._chunks: list[bytes] = []
        self._unread = 0
        self._waiter: asyncio.Future[None] | None = None
        self.consumer: InlineCall | None = None
        """The consumer if it may wait without a future; told by `arrived`."""
        self._is_parked = False
        self._error: KanameError | StaleConnectionError | None = None
        self._last_progress = started_at
        self._seen = -1

    # ---- the consumer's side

    async def next_chunk(self) -> bytes:
        """All body bytes that have arrived since the last call, or b"" at the end; raises what went wrong.

        Bytes that arrived before a failure are handed out first.
        """
        while not self._chunks:
            if self.complete:
                return b""
            await self.wait()
        chunks = self._chunks
        joined = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._chunks = []
        self._unread = 0
        if self.paused and self._feed is not None:
            self.paused = False
            self._feed.resume()
        return joined

    def take_whole(self, max_bytes: int) -> bytes | None:
        """The whole body if it is here, in one piece and not too large: nearly always, of answers that aren't streams.
        Else None, and it is still to be read."""
        if self.complete and len(self._chunks) == 1 and self.received <= max_bytes:
            return self._chunks.pop()
        return None

    async def read_all(self, max_bytes: int) -> bytes:
        """The whole body; raises UpstreamError when it is larger than `max_bytes`."""
        parts: list[bytes] = []
        size = 0
        while self._chunks or not self.complete:
            chunk = await self.next_chunk()
            size += len(chunk)
            if size > max_bytes:
                self.abort()
                raise UpstreamError(
                    f"the upstream's answer is larger than {max_bytes} bytes",
                    hint="Setting gateway.max_response_bytes.",
                    code="upstream_response_too_large",
                )
            parts.append(chunk)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def abort(self) -> None:
        """Ends interest: closes the connection at once unless the answer is complete. Idempotent."""
        feed, self._feed = self._feed, None
        if feed is not None and not self.complete:
            feed.abort()

    def expect_end(self, within_s: float) -> None:
        """The last event was seen; the rest must come soon."""
        self.timeouts = self.timeouts._replace(stall_s=within_s, first_byte_s=within_s)

    async def wait(self) -> None:
        """Returns when more has come; raises what went wrong."""
        if self._error is not None:
            raise self._error
        if self.consumer is not None and self.consumer.is_inline:
            self._is_parked = True
            try:
                await PARKED
            finally:
                self._is_parked = False
            return
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    # ---- the connection's side

    def on_headers(self, status: int, headers: dict[bytes, bytes]) -> None:
        """The final status line and headers are in."""
        self.status = status
        self.headers = headers
        if self._waiter is not None:
            self._wake()

    def on_chunk(self, chunk: bytes) -> None:
        """Body bytes."""
        self._chunks.append(chunk)
        size = len(chunk)
        self.received += size
        self._unread += size
        if self._unread > HIGH_WATER_BYTES and not self.paused and self._feed is not None:
            self.paused = True
            self._feed.pause()
        if self._waiter is not None:
            self._wake()

    def on_complete(self) -> None:
        """The whole answer is in; the connection is no longer ours."""
        self.complete = True
        self._feed = None
        if self._waiter is not None:
            self._wake()

    def on_failure(self, error: KanameError | StaleConnectionError) -> None:
        """No more will come. The first failure counts."""
        if self._error is None and not self.complete:
            self._error = error
            self._wake()
            if self._is_parked:  # whoever reports a failure is in the middle of something
                self._loop.call_soon(self.arrived)

    def arrived(self) -> None:
        """Everything that came in one piece has been handed over: an inline consumer goes on now."""
        if self._is_parked:
            self._is_parked = False
            assert self.consumer is not None
            self.consumer.resume()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # ---- the clock's side

    def sweep(self, now: float) -> None:
        """Ends the answer when a deadline has passed. Only time spent waiting for the upstream counts as silence."""
        if self.complete or self._error is not None:
            return
        is_waited_for = self._is_parked or self._waiter is not None
        if now > self.deadline:
            self._give_up(_timed_out("completely within", self.timeouts.total_s))
        elif self.awaiting_content and is_waited_for and now - self.started_at > self.timeouts.first_byte_s:
            self._give_up(_timed_out("within", self.timeouts.first_byte_s))
        elif not is_waited_for or self._seen != self.received:
            self._seen, self._last_progress = self.received, now
        elif self.received:
            if now - self._last_progress > self.timeouts.stall_s:
                self._give_up(_timed_out("any more for", self.timeouts.stall_s))
        elif now - self.started_at > self.timeouts.first_byte_s:
            self._give_up(_timed_out("within", self.timeouts.first_byte_s))

    def _give_up(self, error: KanameError) -> None:
        self.on_failure(error)
        self.abort()


def _timed_out(what: str, seconds: float) -> UpstreamTimeoutError:
    return UpstreamTimeoutError(
        f"the upstream didn't answer {what} {seconds:g} s", hint="The model's `timeouts` in gateway.yaml set this."
    )
