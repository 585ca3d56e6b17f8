"""Small stand-ins for providers' APIs: each answers with its vendor's public examples, whole or streamed in crumbs."""

import asyncio

import orjson

from integration.gateway.fault_upstream import Behaviour, Seen, Wire, fixed
from unit.gateway.dialects.event_stream import frame, frames
from unit.gateway.dialects.wire_data import DATA, cases

CRUMB = 37
AZURE_FIRST = (
    b'data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,'
    b'"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}\n\n'
)


def speaking(
    whole: object, stream: bytes, is_stream: str, content_type: str = "text/event-stream", embedding: object = None
) -> Behaviour:
    """Answers with a document, or with a stream where the path or the body asks for one."""

    async def behave(wire: Wire, seen: Seen) -> None:
        if embedding is not None and any(word in seen.path for word in ("embed", "Embed", "/invoke")):
            await wire.reply("200 OK", orjson.dumps(embedding))
        elif is_stream in seen.path or seen.json().get("stream"):
            await wire.start_stream(content_type)
            for start in range(0, len(stream), CRUMB):
                await wire.event(stream[start : start + CRUMB])
            await wire.end_stream()
        else:
            await wire.reply("200 OK", orjson.dumps(whole))

    return behave


GEMINI_ERROR = {
    "error": {
        "code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
    }
}  # fmt: skip
GEMINI_QUOTA = {
    "error": {
        "code": 429, "message": "You exceeded your current quota.", "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17.2s"}],
    }
}  # fmt: skip
BEDROCK_MESSAGES = [tuple(message) for message in cases("bedrock/stream.json")]
BEDROCK_TYPE = "application/vnd.amazon.eventstream"
CHAT_WHOLE = {
    "id": "chatcmpl-9", "object": "chat.completion", "created": 1764000000, "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
}  # fmt: skip
RERANKED = {
    "id": "r-1", "results": [{"index": 1, "relevance_score": 0.99}, {"index": 0, "relevance_score": 0.1}],
    "meta": {"billed_units": {"search_units": 1}},
}  # fmt: skip


async def bedrock_broken(wire: Wire, seen: Seen) -> None:
    """Sends rubbish in the middle of its answer, when the client has some of it."""
    await wire.start_stream(BEDROCK_TYPE)
    await wire.event(frames(BEDROCK_MESSAGES[:7]))
    await asyncio.sleep(0.1)
    await wire.event(b"\0" * 40)
    await wire.end_stream()


PROVIDERS: dict[str, Behaviour] = {
    "gemini": speaking(
        cases("gemini/responses.json")[0]["gemini"],
        (DATA / "gemini" / "tools.sse").read_bytes(),
        "alt=sse",
        embedding={"embeddings": [{"values": [0.5, -1.0]}]},
    ),
    "gemini-key": fixed("400 Bad Request", orjson.dumps(GEMINI_ERROR)),
    "gemini-quota": fixed("429 Too Many Requests", orjson.dumps(GEMINI_QUOTA)),
    "gemini-blocked": fixed("200 OK", orjson.dumps({"promptFeedback": {"blockReason": "SAFETY"}})),
    "bedrock": speaking(
        cases("bedrock/responses.json")[1]["bedrock"],
        frames(BEDROCK_MESSAGES),
        "converse-stream",
        BEDROCK_TYPE,
        embedding={"embedding": [0.25], "inputTextTokenCount": 5},
    ),
    "bedrock-throttled": speaking(
        {}, frame("throttlingException", {"message": "Slow down"}, kind="exception"), "converse-stream", BEDROCK_TYPE
    ),
    "bedrock-broken": bedrock_broken,
    "bedrock-long": fixed("400 Bad Request", b'{"message":"Input is too long for requested model."}'),
    "azure": speaking(CHAT_WHOLE, AZURE_FIRST + (DATA / "openai" / "text.sse").read_bytes(), "never"),
    "cohere": speaking(
        cases("cohere/responses.json")[0]["cohere"],
        (DATA / "cohere" / "text.sse").read_bytes(),
        "never",
        embedding={"embeddings": {"float": [[1.0], [2.0]]}, "meta": {"billed_units": {"input_tokens": 4}}},
    ),
    "rerank": fixed("200 OK", orjson.dumps(RERANKED)),
    "mistral": speaking(CHAT_WHOLE, (DATA / "mistral" / "reasoning.sse").read_bytes(), "never"),
}
