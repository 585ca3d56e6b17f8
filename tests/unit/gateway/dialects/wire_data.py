"""Public wire examples (`tests/data/gateway_wire`), and the way a stream takes through two codecs."""

from itertools import pairwise
from pathlib import Path

import orjson

from kaname.gateway.dialects.model import Document, StreamDecoder, StreamEncoder
from kaname.gateway.translated_stream import SseFramer

DATA = Path(__file__).parents[3] / "data" / "gateway_wire"
Event = tuple[str, dict[str, object]]


def cases(name: str) -> list[Document]:
    """Pairs of documents that stand for each other."""
    return orjson.loads((DATA / name).read_bytes())


def events_of(stream: bytes) -> list[Event]:
    """Names and documents of a written stream; `[DONE]` is {}."""
    events: list[Event] = []
    for event in stream.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in event.split("\n") if line)
        if "data" in lines:
            data = lines["data"]
            events.append((lines.get("event", ""), {} if data == "[DONE]" else orjson.loads(data)))
    return events


def chunks_of(stream: bytes, decoder: StreamDecoder, cuts: list[int] | None = None) -> list[Document]:
    """What a decoder makes of a stream that arrives in pieces."""
    framer = SseFramer(100_000)
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts or []), len(stream)]
    chunks: list[Document] = []
    for start, end in pairwise(edges):
        for name, data in framer.feed(stream[start:end]):
            chunks += decoder.feed(name, data)
    return chunks + decoder.finish()


def written(chunks: list[Document], encoder: StreamEncoder) -> bytes:
    """What an encoder writes for a whole stream."""
    return b"".join(encoder.feed(chunk) for chunk in chunks) + encoder.finish()


def assemble(chunks: list[Document]) -> Document:
    """The message that a chat client puts together from chunks."""
    message: dict[str, object] = {"content": "", "reasoning_content": "", "thinking_blocks": [], "tool_calls": []}
    finish, usage = None, None
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:  # type: ignore[union-attr]
            finish = choice["finish_reason"] or finish
            delta = choice["delta"]
            message["content"] += delta.get("content") or ""
            message["reasoning_content"] += delta.get("reasoning_content") or ""
            for block in delta.get("thinking_blocks") or []:
                assert block["index"] == len(message["thinking_blocks"])
                message["thinking_blocks"].append({key: value for key, value in block.items() if key != "index"})
            for call in delta.get("tool_calls") or []:
                calls = message["tool_calls"]
                if call["index"] == len(calls):
                    calls.append({"id": call["id"], "name": call["function"]["name"], "arguments": ""})
                calls[call["index"]]["arguments"] += call["function"].get("arguments") or ""
    return {"message": message, "finish_reason": finish, "usage": usage}
