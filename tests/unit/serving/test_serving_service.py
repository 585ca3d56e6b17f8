"""When models start, stop and make room: the service against an engine that only remembers what it was told."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kaname.kernel.child import ChildState
from kaname.kernel.clock import ManualClock
from kaname.kernel.errors import InvalidInputError, NotFoundError, UnavailableError
from kaname.serving.catalogue import parse_reference
from kaname.serving.engines.port import EngineProbe, EngineSpec
from kaname.serving.service import LocalModelService
from kaname.serving.settings import ModelsSettings
from kaname.serving.store import ModelStore


class ScriptedEngine:
    """A second implementation of the engine port: instant, and as busy or broken as a test wants."""

    def __init__(self, spec: EngineSpec) -> None:
        self.spec = spec
        self.state: ChildState = "stopped"
        self.base_url = ""
        self.restarts = 0
        self.starts = 0
        self.busy = 0
        self.may_start = threading.Event()
        self.may_start.set()
        self.fails = False

    def start(self) -> None:
        if self.state == "stopped":
            self.starts += 1
            self.state = "starting"

    def wait_ready(self, timeout_s: float) -> None:
        assert self.may_start.wait(timeout_s)
        if self.fails:
            self.state = "failed"
            raise UnavailableError("no", hint="", code="model_not_ready")
        self.state = "ready"
        self.base_url = f"http://127.0.0.1:{self.starts}/v1"

    def probe(self) -> EngineProbe:
        return EngineProbe(healthy=self.state == "ready", busy_requests=self.busy, memory_bytes=1)

    def stop(self) -> None:
        self.state = "stopped"


class Rig:
    """A service with models `a`, `b`, `c` and a clock that a test moves."""

    def __init__(self, store: ModelStore, settings: ModelsSettings) -> None:
        self.clock = ManualClock(at=datetime(2026, 1, 1, tzinfo=UTC))
        self.engines: dict[str, ScriptedEngine] = {}
        self.built = threading.Event()
        self.hold_starts = False
        self.fail_starts = False
        self.service = LocalModelService(store, settings, build_engine=self._build, clock=self.clock)

    def _build(self, spec: EngineSpec) -> ScriptedEngine:
        engine = ScriptedEngine(spec)
        if self.hold_starts:
            engine.may_start.clear()
        engine.fails = self.fail_starts
        self.engines[spec.model] = engine
        self.built.set()
        return engine


@pytest.fixture
def make_rig(store: ModelStore, tmp_path: Path, gguf: Callable[..., bytes]) -> Callable[..., Rig]:
    for name in "abc":
        path = tmp_path / f"{name}.gguf"
        path.write_bytes(gguf(name=name))
        store.pull(parse_reference(f"file:{path}"))
    return lambda **settings: Rig(store, ModelsSettings(default="a", **settings))


def test_lists_without_starting_anything(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    assert [m.name for m in rig.service.list()] == ["a", "b", "c"]
    assert rig.service.list()[0].context_window == 128
    assert rig.engines == {}


def test_one_start_serves_all_waiters(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()

    async def scenario() -> None:
        endpoints = await asyncio.gather(*(rig.service.endpoint("a") for _ in range(20)))
        assert len({e.base_url for e in endpoints}) == 1
        assert endpoints[0].api_key == rig.engines["a"].spec.api_key

    asyncio.run(scenario())
    assert rig.engines["a"].starts == 1


def test_waiters_are_bounded(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(queue_limit=2)
    rig.hold_starts = True

    async def scenario() -> None:
        first = [asyncio.create_task(rig.service.endpoint("a")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError) as caught:
            await rig.service.endpoint("a")
        assert caught.value.code == "model_queue_full"
        assert caught.value.retry_after_s
        await asyncio.to_thread(rig.built.wait)
        rig.engines["a"].may_start.set()
        await asyncio.gather(*first)

    asyncio.run(scenario())


def test_a_waiter_that_leaves_does_not_stop_the_start(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    rig.hold_starts = True

    async def scenario() -> None:
        leaver, stayer = (asyncio.create_task(rig.service.endpoint("a")) for _ in range(2))
        await asyncio.to_thread(rig.built.wait)
        leaver.cancel()
        rig.engines["a"].may_start.set()
        assert (await stayer).base_url

    asyncio.run(scenario())


def test_unknown_model_names_the_remedy(make_rig: Callable[..., Rig]) -> None:
    with pytest.raises(NotFoundError) as caught:
        asyncio.run(make_rig().service.endpoint("smollm2"))
    assert caught.value.code == "model_missing"


def test_a_name_that_is_no_name_never_reaches_the_disk(make_rig: Callable[..., Rig]) -> None:
    with pytest.raises((NotFoundError, InvalidInputError)):
        asyncio.run(make_rig().service.endpoint("../../etc/passwd"))


def test_idle_models_stop_and_busy_ones_do_not(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(idle_stop_s=60.0)
    asyncio.run(rig.service.endpoint("a"))
    engine = rig.engines["a"]
    rig.clock.advance(61)
    engine.busy = 1
    rig.service.watch_once()
    assert engine.state == "ready"
    engine.busy = 0
    rig.service.watch_once()
    assert engine.state == "stopped"
    asyncio.run(rig.service.endpoint("a"))
    assert rig.engines["a"].state == "ready"


def test_use_postpones_the_idle_stop(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(idle_stop_s=60.0)
    asyncio.run(rig.service.endpoint("a"))
    rig.clock.advance(59)
    asyncio.run(rig.service.endpoint("a"))
    rig.clock.advance(59)
    rig.service.watch_once()
    assert rig.engines["a"].state == "ready"
    assert rig.service.statuses()[0].last_used_at == datetime(2026, 1, 1, 0, 0, 59, tzinfo=UTC)


def test_least_recently_used_idle_model_makes_room(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(max_running=2)
    for name in ("a", "b", "a"):
        asyncio.run(rig.service.endpoint(name))
        rig.clock.advance(1)
    asyncio.run(rig.service.endpoint("c"))
    assert {name: e.state for name, e in rig.engines.items()} == {"a": "ready", "b": "stopped", "c": "ready"}
    rig.engines["a"].busy = rig.engines["c"].busy = 1
    with pytest.raises(UnavailableError) as caught:
        asyncio.run(rig.service.endpoint("b"))
    assert caught.value.code == "model_capacity"


def test_a_failed_model_is_tried_again_after_a_pause(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    rig.fail_starts = True
    with pytest.raises(UnavailableError):
        asyncio.run(rig.service.endpoint("a"))
    with pytest.raises(UnavailableError) as caught:
        asyncio.run(rig.service.endpoint("a"))
    assert caught.value.code == "model_failed"
    rig.fail_starts = False
    rig.clock.advance(31)
    assert asyncio.run(rig.service.endpoint("a")).base_url


def test_statuses_name_what_is_missing(store: ModelStore) -> None:
    (status,) = LocalModelService(store, ModelsSettings()).statuses()
    assert (status.name, status.state, status.is_default) == ("smollm2", "missing", True)
    assert "kaname models pull smollm2" in status.problem


def test_a_pull_by_another_process_is_noticed(
    make_rig: Callable[..., Rig], store: ModelStore, tmp_path: Path, gguf: Callable[..., bytes]
) -> None:
    rig = make_rig()
    path = tmp_path / "late.gguf"
    path.write_bytes(gguf(name="late"))
    store.pull(parse_reference(f"file:{path}"))
    rig.service.watch_once()
    assert "late" in {m.name for m in rig.service.list()}


def test_an_override_takes_the_default_name(store: ModelStore, tmp_path: Path, gguf: Callable[..., bytes]) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(gguf(name="mine"))
    rig = Rig(store, ModelsSettings(model_path=path))
    asyncio.run(rig.service.endpoint("smollm2"))
    assert rig.engines["smollm2"].spec.weights == str(path)
