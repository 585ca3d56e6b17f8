"""A gateway whose routes cache, before an upstream whose answers can be told apart."""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from integration.gateway.conftest import Gateway, TestCaller, running_gateway
from integration.gateway.fault_upstream import BEHAVIOURS, FaultUpstream, Seen, Wire
from kaname.gateway.cache.forms import chat, completions, messages, responses
from kaname.gateway.cache.store import AnswerStore
from kaname.gateway.ports import LocalEndpoint, LocalModelInfo
from kaname.kernel.errors import UnauthenticatedError

MIB = 1 << 20
_numbers = itertools.count(1)
USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


def _chat(n: int, document: dict[str, object]) -> dict[str, object]:
    message: dict[str, object] = {"role": "assistant", "content": f"答え {n}: " + "いろは " * 30}
    reason = "stop"
    if document.get("tools"):
        call = {"name": "get_weather", "arguments": f'{{"city": "東京", "n": {n}}}'}
        message = {"role": "assistant", "content": None}
        message["tool_calls"] = [{"id": f"call_{n}", "type": "function", "function": call}]
        reason = "tool_calls"
    if document["model"] == "filtered":
        reason = "content_filter"
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    head = {"id": f"chatcmpl-{n}", "object": "chat.completion", "created": 1764000000, "model": "mock-1"}
    return {**head, "choices": [choice], "usage": USAGE}


def _message(n: int) -> dict[str, object]:
    head = {"id": f"msg_{n}", "type": "message", "role": "assistant", "model": "claude-mock"}
    content = [
        {"type": "thinking", "thinking": f"考え {n}", "signature": "c2ln"},
        {"type": "text", "text": f"answer {n} " * 20},
    ]
    usage = {"input_tokens": 9, "output_tokens": 30}
    return {**head, "content": content, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}


def _response(n: int, document: dict[str, object]) -> dict[str, object]:
    part = {"type": "output_text", "text": f"answer {n}", "annotations": [], "logprobs": []}
    item = {"id": f"msg_{n}", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    head = {"id": f"resp_{n}", "object": "response", "created_at": 1764000000, "status": "completed", "model": "mock-1"}
    echo = {"metadata": document.get("metadata", {}), "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    usage = {
        "input_tokens": 9, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 12,
    }  # fmt: skip
    return {**head, "output": [item], "usage": usage, "error": None, "incomplete_details": None, **echo}


async def answer_once(wire: Wire, seen: Seen) -> None:
    """A different answer to every request, on every surface, whole or as a stream."""
    document, n = seen.json(), next(_numbers)
    path = seen.path.split("/v1", 1)[1]
    if document["model"] in ("slow", "slow-fails"):
        await asyncio.sleep(0.3)
    if document["model"] in ("fails", "slow-fails"):
        await wire.reply("500 Internal Server Error", b'{"error": {"message": "boom"}}')
        return
    if path == "/embeddings":
        data = [{"object": "embedding", "index": 0, "embedding": [0.1, n / 1000]}]
        answer, stream = {"object": "list", "data": data, "model": "mock-e", "usage": USAGE}, None
    elif path == "/rerank":
        answer, stream = {"id": f"rr_{n}", "results": [{"index": 0, "relevance_score": 0.5}]}, None
    elif path == "/messages":
        answer, stream = _message(n), messages.to_stream
    elif path == "/responses":
        answer, stream = _response(n, document), responses.to_stream
    elif path == "/completions":
        choice = {"index": 0, "text": f" answer {n}", "logprobs": None, "finish_reason": "stop"}
        head = {"id": f"cmpl-{n}", "object": "text_completion", "created": 1764000000, "model": "mock-1"}
        answer, stream = {**head, "choices": [choice], "usage": USAGE}, completions.to_stream
    else:
        answer, stream = _chat(n, document), chat.to_stream
    if not document.get("stream") or stream is None:
        await wire.reply("200 OK", orjson.dumps(answer))
        return
    await wire.start_stream()
    for event in stream(answer).split(b"\n\n")[:-1]:
        if event.startswith(b"data: [DONE]") and document.get("stream_options") == {"include_usage": True}:
            only = {key: answer[key] for key in ("id", "created", "model")}
            await wire.event(
                b"data: "
                + orjson.dumps({**only, "object": "chat.completion.chunk", "choices": [], "usage": USAGE})
                + b"\n\n"
            )
        await wire.event(event + b"\n\n")
    await wire.end_stream()


async def embed(wire: Wire, seen: Seen) -> None:
    """Vectors in which a paraphrase about France is near, and everything else far."""
    text = str(seen.json()["input"])
    vector = [1.0, 0.01 * len(text) % 0.1, 0.0] if "France" in text else [0.0, 0.3, 0.01 * len(text)]
    if "unembeddable" in text:
        await wire.reply("500 Internal Server Error", b"{}")
        return
    data = [{"object": "embedding", "index": 0, "embedding": vector}]
    await wire.reply("200 OK", orjson.dumps({"object": "list", "data": data, "model": "minilm"}))


class EmbeddingModels:
    """One local model, which can embed."""

    def __init__(self, port: int) -> None:
        self._port = port

    def list(self) -> Sequence[LocalModelInfo]:
        return (LocalModelInfo(name="minilm", created=1764000000, embeddings=True),)

    async def endpoint(self, model: str) -> LocalEndpoint:
        return LocalEndpoint(base_url=f"http://127.0.0.1:{self._port}/embed/v1", api_key="local-secret")


class ThreeKeys:
    """Two keys of a project, and one of another."""

    _CALLERS: dict[bytes, TestCaller] = {  # noqa: RUF012 — never changed
        name: TestCaller(f"key_{name.decode()}", name.decode(), project, frozenset({"gateway:call"}))
        for name, project in ((b"good", "prj_1"), (b"second", "prj_1"), (b"stranger", "prj_2"))
    }

    def authenticate(self, authorization: bytes | None, x_api_key: bytes | None = None) -> TestCaller:
        secret = (authorization or b"").removeprefix(b"Bearer ") or x_api_key or b""
        if secret not in self._CALLERS:
            raise UnauthenticatedError("the key isn't known", hint="Send another.")
        return self._CALLERS[secret]


def config_text(port: int) -> str:
    up = f'base_url: "http://127.0.0.1:{port}/once/v1", allow_private: true, keys: [{{env: UP}}]'
    return f"""
providers:
  up: {{type: openai, {up}}}
  box: {{type: openai_compatible, {up}}}
  claude: {{type: anthropic, {up}}}
models:
  plain: {{use: up/m}}
  cached: {{use: up/m, cache: {{exact: 1h}}}}
  shared: {{use: up/m, cache: {{exact: 1h, scope: project}}}}
  brief: {{use: up/m, cache: {{exact: 100ms}}}}
  slow: {{use: up/slow, cache: {{exact: 1h}}}}
  slow-fails: {{use: up/slow-fails, cache: {{exact: 1h}}, retry: {{max: 0}}}}
  fails: {{use: up/fails, cache: {{exact: 1h}}, retry: {{max: 0}}}}
  filtered: {{use: up/filtered, cache: {{exact: 1h}}}}
  similar: {{use: up/m, cache: {{semantic: {{threshold: 0.95, ttl: 1h, scope: project}}}}}}
  rank: {{use: box/m, cache: {{exact: 1h}}}}
  claude: {{use: claude/m, cache: {{exact: 1h}}}}
  claude-for-chat: {{use: claude/m, cache: {{exact: 1h}}}}
  tiers:
    route:
      - {{when: metadata.plan == "free", targets: [up/small]}}
      - {{targets: [up/m]}}
    cache: {{exact: 1h}}
"""


@dataclass
class CachingGateway:
    """What a test needs."""

    gateway: Gateway
    store: AnswerStore
    folder: Path

    @property
    def calls(self) -> int:
        """How often the upstream was asked."""
        return self.gateway.upstream.count("once")


@pytest.fixture(scope="module")
def caching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CachingGateway]:
    """A running gateway; its tests ask different questions."""
    folder = tmp_path_factory.mktemp("caching")
    with FaultUpstream({**BEHAVIOURS, "once": answer_once, "embed": embed}) as upstream:
        store = AnswerStore(folder / "cache", max_bytes=8 * MIB, max_entries=1000)
        options = {"keys": ThreeKeys(), "local_models": EmbeddingModels(upstream.port), "answers": store}
        with running_gateway(folder, upstream, config_text(upstream.port), **options) as gateway:  # type: ignore[arg-type]
            yield CachingGateway(gateway, store, folder / "cache")
