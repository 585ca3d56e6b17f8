"""The real model in its real child process: what it answers, and how it lives and dies."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest

from kaname.kernel.errors import ConflictError, IntegrityError, UnavailableError
from kaname.serving.model import ModelStatus
from kaname.serving.service import LocalModelService
from kaname.serving.settings import ModelsSettings
from kaname.serving.store import ModelStore

SETTINGS = ModelsSettings(context_tokens=2048, slots=2, threads=1)
HELLO = [{"role": "user", "content": "Say hello."}]
ANIMAL_SCHEMA = {
    "type": "object",
    "properties": {"animal": {"enum": ["cat", "dog", "horse"]}, "legs": {"type": "integer"}},
    "required": ["animal", "legs"],
    "additionalProperties": False,
}


class Local:
    """A service and a client that asks for the endpoint before each request, as the gateway does."""

    def __init__(self, store: ModelStore, settings: ModelsSettings = SETTINGS) -> None:
        self.service = LocalModelService(store, settings)

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        endpoint = asyncio.run(self.service.endpoint("smollm2"))
        headers = {"Authorization": f"Bearer {endpoint.api_key}"}
        return httpx.post(f"{endpoint.base_url}{path}", json=body, headers=headers, timeout=120)

    def chat(self, messages: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        body = {"model": "smollm2", "messages": messages, "temperature": 0, "max_tokens": 12, **options}
        answer = self.post("/chat/completions", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def status(self) -> ModelStatus:
        return next(s for s in self.service.statuses() if s.name == "smollm2")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def local(smollm2_store: ModelStore) -> Iterator[Local]:
    local = Local(smollm2_store)
    yield local
    local.service.close()


@pytest.fixture
def own_local(smollm2_store: ModelStore) -> Iterator[Callable[..., Local]]:
    made: list[Local] = []

    def make(**settings: Any) -> Local:
        made.append(Local(smollm2_store, replace(SETTINGS, **settings)))
        return made[-1]

    yield make
    for local in made:
        local.service.close()


def test_chat_is_deterministic_at_temperature_0(local: Local) -> None:
    first, second = (local.chat(HELLO)["choices"][0]["message"]["content"] for _ in range(2))
    assert first == second != ""


def test_manifest_keeps_licence_and_origin(smollm2_store: ModelStore) -> None:
    manifest = smollm2_store.get("smollm2")
    assert manifest.pinned
    assert (manifest.parameters, manifest.context_length) == (134_515_008, 8192)
    assert "Apache License" in smollm2_store.licence_text(manifest)


def test_stream_is_the_same_text_and_ends_with_usage(local: Local) -> None:
    whole = local.chat(HELLO)["choices"][0]["message"]["content"]
    body = {"model": "smollm2", "messages": HELLO, "temperature": 0, "max_tokens": 12}
    answer = local.post("/chat/completions", {**body, "stream": True, "stream_options": {"include_usage": True}})
    events = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(e) for e in events[:-1]]
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]) == whole
    assert chunks[-1]["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": [{"type": "text", "text": "Say"}, {"type": "text", "text": "hello."}]}],
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": None}, {"role": "user", "content": "b"}],
        [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        [
            {"role": "user", "content": "a"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "1", "content": "5"},
            {"role": "user", "content": "b"},
        ],
    ],
    ids=["parts", "null", "developer", "tool-history"],
)
def test_content_that_breaks_templates_is_flattened_by_the_engine(local: Local, messages: list[dict[str, Any]]) -> None:
    endpoint = asyncio.run(local.service.endpoint("smollm2"))
    answer = httpx.post(
        f"{endpoint.base_url.removesuffix('/v1')}/apply-template",
        json={"messages": messages},
        headers={"Authorization": f"Bearer {endpoint.api_key}"},
    )
    prompt = answer.json()["prompt"]
    assert "None" not in prompt
    assert "[{" not in prompt
    assert "'type'" not in prompt


def test_json_schema_constrains_the_output(local: Local) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "animal", "schema": ANIMAL_SCHEMA}}
    for text in ("A cat sat on the mat.", "The dog barked.", "この馬は速い。"):
        answer = local.chat(
            [{"role": "user", "content": f"Which animal? {text}"}], response_format=schema, max_tokens=60
        )
        value = json.loads(answer["choices"][0]["message"]["content"])
        assert set(value) == {"animal", "legs"}
        assert value["animal"] in ("cat", "dog", "horse")


def test_logprobs(local: Local) -> None:
    content = local.chat(HELLO, logprobs=True, top_logprobs=3)["choices"][0]["logprobs"]["content"]
    assert content
    for token in content:
        assert token["logprob"] <= 0
        assert len(token["top_logprobs"]) == 3
        assert token["top_logprobs"][0]["logprob"] == pytest.approx(token["logprob"], abs=1e-3)


def test_embeddings(local: Local) -> None:
    answer = local.post("/embeddings", {"model": "smollm2", "input": ["a cat", "a dog"]}).json()
    first, second = (row["embedding"] for row in answer["data"])
    assert len(first) == len(second) == 576
    assert sum(v * v for v in first) == pytest.approx(1, abs=1e-3)
    encoded = local.post("/embeddings", {"model": "smollm2", "input": "a cat", "encoding_format": "base64"}).json()
    assert len(base64.b64decode(encoded["data"][0]["embedding"])) == 576 * 4


def test_embeddings_can_be_switched_off(own_local: Callable[..., Local]) -> None:
    local = own_local(embeddings=False)
    assert not local.service.list()[0].embeddings
    assert local.post("/embeddings", {"model": "smollm2", "input": "a"}).status_code == 501


def test_too_long_a_prompt_is_refused_not_cut(local: Local) -> None:
    answer = local.post(
        "/chat/completions", {"model": "smollm2", "messages": [{"role": "user", "content": "hi " * 2000}]}
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "exceed_context_size_error"


def test_more_requests_than_slots_all_get_their_own_answer(local: Local) -> None:
    questions = [
        [{"role": "user", "content": f"Repeat the word {w}."}] for w in ("red", "blue", "green", "black", "white")
    ]
    alone = [local.chat(q)["choices"][0]["message"]["content"] for q in questions]
    with ThreadPoolExecutor(5) as pool:
        together = list(pool.map(local.chat, questions))
    # Batching changes rounding, so the texts may differ in their tail; the beginning must not be another request's.
    for mine, other in zip(alone, together, strict=True):
        assert other["choices"][0]["message"]["content"][:4] == mine[:4]


def test_only_our_key_opens_it_and_only_on_loopback(local: Local) -> None:
    endpoint = asyncio.run(local.service.endpoint("smollm2"))
    assert endpoint.base_url.startswith("http://127.0.0.1:")
    assert httpx.get(f"{endpoint.base_url}/models").status_code == 401
    key = {"Authorization": f"Bearer {endpoint.api_key}"}
    assert httpx.get(f"{endpoint.base_url.removesuffix('/v1')}/slots", headers=key).status_code != 200
    with open(f"/proc/{local.status().pid}/cmdline", "rb") as file:  # noqa: PTH123
        assert endpoint.api_key.encode() not in file.read()


def test_restarts_after_kill_9(own_local: Callable[..., Local]) -> None:
    local = own_local()
    before = local.chat(HELLO)
    pid = local.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: local.status().restarts == 1)
    assert local.chat(HELLO)["choices"] == before["choices"]
    assert local.status().pid != pid


def test_idle_stop_frees_the_memory_and_the_next_request_starts_it_again(own_local: Callable[..., Local]) -> None:
    local = own_local(idle_stop_s=0.2)
    local.chat(HELLO)
    pid = local.status().pid
    assert pid is not None
    assert (local.status().memory_bytes or 0) > 50_000_000
    until(lambda: (local.service.watch_once(), local.status().state)[1] == "stopped")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert local.chat(HELLO)["choices"]


def test_a_hung_child_is_replaced(own_local: Callable[..., Local], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kaname.serving.engines.llama_cpp._PROBE_TIMEOUT_S", 0.3)
    local = own_local()
    local.chat(HELLO)
    pid = local.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    until(lambda: (local.service.watch_once(), local.status().restarts)[1] == 1)
    assert local.chat(HELLO)["choices"]


def test_weights_can_not_be_removed_while_served(local: Local, smollm2_store: ModelStore) -> None:
    local.chat(HELLO)
    with pytest.raises(ConflictError) as caught:
        smollm2_store.remove("smollm2")
    assert caught.value.code == "model_in_use"


def test_changed_weights_are_never_served(smollm2_store: ModelStore, tmp_path: Any) -> None:
    store = ModelStore(tmp_path, smollm2_store._sources)
    manifest = smollm2_store.get("smollm2")
    (tmp_path / "smollm2.json").write_bytes((smollm2_store.folder / "smollm2.json").read_bytes())
    body = bytearray(smollm2_store.weights_path(manifest).read_bytes())
    body[-1] ^= 1
    (tmp_path / f"{manifest.sha256}.gguf").write_bytes(body)
    service = LocalModelService(store, SETTINGS)
    with pytest.raises(IntegrityError) as caught:
        asyncio.run(service.endpoint("smollm2"))
    assert caught.value.code == "model_digest_mismatch"
    service.close()


def test_a_file_that_llama_cpp_refuses_ends_in_a_clear_error(tmp_path: Any, smollm2_store: ModelStore) -> None:
    manifest = smollm2_store.get("smollm2")
    path = tmp_path / "cut.gguf"
    path.write_bytes(smollm2_store.weights_path(manifest).read_bytes()[:20_000_000])
    service = LocalModelService(smollm2_store, replace(SETTINGS, model_path=path))
    with pytest.raises(UnavailableError) as caught:
        asyncio.run(service.endpoint("smollm2"))
    assert caught.value.code in ("model_not_ready", "model_failed")
    service.close()


def test_the_child_dies_with_its_parent(smollm2_store: ModelStore) -> None:
    script = f"""
import asyncio, sys
from pathlib import Path
from kaname.serving.service import LocalModelService
from kaname.serving.settings import ModelsSettings
from kaname.serving.sources import build_sources
from kaname.serving.store import ModelStore
settings = ModelsSettings(context_tokens=512, slots=1, threads=1)
service = LocalModelService(ModelStore(Path({str(smollm2_store.folder)!r}), build_sources(settings)), settings)
asyncio.run(service.endpoint("smollm2"))
print(service.statuses()[0].pid, flush=True)
sys.stdin.read()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert parent.stdin is not None
    parent.stdin.close()
    until(lambda: not _alive(child))


def test_background_thread_lives_and_ends(own_local: Callable[..., Local]) -> None:
    local = own_local()
    local.service.start()
    assert any(t.name == "local-models" for t in threading.enumerate())
    local.service.close()
    assert not any(t.name == "local-models" for t in threading.enumerate())
    with pytest.raises(UnavailableError):
        local.chat(HELLO)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
