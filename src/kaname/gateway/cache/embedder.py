"""Vectors from a model of this installation, over its own `/v1/embeddings`.

A question waits at most `TIMEOUT_S` for its vector; after a failure none is asked for during `PAUSE_S`, so that a
broken model costs the calls nothing but similar answers. A model that isn't running is started by the first question.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import cast

import orjson

from kaname.gateway.config.model import LOCAL
from kaname.gateway.pool import Pool
from kaname.gateway.ports import LocalModelInfo, LocalModels
from kaname.gateway.upstream_response import Timeouts, UpstreamResponse
from kaname.gateway.wire import local_head
from kaname.kernel.errors import KanameError, UpstreamError

TIMEOUT_S = 2.0
PAUSE_S = 10.0
MAX_ANSWER_BYTES = 1 << 20
MAX_DIMENSIONS = 8192

logger = logging.getLogger(__name__)


class _Holder:
    """Keeps a response for the pool; `asyncio.timeout` ends it instead of a sweep."""

    __slots__ = ("response",)

    def __init__(self) -> None:
        self.response: UpstreamResponse | None = None


class LocalEmbedder:
    """Implements `Embedder`. Belongs to one event loop."""

    def __init__(self, local_models: LocalModels, pool: Pool, loop: asyncio.AbstractEventLoop) -> None:
        self._local_models = local_models
        self._pool = pool
        self._loop = loop
        self._paused_until = 0.0

    def identity(self, model: str) -> str:
        """The model's name and when it was installed: other weights are another space."""
        info = self._find(model)
        return f"{LOCAL}/{info.name}@{info.created}" if info is not None else ""

    async def embed(self, model: str, text: str) -> Sequence[float] | None:
        """See `Embedder`."""
        info = self._find(model)
        if info is None or self._loop.time() < self._paused_until:
            return None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._ask(info.name, text)
        except (KanameError, TimeoutError) as e:
            self._paused_until = self._loop.time() + PAUSE_S
            logger.warning("no vector from local model %s, similar questions aren't found for now: %s", info.name, e)
            return None

    async def _ask(self, model: str, text: str) -> Sequence[float]:
        endpoint = await self._local_models.endpoint(model)
        origin, head = local_head(endpoint, "/embeddings")
        body = orjson.dumps({"model": model, "input": text, "encoding_format": "float"})
        head = b"%bcontent-length: %d\r\n\r\n" % (head, len(body))
        deadline = self._loop.time() + TIMEOUT_S
        sent = await self._pool.send(origin, head, body, Timeouts(), deadline, _Holder())
        try:
            answer = await sent.response.read_all(MAX_ANSWER_BYTES)
        finally:
            sent.response.abort()
        if sent.response.status != 200:
            raise UpstreamError(f"the model answered with status {sent.response.status}")
        return _vector_in(answer)

    def _find(self, model: str) -> LocalModelInfo | None:
        wanted = model.removeprefix(f"{LOCAL}/")
        models = self._local_models.list()
        return next((m for m in models if m.embeddings and (not wanted or m.name == wanted)), None)


def _vector_in(answer: bytes) -> Sequence[float]:
    try:
        document = cast("dict[str, list[dict[str, object]]]", orjson.loads(answer))
        vector = document["data"][0]["embedding"]
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError) as e:
        raise UpstreamError("the model's embedding can't be read", code="upstream_invalid_response") from e
    numbers = cast("list[object]", vector) if isinstance(vector, list) else []
    if not 0 < len(numbers) <= MAX_DIMENSIONS or not all(isinstance(n, (int, float)) for n in numbers):
        raise UpstreamError("the model's embedding isn't a vector", code="upstream_invalid_response")
    return cast("list[float]", numbers)
