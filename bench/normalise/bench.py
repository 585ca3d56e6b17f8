"""CPU time to normalise one span, beside the least that any normaliser must do: decode its JSON and encode a row.

    python -m bench.normalise.bench

Bars: at most 80 µs for a generation of about 2.5 KB, 25 µs for a span that isn't one, 1 µs for a cached price.
"""

import time
import timeit
from collections.abc import Callable

import orjson

from kaname.gateway.pricing.book import PriceBook
from kaname.traces.model import Attributes, RawSpan, Scope
from kaname.traces.normalise import Normaliser

CALLS = 2_000
ROUNDS = 9
START_NS = 1_780_000_000_000_000_000
SCOPE = Scope(name="bench", resource={"service.name": "shop", "deployment.environment.name": "production"})
QUESTION = "Which documents explain how retrieval ranks passages by similarity? " * 14
ANSWER = "Retrieval ranks passages by the similarity of their embeddings. " * 10
USAGE = {"input_uncached": 812, "cache_read": 1024, "output_text": 96}


def best_us(act: Callable[[], object]) -> float:
    """Least CPU time a call over some rounds: the machine's noise only ever adds."""
    return min(timeit.repeat(act, number=CALLS, repeat=ROUNDS, timer=time.thread_time)) / CALLS * 1e6


def genai(question: str, answer: str) -> Attributes:
    """What the official instrumentation sends."""
    into = [
        {"role": "system", "parts": [{"type": "text", "content": "You answer from the documents."}]},
        {"role": "user", "parts": [{"type": "text", "content": question}]},
    ]
    out = [{"role": "assistant", "parts": [{"type": "text", "content": answer}], "finish_reason": "stop"}]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.max_tokens": 800,
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 1836,
        "gen_ai.usage.output_tokens": 96,
        "gen_ai.usage.cache_read.input_tokens": 1024,
        "gen_ai.input.messages": orjson.dumps(into).decode(),
        "gen_ai.output.messages": orjson.dumps(out).decode(),
        "session.id": "session-1",
        "user.id": "user-1",
    }


def openinference(question: str, answer: str) -> Attributes:
    """What OpenInference sends for the same call."""
    return {
        "openinference.span.kind": "LLM",
        "llm.provider": "openai",
        "llm.model_name": "gpt-4o-mini-2024-07-18",
        "llm.invocation_parameters": '{"model": "gpt-4o-mini", "temperature": 0.2, "max_tokens": 800}',
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "You answer from the documents.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": question,
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": answer,
        "llm.token_count.prompt": 1836,
        "llm.token_count.completion": 96,
        "llm.token_count.total": 1932,
        "llm.token_count.prompt_details.cache_read": 1024,
        "input.value": question[:400],
        "input.mime_type": "text/plain",
        "output.value": answer[:400],
        "output.mime_type": "text/plain",
        "session.id": "session-1",
        "user.id": "user-1",
    }


def langfuse(question: str, answer: str) -> Attributes:
    """What Langfuse's SDK sends for the same call."""
    messages = [{"role": "system", "content": "You answer from the documents."}, {"role": "user", "content": question}]
    return {
        "langfuse.observation.type": "generation",
        "langfuse.observation.input": orjson.dumps(messages).decode(),
        "langfuse.observation.output": orjson.dumps({"role": "assistant", "content": answer}).decode(),
        "langfuse.observation.model.name": "gpt-4o-mini-2024-07-18",
        "langfuse.observation.model.parameters": '{"temperature": 0.2}',
        "langfuse.observation.usage_details": '{"input": 812, "input_cached_tokens": 1024, "output": 96}',
        "langfuse.environment": "production",
        "session.id": "session-1",
        "user.id": "user-1",
    }


def varied_japanese(length: int) -> str:
    """Text of that many characters in which hardly a word comes twice, the dearest case for the search index."""
    kanji = [chr(0x4E00 + i * 37 % 6000) for i in range(length)]
    return "".join("。" if i % 17 == 16 else "のをはにで"[i % 5] if i % 3 == 2 else c for i, c in enumerate(kanji))


PLAIN: Attributes = {
    "http.request.method": "GET", "url.full": "https://shop.example/items/1", "http.response.status_code": 200,
    "server.address": "shop.example", "server.port": 443,
}  # fmt: skip


def main() -> None:
    prices = PriceBook.load()
    normaliser = Normaliser(prices)
    japanese = ("検索は類似度で文書を並べ替えます。" * 30, "埋め込みの類似度で並べます。" * 20)
    cases = {
        "otel genai": genai(QUESTION, ANSWER),
        "openinference": openinference(QUESTION, ANSWER),
        "langfuse": langfuse(QUESTION, ANSWER),
        "otel genai, Japanese": genai(*japanese),
        "the same, unrepeated": genai(varied_japanese(510), varied_japanese(280)),
        "plain span": PLAIN,
    }
    for name, attributes in cases.items():
        span = RawSpan(
            trace_id="a" * 32, span_id="b" * 16, name="chat", start_ns=START_NS, end_ns=START_NS + 10**9,
            attributes=attributes, scope=SCOPE,
        )  # fmt: skip
        encoded = orjson.dumps(attributes)
        floor = best_us(lambda encoded=encoded: orjson.dumps(orjson.loads(encoded)))
        cost = best_us(lambda span=span: normaliser.normalise("prj_1", span, received_ns=START_NS))
        print(f"{name:<22}{len(encoded):>6} B {cost:7.1f} µs   {cost / floor:5.1f} × decoding and encoding its JSON")
    lookup = best_us(lambda: prices.cost("openai", "gpt-4o-mini", USAGE, START_NS))
    print(f"{'cached price':<22}{len(USAGE):>6} buckets {lookup:5.2f} µs")


if __name__ == "__main__":
    main()
