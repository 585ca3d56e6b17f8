"""Local models for the gateway: started on demand, one shared process a model, stopped when idle.

`endpoint` is on the gateway's hot path: for a running model it is a dictionary look-up. A model that isn't running is
started once, however many requests wait for it; the number of waiters is bounded. A background thread refreshes the
list (so that `kaname models pull` needs no restart), stops idle models and replaces hung ones. Crashed children are
restarted by their supervisor (`kernel.child`).
"""

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from kaname.gateway.ports import LocalEndpoint, LocalModelInfo
from kaname.kernel.clock import Clock, SystemClock
from kaname.kernel.errors import KanameError, UnavailableError
from kaname.kernel.ids import random_token
from kaname.serving.catalogue import find_in_catalogue
from kaname.serving.engines.cores import count_model_threads
from kaname.serving.engines.llama_cpp import LlamaCppEngine
from kaname.serving.engines.port import Engine, EngineSpec
from kaname.serving.gguf import derive_capabilities, read_gguf_header
from kaname.serving.model import ModelCapabilities, ModelManifest, ModelStatus
from kaname.serving.problems import model_missing
from kaname.serving.settings import ModelsSettings
from kaname.serving.store import ModelStore

logger = logging.getLogger(__name__)

EngineFactory = Callable[[EngineSpec], Engine]
_WATCH_INTERVAL_S = 1.0
_PROBE_EVERY = 5
_UNHEALTHY_PROBES = 3
_RETRY_FAILED_AFTER_S = 30.0


@dataclass(slots=True, kw_only=True)
class _Running:
    """A model with an engine. Mutable: times move."""

    engine: Engine
    endpoint: LocalEndpoint
    spec: EngineSpec
    last_used_s: float
    failed_probes: int = 0


class LocalModelService:
    """Implements `gateway.ports.LocalModels`. Call `start` and `close` from the server's life cycle."""

    def __init__(
        self,
        store: ModelStore,
        settings: ModelsSettings,
        *,
        build_engine: EngineFactory | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._build_engine = build_engine or self._build_llama
        self._clock = clock or SystemClock()
        self._override = None if settings.model_path is None else self._describe_override(settings.model_path)
        self._installed: dict[str, ModelManifest] = {}
        self._infos: Sequence[LocalModelInfo] = ()
        self._running: dict[str, _Running] = {}
        self._starting: dict[str, asyncio.Task[LocalEndpoint]] = {}
        self._waiting = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._watcher: threading.Thread | None = None
        self.refresh()

    def start(self) -> None:
        """Starts the background thread. Models themselves start on first use."""
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="local-models", daemon=True)
            self._watcher.start()

    def close(self) -> None:
        """Stops the background thread and every model; returns when their processes are gone."""
        self._closing.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        with self._lock:
            running = list(self._running.values())
            self._running.clear()
        for entry in running:
            entry.engine.stop()

    def list(self) -> Sequence[LocalModelInfo]:
        """Installed models, from memory."""
        return self._infos

    async def endpoint(self, model: str) -> LocalEndpoint:
        """Where the model answers, started first if it isn't running.

        Raises NotFoundError (`model_missing`), IntegrityError (`model_digest_mismatch`), or UnavailableError when it
        doesn't start or too many requests wait for it.
        """
        entry = self._running.get(model)
        if entry is not None and entry.engine.state == "ready":
            entry.last_used_s = self._clock.monotonic()
            return self._current_endpoint(entry)
        if self._waiting >= self._settings.queue_limit:
            raise UnavailableError(
                f"{self._waiting} requests already wait for the local model {model!r} to start",
                hint="Come back shortly, or raise KANAME_MODELS_QUEUE_LIMIT.",
                code="model_queue_full",
                retry_after_s=2,
            )
        task = self._starting.get(model)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self._start_model, model))
            self._starting[model] = task
            task.add_done_callback(lambda done: self._forget_start(model, done))
        self._waiting += 1
        try:
            return await asyncio.shield(task)
        finally:
            self._waiting -= 1

    def statuses(self) -> Sequence[ModelStatus]:
        """Every installed model, and the default one even if it is missing, with state and memory."""
        self.refresh()
        names = sorted({*self._installed, self._settings.default})
        return [self._status(name) for name in names]

    def refresh(self) -> None:
        """Reads the list of installed models from disk again."""
        installed = {m.name: m for m in self._store.list()}
        if self._override is not None:
            installed[self._override.name] = self._override
        self._installed = installed
        self._infos = tuple(self._info(m) for m in installed.values())

    def _info(self, manifest: ModelManifest) -> LocalModelInfo:
        return LocalModelInfo(
            name=manifest.name,
            created=int(manifest.pulled_at.timestamp()),
            context_window=self._slot_context(manifest),
            tools=manifest.capabilities.tools,
            embeddings=manifest.capabilities.embeddings and self._settings.embeddings,
        )

    def _slot_context(self, manifest: ModelManifest) -> int:
        share = self._settings.context_tokens // self._settings.slots
        return min(share, manifest.context_length) if manifest.context_length else share

    def _describe_override(self, path: Path) -> ModelManifest:
        header = read_gguf_header(path)
        return ModelManifest(
            name=self._settings.default,
            sha256="",
            bytes=path.stat().st_size,
            reference=f"file:{path}",
            pinned=False,
            origin=header.text("general.name"),
            licence=header.text("general.license"),
            label="set by KANAME_MODELS_MODEL_PATH",
            architecture=header.architecture,
            parameters=header.parameters,
            context_length=header.context_length,
            capabilities=derive_capabilities(header),
            pulled_at=self._clock.now(),
        )

    def _start_model(self, name: str) -> LocalEndpoint:
        """Runs in a thread: verifies the weights, makes room, starts the child and waits for it."""
        entry = self._running.get(name)
        if entry is None or self._gave_up(entry):
            entry = self._create(name)
        entry.engine.start()
        entry.engine.wait_ready(self._settings.start_timeout_s)
        entry.last_used_s = self._clock.monotonic()
        return self._current_endpoint(entry)

    def _create(self, name: str) -> _Running:
        manifest = self._installed.get(name)
        if manifest is None:
            self.refresh()
            manifest = self._installed.get(name)
        if manifest is None:
            raise model_missing(name)
        spec = self._spec(manifest)
        entry = _Running(
            engine=self._build_engine(spec),
            endpoint=LocalEndpoint(base_url="", api_key=spec.api_key),
            spec=spec,
            last_used_s=self._clock.monotonic(),
        )
        with self._lock:
            if self._closing.is_set():
                raise UnavailableError("the server is stopping", hint="Try again after its restart.", retry_after_s=5)
            victim = self._pick_victim(name)
            if victim is not None:
                del self._running[victim[0]]
            self._running[name] = entry
        if victim is not None:
            logger.info("stopping local model %s to make room for %s", victim[0], name)
            victim[1].engine.stop()
        return entry

    def _pick_victim(self, newcomer: str) -> tuple[str, _Running] | None:
        """The least recently used idle model if all places are taken; raises UnavailableError if none is idle."""
        others = [(name, entry) for name, entry in self._running.items() if name != newcomer]
        if len(others) < self._settings.max_running:
            return None
        for name, entry in sorted(others, key=lambda item: item[1].last_used_s):
            if entry.engine.probe().busy_requests == 0:
                return name, entry
        raise UnavailableError(
            f"{len(others)} local models are busy; there is no room for {newcomer!r}",
            hint="Wait, or raise KANAME_MODELS_MAX_RUNNING.",
            code="model_capacity",
            retry_after_s=5,
        )

    def _spec(self, manifest: ModelManifest) -> EngineSpec:
        if manifest.sha256:
            self._store.check_unchanged(manifest)
            weights, lock = self._store.weights_path(manifest), self._store.lock_path(manifest)
        else:
            weights = Path(manifest.reference.removeprefix("file:"))
            lock = self._store.folder / "override.lock"
            lock.parent.mkdir(parents=True, exist_ok=True)
        return EngineSpec(
            model=manifest.name,
            weights=str(weights),
            lock=str(lock),
            threads=count_model_threads(self._settings.threads),
            slots=self._settings.slots,
            context_tokens=self._slot_context(manifest) * self._settings.slots,
            embeddings=manifest.capabilities.embeddings and self._settings.embeddings,
            api_key=random_token(20),
        )

    def _build_llama(self, spec: EngineSpec) -> Engine:
        return LlamaCppEngine(spec, start_timeout_s=self._settings.start_timeout_s)

    def _current_endpoint(self, entry: _Running) -> LocalEndpoint:
        if entry.endpoint.base_url != entry.engine.base_url:  # a restart chooses a new port
            entry.endpoint = LocalEndpoint(base_url=entry.engine.base_url, api_key=entry.spec.api_key)
        return entry.endpoint

    def _gave_up(self, entry: _Running) -> bool:
        """Whether a failed model may be tried anew; raises UnavailableError while it is too early."""
        if entry.engine.state != "failed":
            return False
        wait = entry.last_used_s + _RETRY_FAILED_AFTER_S - self._clock.monotonic()
        if wait > 0:
            raise UnavailableError(
                f"the local model {entry.spec.model!r} failed to start",
                hint="Its own message stands in the server's log; it is tried again shortly.",
                code="model_failed",
                retry_after_s=wait,
            )
        return True

    def _forget_start(self, model: str, task: "asyncio.Task[LocalEndpoint]") -> None:
        self._starting.pop(model, None)
        if not task.cancelled():
            task.exception()  # every waiter may have left; asyncio would report it as never retrieved

    def _status(self, name: str) -> ModelStatus:
        manifest = self._installed.get(name)
        entry = self._running.get(name)
        if manifest is None:
            known = find_in_catalogue(name)
            return ModelStatus(
                name=name,
                state="missing",
                is_default=name == self._settings.default,
                capabilities=(known.capabilities if known else None) or ModelCapabilities(),
                problem=f"Run `kaname models pull {name}`.",
            )
        probe = entry.engine.probe() if entry is not None else None
        capabilities = manifest.capabilities
        return ModelStatus(
            name=name,
            state=entry.engine.state if entry is not None else "stopped",
            is_default=name == self._settings.default,
            capabilities=msgspec.structs.replace(
                capabilities, embeddings=capabilities.embeddings and self._settings.embeddings
            ),
            manifest=manifest,
            path=Path(manifest.reference.removeprefix("file:"))
            if not manifest.sha256
            else self._store.weights_path(manifest),
            problem="It failed to start; see the server's log." if entry and entry.engine.state == "failed" else "",
            pid=probe.pid if probe else None,
            memory_bytes=probe.memory_bytes if probe else None,
            restarts=entry.engine.restarts if entry else 0,
            slots=self._settings.slots,
            slot_context_tokens=self._slot_context(manifest),
            last_used_at=self._wall_time(entry.last_used_s) if entry else None,
        )

    def _wall_time(self, monotonic_s: float) -> datetime:
        """The hot path notes monotonic time only; people want to read a clock."""
        return self._clock.now() - timedelta(seconds=self._clock.monotonic() - monotonic_s)

    def _watch(self) -> None:
        rounds = 0
        while not self._closing.wait(_WATCH_INTERVAL_S):
            rounds += 1
            try:
                self.watch_once(probe_health=rounds % _PROBE_EVERY == 0)
            except (KanameError, OSError):
                logger.exception("watching local models failed")

    def watch_once(self, *, probe_health: bool = True) -> None:
        """One round of the background thread: refresh the list, stop idle models, replace hung ones."""
        self.refresh()
        for name, entry in list(self._running.items()):
            if entry.engine.state != "ready":
                continue
            idle_s = self._clock.monotonic() - entry.last_used_s
            may_stop = 0 < self._settings.idle_stop_s <= idle_s
            if not (may_stop or probe_health):
                continue
            probe = entry.engine.probe()
            if not probe.healthy:
                self._note_unhealthy(name, entry, probe.pid)
            elif may_stop and probe.busy_requests == 0:
                self._stop_idle(name, entry)
            else:
                entry.failed_probes = 0

    def _note_unhealthy(self, name: str, entry: _Running, pid: int | None) -> None:
        entry.failed_probes += 1
        if entry.failed_probes >= _UNHEALTHY_PROBES and pid is not None:
            entry.failed_probes = 0
            logger.error("local model %s doesn't answer; killing process %d so that it is restarted", name, pid)
            _kill(pid)

    def _stop_idle(self, name: str, entry: _Running) -> None:
        with self._lock:
            if self._clock.monotonic() - entry.last_used_s < self._settings.idle_stop_s:
                return  # somebody came in between
            self._running.pop(name, None)
        logger.info("stopping local model %s: idle for %.0f s", name, self._settings.idle_stop_s)
        entry.engine.stop()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
