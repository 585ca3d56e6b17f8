"""The live view: new spans pushed to browsers as server-sent events.

One poller a project and filter looks for arrivals while somebody watches. Every viewer has a bounded queue; one that
is too slow loses the oldest batches and is told how many spans. Rows may become visible in another order than they were
received, so each look reaches back a few seconds and leaves out what was already sent. Belongs to one event loop.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from kaname.kernel.clock import Clock
from kaname.kernel.errors import KanameError, RateLimitedError
from kaname.storage.columns import ColumnsClient
from kaname.traces import shape
from kaname.traces.criteria import SpanCriteria
from kaname.traces.queries.newest import read_arrivals
from kaname.traces.settings import TracesSettings
from kaname.traces.shape import JsonObject

logger = logging.getLogger(__name__)
PING_S = 15.0
MAX_WAITING = 32
_REACH_BACK_NS = 5_000_000_000


class Topic(NamedTuple):
    """What viewers share a poller for: a project, and the text of what narrows it."""

    project_id: str
    criteria: str


@dataclass(slots=True, eq=False)
class Viewer:
    """One open stream: batches that wait to be sent."""

    topic: Topic
    waiting: deque[list[JsonObject]] = field(default_factory=deque[list[JsonObject]])
    news: asyncio.Event = field(default_factory=asyncio.Event)
    dropped: int = 0
    closed: bool = False

    def offer(self, batch: list[JsonObject]) -> None:
        """Queues a batch; over the bound the oldest is dropped and counted."""
        if len(self.waiting) >= MAX_WAITING:
            self.dropped += len(self.waiting.popleft())
        self.waiting.append(batch)
        self.news.set()

    def close(self) -> None:
        """Ends the stream."""
        self.closed = True
        self.news.set()


@dataclass(slots=True)
class _Channel:
    viewers: set[Viewer] = field(default_factory=set[Viewer])
    poller: asyncio.Task[None] | None = None


class LiveFeed:
    """Who watches what."""

    def __init__(self, columns: ColumnsClient, clock: Clock, settings: TracesSettings) -> None:
        self._columns = columns
        self._clock = clock
        self._settings = settings
        self._channels: dict[Topic, _Channel] = {}
        self._closed = False

    def subscribe(self, project_id: str, criteria: SpanCriteria) -> Viewer:
        """A viewer of matching arrivals from now on, to be handed to `leave` in the end; raises RateLimitedError."""
        if self._closed or sum(len(c.viewers) for c in self._channels.values()) >= self._settings.live_max_viewers:
            raise RateLimitedError(
                f"{self._settings.live_max_viewers} live views are open",
                hint="Close one, or raise traces.live_max_viewers.",
                retry_after_s=10,
                code="too_many_live_views",
                params={"limit": self._settings.live_max_viewers},
            )
        topic = Topic(project_id, repr(criteria))
        channel = self._channels.setdefault(topic, _Channel())
        viewer = Viewer(topic)
        channel.viewers.add(viewer)
        if channel.poller is None:
            channel.poller = asyncio.create_task(self._poll(project_id, criteria, channel))
        return viewer

    async def stream(self, viewer: Viewer) -> AsyncIterator[bytes]:
        """Server-sent events until the feed is closed: `spans`, `dropped`, `ping`."""
        yield b"retry: 2000\n\n"
        while not viewer.closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(viewer.news.wait(), PING_S)
            viewer.news.clear()
            if not viewer.waiting:
                yield b"event: ping\ndata: {}\n\n"
            if viewer.dropped:
                yield _event("dropped", {"count": viewer.dropped})
                viewer.dropped = 0
            while viewer.waiting:
                yield _event("spans", viewer.waiting.popleft())

    def close(self) -> None:
        """Ends every stream and poller; nobody can subscribe afterwards."""
        self._closed = True
        for channel in self._channels.values():
            for viewer in channel.viewers:
                viewer.close()

    def leave(self, viewer: Viewer) -> None:
        """Forgets a viewer; the last one of a topic stops its poller. Every `subscribe` needs one."""
        channel = self._channels.get(viewer.topic)
        if channel is None:
            return
        channel.viewers.discard(viewer)
        if not channel.viewers:
            if channel.poller is not None:
                channel.poller.cancel()
            del self._channels[viewer.topic]

    async def _poll(self, project_id: str, criteria: SpanCriteria, channel: _Channel) -> None:
        since_ns = self._clock.now_ns()
        sent: dict[tuple[object, object], int] = {}
        while True:
            await asyncio.sleep(self._settings.live_poll_s)
            now_ns = self._clock.now_ns()
            try:
                rows = await asyncio.to_thread(
                    read_arrivals,
                    self._columns,
                    project_id,
                    criteria,
                    since_ns - _REACH_BACK_NS,
                    self._settings.live_max_batch,
                )
            except KanameError as e:
                # The engine may be restarting; the next look reaches back to the same moment.
                logger.warning("live view of %s: %s", project_id, e.message)
                continue
            fresh = [r for r in rows if (r["trace_id"], r["span_id"]) not in sent]
            for row in fresh:
                sent[row["trace_id"], row["span_id"]] = now_ns
            since_ns = now_ns
            oldest = now_ns - 4 * _REACH_BACK_NS
            sent = {key: at for key, at in sent.items() if at >= oldest}
            if fresh:
                batch = [shape.span_summary(r) for r in fresh]
                for viewer in channel.viewers:
                    viewer.offer(batch)


def _event(name: str, data: object) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"
