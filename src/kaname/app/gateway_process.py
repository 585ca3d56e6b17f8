"""One gateway process: `/v1/*` without UI, API, engine or models. `kaname gateway up` runs one or several.

It lives from a data folder, or from a PostgreSQL, that `kaname up` uses or has used: keys, limits, secrets and prices
are followed there, `gateway.yaml` is watched, records go to a journal of its own. It never migrates and never waits
for the database while calls run. Over SQLite it begins with its keys alone, when nothing else is set, and loads
SQLAlchemy a moment after it has begun to answer.
"""

import asyncio
import importlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from kaname.access.keyring import KeyRing
from kaname.access.ports import KeySource
from kaname.access.sqlite_keys import SqliteKeySource
from kaname.app.configuration import Configuration
from kaname.app.data_dir import DataDir
from kaname.app.gateway_journal import open_gateway_journal
from kaname.app.gateway_root import GatewayRoot
from kaname.app.health_pages import HealthPages, Readiness
from kaname.app.process_metrics import report_journal, report_process
from kaname.app.proxies import TrustedProxies
from kaname.app.sibling_metrics import Siblings
from kaname.app.sqlite_file import holds_only_keys, sqlite_file
from kaname.gateway.admission import Admission
from kaname.gateway.cache.store import AnswerStore
from kaname.gateway.canaries.book import CanaryBook, ObservedSink
from kaname.gateway.canaries.metrics import report_canaries
from kaname.gateway.config import KeyResolver
from kaname.gateway.config.secrets import KeySource as Reference
from kaname.gateway.config_file import ConfigFile, Credentials
from kaname.gateway.journal_sink import JournalSink
from kaname.gateway.limits.live import LiveStates
from kaname.gateway.limits.service import LimitService
from kaname.gateway.ports import NoLocalModels
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.pricing.snapshot import load_snapshot
from kaname.gateway.processes.state import ProcessState, state_of
from kaname.gateway.routing.bandit import MetricKind, Rewards
from kaname.gateway.server import GatewayApp
from kaname.kernel.border import survive
from kaname.kernel.clock import SystemClock
from kaname.kernel.errors import KanameError
from kaname.kernel.exposition import Exposition
from kaname.storage.sql.settings import database_url
from kaname.traces.gateway_feedback import FeedbackScores
from kaname.traces.scores_ingest import JournalScoreWriter

logger = logging.getLogger(__name__)

_LOAD_AFTER_S = 1.0
_LONGEST_BACKOFF_S = 30.0
_LAST_WORDS_S = 2.0


class SharedState(Protocol):
    """The part of `gateway_database.GatewayDatabase` that is used here, so that it needn't be imported."""

    @property
    def keys(self) -> KeySource: ...
    @property
    def resolver(self) -> KeyResolver: ...
    @property
    def is_failing(self) -> bool: ...
    def refresh_secrets(self) -> int: ...
    def last_config(self) -> str | None: ...
    def load(self) -> None: ...
    def start(self, loop: asyncio.AbstractEventLoop) -> None: ...
    def stop(self) -> None: ...


class NoRewards:
    """A gateway alone can't ask what arms earned: its learning splits stay even."""

    def rewards(self, experiment: str, metric: str) -> Mapping[str, Rewards]:
        return {}

    def kind(self, metric: str) -> MetricKind:
        return "boolean"


class GatewayProcess:
    """Everything of one process; `build` it, serve it with `http_server`."""

    def __init__(self, configuration: Configuration, data_dir: DataDir, siblings: Siblings | None = None) -> None:
        """Raises KanameError when it can't start; then nothing is left running."""
        self._configuration = configuration
        self._folder = data_dir.root
        self._clock = SystemClock()
        self._limits = LimitService(self._clock, live=LiveStates(self._clock))
        self._prices = PriceBook(load_snapshot() if configuration.pricing.public_prices else None)
        self._canaries = CanaryBook(self._clock)
        self._answers = AnswerStore(
            None, max_bytes=configuration.gateway.cache_bytes, max_entries=configuration.gateway.cache_entries
        )
        self._shared: SharedState | None = None
        self._opening = threading.Lock()
        self._stopping = threading.Event()
        self._loader: threading.Thread | None = None
        self._is_loaded = False
        file = sqlite_file(database_url(configuration.sql, data_dir.root))
        if file is None or not holds_only_keys(file):
            self._open_shared()
            self._is_loaded = True
        self._keys = KeyRing(SqliteKeySource(file) if file is not None else self._open_shared().keys)
        self._config = self._open_config()
        if self._is_loaded:
            self._open_shared().load()
        self.name, self._journal = open_gateway_journal(data_dir.journal, configuration.journal)
        self._siblings = siblings
        self._sink = JournalSink(self._journal)
        self.gateway = GatewayApp(
            keys=self._keys,
            config=self._config,
            record_sink=ObservedSink(self._sink, self._canaries),
            local_models=NoLocalModels(),
            settings=configuration.gateway,
            admission=Admission(
                self._limits, self._prices, TrustedProxies(configuration.server.trusted_proxies).client
            ),
            feedback=FeedbackScores(JournalScoreWriter(self._journal), self._clock),
            rewards=NoRewards(),
            canaries=self._canaries,
            answers=self._answers,
        )
        health = HealthPages(
            readiness=self.readiness,
            metrics=self._metrics,
            keys=self._keys,
            allow_loopback=configuration.server.metrics_loopback,
        )
        self.root = GatewayRoot(self.gateway, health)

    # ---- its life, for `http_server`

    @property
    def drain_s(self) -> float:
        """How long running calls may take to end."""
        return self._configuration.server.drain_s

    async def start(self) -> None:
        """Loads the keys and begins to follow everything."""
        self._keys.start()
        await self.gateway.start()
        loop = asyncio.get_running_loop()
        if self._siblings is not None:
            await self._siblings.start(self.name, self._own_metrics)
        if self._is_loaded:
            self._open_shared().start(loop)
        else:
            self._loader = threading.Thread(target=self._load_late, args=(loop,), name="kaname-load", daemon=True)
            self._loader.start()

    def begin_drain(self) -> None:
        """Refuses new calls."""
        self.gateway.begin_drain()

    def is_busy(self) -> bool:
        """Whether calls are under way."""
        return self.gateway.running > 0

    async def close(self) -> None:
        """Ends in order: calls, limits, keys, records."""
        await self.gateway.close(_LAST_WORDS_S)
        self._stopping.set()
        if self._siblings is not None:
            await self._siblings.close()
        if self._shared is not None and self._is_loaded:
            self._shared.stop()
        self._keys.stop()
        self._journal.close()

    # ---- health

    def readiness(self) -> Readiness:
        """A full log, a wrong file and an absent database are told, and calls go on."""
        is_failing = self._shared is not None and self._shared.is_failing
        checks = {
            "gateway": "draining" if self.gateway.is_draining else "ok",
            "journal": self._journal.stats().failing or "ok",
            "gateway_config": self._config.problem or "ok",
            "limits": "can't be stored" if is_failing else "ok" if self._is_loaded else "starting",
        }
        if checks["limits"] == "starting" and not self.gateway.is_draining:
            checks["limits"] = "ok"  # nothing is set that could be missed
        return Readiness(checks, not self.gateway.is_draining)

    async def _metrics(self) -> str:
        return await self._siblings.collect() if self._siblings is not None else self._own_metrics()

    def _own_metrics(self) -> str:
        out = Exposition({"process": self.name})
        report_process(out)
        self.gateway.report(out)
        report_canaries(out, self._canaries)
        report_journal(out, self._journal.stats())
        out.add(
            "kaname_gateway_records_dropped_total", "counter", "Records that found the journal full.",
            self._sink.dropped,
        )  # fmt: skip
        return out.text()

    # ---- what is shared through SQL

    def _open_shared(self) -> SharedState:
        """The part that needs SQLAlchemy, made once; raises what the database raises."""
        with self._opening:
            if self._shared is None:
                # Not at the top: see the module's beginning.
                module = importlib.import_module("kaname.app.gateway_database")
                make: Callable[..., SharedState] = module.GatewayDatabase
                self._shared = make(
                    self._configuration, self._folder, self._clock, self._limits, self._prices, self._canaries,
                    lambda: self._config.current, self._answers, self._state,
                )  # fmt: skip
            return self._shared

    def _state(self) -> ProcessState:
        cache = self.gateway.cache
        statistics = cache.stats() if cache is not None else None
        return state_of(self.gateway.health, statistics, self._config.current.version, self._clock)

    def _load_late(self, loop: asyncio.AbstractEventLoop) -> None:
        wait_s = _LOAD_AFTER_S
        while not self._stopping.wait(wait_s):
            with survive(logger, "loading limits, secrets and prices"):
                try:
                    shared = self._open_shared()
                    loop.call_soon_threadsafe(self._take_over, shared, loop)
                    return
                except KanameError as e:
                    logger.warning("limits, secrets and prices can't be read yet: %s. %s", e.message, e.hint)
            wait_s = min(wait_s * 2, _LONGEST_BACKOFF_S)

    def _take_over(self, shared: SharedState, loop: asyncio.AbstractEventLoop) -> None:
        """In the loop, since limits belong to it. Reads a handful of rows of a local file, once."""
        shared.load()
        shared.start(loop)
        self._is_loaded = True

    def _open_config(self) -> ConfigFile:
        settings = self._configuration.gateway
        return ConfigFile(
            Path(settings.config_file).expanduser() if settings.config_file else self._folder / "gateway.yaml",
            os.environ,
            credentials=Credentials(resolver=self._resolve, refresh=self._refresh_secrets),
            must_exist=bool(settings.config_file),
            max_connections=settings.max_connections,
            last_text=lambda: self._open_shared().last_config(),
        )

    def _resolve(self, source: Reference, name: str) -> str | None:
        if self._shared is not None:
            return self._shared.resolver(source, name)
        return (os.environ.get(name) or None) if source == "env" else None

    def _refresh_secrets(self) -> int:
        return self._shared.refresh_secrets() if self._shared is not None else -2
