"""How an answer that has begun reaches the client: whole, or event by event until the upstream ends."""

from kaname.gateway.exchange import Exchange
from kaname.gateway.guardrails.run import GuardRun
from kaname.gateway.opening import OpenStream, WholeAnswer
from kaname.gateway.upstream_response import UpstreamResponse
from kaname.kernel.errors import KanameError

AFTER_DONE_S = 1.0
"""How long an upstream may take to end after its last event."""


def answer_at_once(exchange: Exchange, opened: WholeAnswer) -> bool:
    """Gives a whole answer that nothing guards, if that needs no waiting."""
    if exchange.guards is not None:
        return False
    _note_answer(exchange, opened, opened.body)
    return exchange.reply_at_once(200, opened.body, opened.headers)


async def deliver_whole(exchange: Exchange, opened: WholeAnswer) -> None:
    """Gives a whole answer, after its guards."""
    body = recorded = opened.body
    blocked = False
    if exchange.guards is not None:
        body, recorded, blocked = await exchange.guards.check_answer(body)
    _note_answer(exchange, opened, recorded)
    if blocked:
        exchange.record.finish_reasons = ["content_filter"]
    await exchange.reply(200, body, opened.headers)


def _note_answer(exchange: Exchange, opened: WholeAnswer, recorded: bytes) -> None:
    record = exchange.record
    record.usage_format = opened.usage_format
    _, record.usage, record.response_model, record.response_id, record.finish_reasons = opened.answer
    record.response, record.response_bytes, record.response_format = recorded, len(recorded), "json"


async def pump(exchange: Exchange, response: UpstreamResponse, opened: OpenStream) -> KanameError | None:
    """Passes events on until the upstream ends; returns the failure that ended it, or None for a clean end."""
    relay, events = opened.relay, opened.held
    while True:
        if exchange.record.ttft_ns is None and relay.content_seen:
            exchange.record.ttft_ns = exchange.elapsed_ns()
        if events:
            await exchange.write(events)
            if relay.done:
                if exchange.guards is not None and exchange.guards.blocked:
                    return None
                response.expect_end(AFTER_DONE_S)
        try:
            chunk = await response.next_chunk()
            events = relay.feed(chunk) if chunk else relay.finish()
        except KanameError as e:
            return e
        if not chunk:
            if events:
                await exchange.write(events)
            return None


async def conclude(exchange: Exchange, guards: GuardRun) -> KanameError | None:
    """Gives out what waited for the verdict on the whole answer."""
    try:
        events = await guards.conclude_stream()
    except KanameError as e:
        return e
    if events:
        await exchange.write(events)
    return None
