"""The file of kept answers: over restarts, after `kill -9`, broken, full, and erased."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.gateway.conftest import Gateway, running_gateway
from integration.gateway.fault_upstream import BEHAVIOURS, FaultUpstream
from integration.gateway_cache.conftest import EmbeddingModels, ThreeKeys, answer_once, config_text, embed
from kaname.gateway.cache.disk import AnswerFile
from kaname.gateway.cache.model import CachedAnswer
from kaname.gateway.cache.semantic import pack, unit_vector
from kaname.gateway.cache.store import FILE_NAME, AnswerStore

TESTS = Path(__file__).parents[2]


def answer(text: bytes = b"hello", *, project: str = "p", age_s: float = 0.0, ttl_s: float = 3600.0) -> CachedAnswer:
    now = time.time() - age_s
    return CachedAnswer(
        project_id=project, surface="chat_completions", format="json", body=b'{"text": "%b"}' % text, span_id="s",
        created_s=now, expires_s=now + ttl_s,
    )  # fmt: skip


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_answers_and_similar_questions_outlive_a_restart(tmp_path: Path) -> None:
    vector = unit_vector([1.0, 0.2])
    assert vector is not None
    kept = answer()
    kept.namespace, kept.vector = b"n", pack(vector)
    first = AnswerStore(tmp_path, max_bytes=1 << 20, max_entries=9)
    first.start()
    first.put(b"k", kept, vector)
    first.put(b"old", answer(age_s=20, ttl_s=10))
    first.close()
    second = AnswerStore(tmp_path, max_bytes=1 << 20, max_entries=9)
    second.load()
    assert second.get(b"k") == kept
    assert second.get(b"old") is None
    near = second.nearest(b"n", vector)
    assert near is not None
    assert near.key == b"k"
    mode = (tmp_path / FILE_NAME).stat().st_mode
    assert mode & 0o077 == 0


def test_the_youngest_are_loaded_when_not_all_fit(tmp_path: Path) -> None:
    file = AnswerFile(tmp_path / FILE_NAME, max_bytes=1 << 20)
    for i in range(10):
        file.put(b"%d" % i, answer(age_s=100 - i))
    file.write_queued()
    store = AnswerStore(tmp_path, max_bytes=1 << 20, max_entries=3)
    store.load()
    assert [i for i in range(10) if store.get(b"%d" % i) is not None] == [7, 8, 9]


def test_kill_9_leaves_a_file_that_can_be_read(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(TESTS / "cache_process.py"), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        for _ in range(150):
            kept = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    store = AnswerStore(tmp_path, max_bytes=64 << 20, max_entries=100_000)
    store.load()
    assert 0 < store.entries <= kept + 10_000
    first = store.get(b"%032d" % 1)
    assert first is not None
    assert first.body.startswith(b'{"n": 1,')


def test_a_broken_file_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is no database, " * 500)
    store = AnswerStore(tmp_path, max_bytes=1 << 20, max_entries=9)
    store.load()
    assert (tmp_path / f"broken-{FILE_NAME}").exists()
    store.put(b"k", answer())
    store.start()
    store.close()
    again = AnswerStore(tmp_path, max_bytes=1 << 20, max_entries=9)
    again.load()
    assert again.get(b"k") is not None


def test_what_memory_lets_go_the_file_loses(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path, max_bytes=1 << 20, max_entries=2)
    for i in range(5):
        store.put(b"%d" % i, answer())
    assert store.count("p") == {"cached_answers": 2}


def test_a_project_is_erased_from_memory_and_file(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path, max_bytes=1 << 20, max_entries=9)
    store.put(b"a", answer(b"a very secret word"))
    store.put(b"b", answer(project="other"))
    assert store.count("p") == {"cached_answers": 1}
    assert store.erase("p")
    assert store.get(b"a") is None
    assert store.count("p") == {"cached_answers": 0}
    assert store.count("other") == {"cached_answers": 1}
    assert not store.erase("p")
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"very secret" not in left


def test_a_queue_that_is_full_drops_and_counts(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path, max_bytes=1 << 30, max_entries=100)
    big = answer(b"x" * (5 << 20))
    for i in range(8):
        store.put(b"%d" % i, big)
    assert store.unwritten == 2
    assert store.entries == 8


@pytest.fixture
def upstream() -> object:
    with FaultUpstream({**BEHAVIOURS, "once": answer_once, "embed": embed}) as upstream:
        yield upstream


def test_a_restarted_gateway_answers_from_the_file(tmp_path: Path, upstream: FaultUpstream) -> None:
    def gateway(folder: Path) -> object:
        store = AnswerStore(tmp_path / "cache", max_bytes=1 << 20, max_entries=9)
        models = EmbeddingModels(upstream.port)
        text = config_text(upstream.port)
        return running_gateway(folder, upstream, text, keys=ThreeKeys(), local_models=models, answers=store)

    def ask(running: Gateway, model: str = "cached") -> str | None:
        messages = [{"role": "user", "content": "the same"}]
        client = running.client().chat.completions.with_raw_response
        return client.create(model=model, messages=messages).headers.get("x-kaname-cache")  # type: ignore[arg-type]

    with gateway(tmp_path) as first:  # type: ignore[attr-defined]
        assert ask(first) == "miss"
        wait_until(lambda: first.app.cache.stats().routes["cached"].stored == 1)
        first.app._answers.close()
    with gateway(tmp_path) as second:  # type: ignore[attr-defined]
        assert ask(second, "plain") is None
        wait_until(lambda: second.app.cache.stats().entries == 1)
        assert ask(second) == "hit"
