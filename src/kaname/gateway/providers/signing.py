"""The signers of one running gateway, and how they reach a token endpoint: over the gateway's own pool.

Tokens live in the signers, so they belong to one event loop and end with it. An endpoint is always TLS and public, its
answer is small and soon there, and a redirect is an answer like any other: it is never followed with a credential.
"""

import asyncio
from typing import Final

from kaname.gateway.pool import Origin, Pool
from kaname.gateway.providers.model import Adapter, FetchedToken, Signer
from kaname.gateway.upstream_response import Timeouts, UpstreamResponse
from kaname.kernel.errors import UpstreamTimeoutError

TIMEOUT_S: Final = 10.0
MAX_TOKEN_BYTES: Final = 64 * 1024


class Signers:
    """One signer for each kind of provider that needs one."""

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop) -> None:
        self._fetch = PoolFetch(pool, loop)
        self._made: dict[str, Signer] = {}

    def of(self, adapter: Adapter) -> Signer:
        """The signer of an adapter that has one."""
        signer = self._made.get(adapter.type)
        if signer is None:
            assert adapter.signer is not None
            signer = self._made[adapter.type] = adapter.signer(self._fetch)
        return signer


class PoolFetch:
    """See `TokenFetch`."""

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop, *, port: int = 443, scheme: str = "https") -> None:
        self._pool = pool
        self._loop = loop
        self._port = port
        self._scheme = scheme
        self.response: UpstreamResponse | None = None
        """The pool hands it out for sweeping; here the time-out around the whole request does that work."""

    async def __call__(self, host: str, path: str, form: bytes) -> FetchedToken:
        """See `TokenFetch`."""
        origin = Origin(self._scheme, host, self._port, self._scheme == "http", "", 2)
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {host}\r\naccept: application/json\r\naccept-encoding: identity\r\n"
            f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(form)}\r\n\r\n"
        ).encode("ascii")
        timeouts = Timeouts(TIMEOUT_S, TIMEOUT_S, TIMEOUT_S, TIMEOUT_S)
        response: UpstreamResponse | None = None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                sent = await self._pool.send(origin, head, form, timeouts, self._loop.time() + TIMEOUT_S, self)
                response = sent.response
                return FetchedToken(response.status, await response.read_all(MAX_TOKEN_BYTES))
        except TimeoutError as e:
            raise UpstreamTimeoutError(f"{host} gave no token within {TIMEOUT_S:g} s") from e
        finally:
            if response is not None:
                response.abort()
