"""Upstreams for the guardrail tests: they say back what they were asked, in small pieces, or what they shouldn't."""

import asyncio

import orjson

from integration.gateway.fault_upstream import DONE, EMBEDDING, Behaviour, Seen, Wire, chunk_event

LEAK = "Write to taro.yamada@example.com or call 090-1234-5678 and say hello to everybody there. " * 4
PIECE = 3


def pieces(text: str) -> list[str]:
    return [text[i : i + PIECE] for i in range(0, len(text), PIECE)]


def asked(seen: Seen) -> str:
    """The last message of a request in any format."""
    document = seen.json()
    messages = document.get("messages") or document.get("input")
    if isinstance(messages, str):
        return messages
    content = messages[-1]["content"]  # type: ignore[index]
    return content if isinstance(content, str) else content[0]["text"]


async def say(wire: Wire, seen: Seen, text: str, *, hang: bool = False) -> None:
    """Chat completions: one answer with a text."""
    if not seen.json().get("stream"):
        message = {"role": "assistant", "content": text}
        await wire.reply("200 OK", completion(message))
        return
    await wire.start_stream()
    await wire.event(chunk_event({"role": "assistant", "content": ""}))
    for piece in pieces(text):
        await wire.event(chunk_event({"content": piece}))
    if hang:
        await asyncio.sleep(30)
    await wire.event(chunk_event({}, "stop"))
    await wire.event(DONE)
    await wire.end_stream()


def completion(message: dict[str, object], finish: str = "stop") -> bytes:
    return orjson.dumps(
        {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1764000000, "model": "mock-1",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
        }
    )  # fmt: skip


async def echo(wire: Wire, seen: Seen) -> None:
    await say(wire, seen, f"You said: {asked(seen)} OK.")


async def leak(wire: Wire, seen: Seen) -> None:
    await say(wire, seen, LEAK, hang=bool(seen.json().get("stream")) and "hang" in asked(seen))


async def tool(wire: Wire, seen: Seen) -> None:
    """Calls a tool with what it was asked."""
    arguments = orjson.dumps({"to": asked(seen)}).decode()
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "send", "arguments": ""}}
    if not seen.json().get("stream"):
        whole = {**call, "function": {"name": "send", "arguments": arguments}}
        await wire.reply(
            "200 OK", completion({"role": "assistant", "content": None, "tool_calls": [whole]}, "tool_calls")
        )
        return
    await wire.start_stream()
    await wire.event(chunk_event({"role": "assistant", "content": None, "tool_calls": [call]}))
    for piece in pieces(arguments):
        await wire.event(chunk_event({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}))
    await wire.event(chunk_event({}, "tool_calls"))
    await wire.event(DONE)
    await wire.end_stream()


async def corrects_itself(wire: Wire, seen: Seen) -> None:
    """Good JSON only when it has been told."""
    told = "can't be used" in asked(seen)
    await say(wire, seen, '{"answer": 42}' if told else "The answer is 42.")


async def verdict_fail(wire: Wire, seen: Seen) -> None:
    await say(wire, seen, "FAIL")


async def verdict_pass(wire: Wire, seen: Seen) -> None:
    await say(wire, seen, "PASS")


async def verdict_odd(wire: Wire, seen: Seen) -> None:
    await say(wire, seen, "Well, it depends.")


async def slow(wire: Wire, seen: Seen) -> None:
    await asyncio.sleep(20)


async def vector(wire: Wire, seen: Seen) -> None:
    await wire.reply("200 OK", EMBEDDING)


def sse(document: dict[str, object]) -> bytes:
    return f"event: {document['type']}\n".encode() + b"data: " + orjson.dumps(document) + b"\n\n"


async def claude_echo(wire: Wire, seen: Seen) -> None:
    """Anthropic Messages."""
    text = LEAK if "leak" in asked(seen) else f"You said: {asked(seen)} OK."
    message: dict[str, object] = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": None,
        "stop_sequence": None, "content": [], "usage": {"input_tokens": 5, "output_tokens": 1},
    }  # fmt: skip
    if not seen.json().get("stream"):
        whole = {**message, "content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}
        await wire.reply("200 OK", orjson.dumps(whole))
        return
    await wire.start_stream()
    await wire.event(sse({"type": "message_start", "message": message}))
    block = {"type": "text", "text": ""}
    await wire.event(sse({"type": "content_block_start", "index": 0, "content_block": block}))
    for piece in pieces(text):
        delta = {"type": "text_delta", "text": piece}
        await wire.event(sse({"type": "content_block_delta", "index": 0, "delta": delta}))
    await wire.event(sse({"type": "content_block_stop", "index": 0}))
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    await wire.event(sse({"type": "message_delta", "delta": ending, "usage": {"output_tokens": 9}}))
    await wire.event(sse({"type": "message_stop"}))
    await wire.end_stream()


TALKERS: dict[str, Behaviour] = {
    "echo": echo, "leak": leak, "tool": tool, "corrects": corrects_itself, "fail": verdict_fail,
    "pass": verdict_pass, "odd": verdict_odd, "slow": slow, "vector": vector,
}  # fmt: skip
CLAUDES: dict[str, Behaviour] = {"claude": claude_echo}
