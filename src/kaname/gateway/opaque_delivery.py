"""Sends an opaque answer on to the client.

One that breaks off never ends cleanly: the caller leaves it without its end and the server closes the connection, which
every HTTP client notices.
"""

from kaname.gateway.exchange import Exchange
from kaname.gateway.opaque import OpaqueAnswer
from kaname.gateway.upstream_response import UpstreamResponse
from kaname.kernel.errors import KanameError


async def pass_on(exchange: Exchange, response: UpstreamResponse, opened: OpaqueAnswer) -> KanameError | None:
    """Sends an answer on to its end; returns the failure that ended it. The end is left to the caller."""
    record, kept = exchange.record, opened.kept
    await exchange.start(opened.status, opened.content_type, opened.headers)
    record.ttft_ns = exchange.elapsed_ns() if opened.is_events else None
    chunk = opened.first
    failure = None
    try:
        while chunk:
            kept.feed(chunk)
            await exchange.write(chunk)
            chunk = await response.next_chunk()
    except KanameError as e:
        failure = e
    finally:
        record.response_bytes = kept.size
        record.usage = kept.usage(events=opened.is_events)
    return failure
