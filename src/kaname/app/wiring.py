"""The composition root of the server process: every object is built here and handed what it needs.

Nothing else in the project builds a slice out of another. Order of start: engine (child) → SQL → journal → columns →
worker (child) → key ring → local models → apps. `close` runs the same backwards, so that nothing acknowledged is lost:
requests end first, then the journal is committed, then the children go.
"""

import asyncio
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import FastAPI

from kaname.access.audit import AuditLog
from kaname.access.model import ProjectScope
from kaname.access.ports import ProjectStore
from kaname.access.service import AccessService, build_access
from kaname.access.settings import AccessSettings
from kaname.app.api import ApiParts, build_api
from kaname.app.bodies import BoundedBodies
from kaname.app.configuration import Configuration
from kaname.app.consumers import export_target
from kaname.app.data_dir import DEAD_LETTERS, DataDir, unusable
from kaname.app.gateway_journal import oldest_age_s
from kaname.app.gateway_wiring import GatewaySlice, build_gateway
from kaname.app.health_pages import HealthPages
from kaname.app.proxies import TrustedProxies
from kaname.app.root import RootApp
from kaname.app.server_metrics import ServerMetrics
from kaname.app.static_files import StaticFiles
from kaname.app.storage import Storage, open_storage, start_engine
from kaname.app.system import SystemStatus
from kaname.app.worker import WAKE_VARIABLE
from kaname.gateway.batches.content import FileContent
from kaname.gateway.batches.erasure import FileBytes
from kaname.gateway.batches.file_store import FileStore
from kaname.gateway.cache.erasure import ErasureFollower
from kaname.gateway.cache.store import AnswerStore
from kaname.gateway.canaries.follower import CanaryFollower
from kaname.gateway.limits.process import ProcessLimits
from kaname.gateway.pricing.follower import PriceFollower
from kaname.gateway.pricing.store import PriceStore
from kaname.gateway.processes.teller import ProcessTeller
from kaname.gateway.server import GatewayApp
from kaname.kernel.child import ChildProcess
from kaname.kernel.clock import Clock, SystemClock
from kaname.kernel.errors import KanameError
from kaname.serving.service import LocalModelService
from kaname.serving.sources import build_sources
from kaname.serving.store import ModelStore
from kaname.storage.sql.database import Database
from kaname.traces.dead_letters import DeadLetters
from kaname.traces.demo.service import DemoLoader
from kaname.traces.live import LiveFeed
from kaname.traces.project_rows import DeadLetterRows, TelemetryRows
from kaname.traces.receiver import OtlpReceiver
from kaname.traces.routes import TracesApi
from kaname.traces.score_authors import ScoreAuthors
from kaname.traces.scores_ingest import JournalScoreWriter
from kaname.traces.views.service import ViewStore

_LAST_WORDS_S = 2.0
"""For calls that the server gave up after its drain: to send their error and to be recorded."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Everything that runs in, or under, the server process."""

    configuration: Configuration
    storage: Storage
    access: AccessService
    worker: ChildProcess
    models: LocalModelService
    live: LiveFeed
    gateway: GatewayApp
    limits: ProcessLimits
    canaries: CanaryFollower
    erasures: ErasureFollower
    teller: ProcessTeller
    price_follower: PriceFollower
    api: FastAPI
    root: RootApp

    async def start(self) -> None:
        """Binds what needs the event loop."""
        await self.gateway.start()
        self.limits.start(asyncio.get_running_loop())
        self.canaries.start(asyncio.get_running_loop())
        self.erasures.start()
        self.teller.start()

    @property
    def drain_s(self) -> float:
        """How long open requests may take to end."""
        return self.configuration.server.drain_s

    def begin_drain(self) -> None:
        """Refuses new calls, and ends open live views, which would otherwise hold up the server's end."""
        self.gateway.begin_drain()
        self.live.close()

    def is_busy(self) -> bool:
        """Whether calls are under way."""
        return self.gateway.running > 0

    async def close(self) -> None:
        """Ends everything in order; safe after a partial start."""
        await self.gateway.close(_LAST_WORDS_S)
        self.canaries.stop()
        self.erasures.stop()
        self.teller.stop()
        self.limits.stop()
        self.price_follower.stop()
        self.models.close()
        self.access.stop()
        self.storage.journal.close()
        self.worker.stop()
        self.storage.close()


class _ScoreAudit:
    """Implements `traces.ports.ScoreAudit` with access' audit log."""

    def __init__(self, database: Database, audit: AuditLog) -> None:
        self._database = database
        self._audit = audit

    def record_deletion(self, scope: ProjectScope, target: str) -> None:
        kind = target.partition("/")[0]
        with self._database.write() as connection:
            self._audit.record(
                connection, scope.principal, f"{kind}.delete", target, organization_id=scope.organization_id
            )

    def record_replacements(self, scope: ProjectScope, targets: Sequence[str]) -> None:
        with self._database.write() as connection:
            for target in targets:
                kind = target.partition("/")[0]
                self._audit.record(
                    connection, scope.principal, f"{kind}.replace", target, organization_id=scope.organization_id
                )


def build_installation(configuration: Configuration, data_dir: DataDir) -> Installation:
    """Starts storage and children and builds the apps; on failure everything started is stopped again."""
    proxies = TrustedProxies(configuration.server.trusted_proxies)
    storage = _open(configuration, data_dir)
    clock = SystemClock()
    answers = AnswerStore(
        data_dir.cache, max_bytes=configuration.gateway.cache_bytes, max_entries=configuration.gateway.cache_entries
    )
    stores = (*_project_stores(storage, data_dir, clock), answers)
    access = build_access(storage.database, _access_settings(configuration), clock, stores)
    access.start()
    worker = _start_worker(configuration, storage)
    models = LocalModelService(ModelStore(data_dir.models, build_sources(configuration.models)), configuration.models)
    models.start()
    gateway = build_gateway(configuration, data_dir, storage, access, models, answers, proxies, clock)
    status = SystemStatus(
        storage=storage, worker=worker, models=models, gateway=gateway.app, limits=gateway.limits, data_dir=data_dir
    )
    live = LiveFeed(storage.columns, clock, configuration.traces)
    api = build_api(
        ApiParts(
            access=access,
            traces=_traces_api(configuration, storage, access, live, clock),
            prices=PriceStore(storage.database, access.audit, clock),
            limits=gateway.limits_api(storage, access, clock),
            gateway=gateway.management(access, clock),
            models=models,
            status=status,
        )
    )
    return Installation(
        configuration=configuration,
        storage=storage,
        access=access,
        worker=worker,
        models=models,
        live=live,
        gateway=gateway.app,
        limits=gateway.limits,
        canaries=gateway.canary_follower,
        erasures=gateway.erasure_follower,
        teller=gateway.teller,
        price_follower=gateway.price_follower,
        api=api,
        root=RootApp(
            gateway=gateway.app,
            otlp=OtlpReceiver(access.keyring, storage.journal, configuration.ingest),
            api=BoundedBodies(api),
            ui=StaticFiles(),
            health=_health_pages(configuration, data_dir, storage, access, worker, gateway, status),
            proxies=proxies,
        ),
    )


def _health_pages(
    configuration: Configuration,
    data_dir: DataDir,
    storage: Storage,
    access: AccessService,
    worker: ChildProcess,
    gateway: GatewaySlice,
    status: SystemStatus,
) -> HealthPages:
    """What monitoring reads."""
    metrics = ServerMetrics(
        storage=storage,
        worker=worker,
        gateway=gateway.app,
        canaries=gateway.canaries,
        journal_folder=data_dir.journal,
        records_dropped=lambda: gateway.sink.dropped,
    )
    return HealthPages(
        readiness=status.readiness,
        metrics=metrics.text,
        keys=access.keyring,
        allow_loopback=configuration.server.metrics_loopback,
    )


def _traces_api(
    configuration: Configuration, storage: Storage, access: AccessService, live: LiveFeed, clock: Clock
) -> TracesApi:
    """What the routes of traces and scores work on."""
    scores = JournalScoreWriter(storage.journal)
    score_audit = _ScoreAudit(storage.database, access.audit)
    return TracesApi(
        columns=storage.columns,
        scores=scores,
        authors=ScoreAuthors(storage.columns, score_audit),
        blobs=storage.blobs,
        audit=score_audit,
        live=live,
        views=ViewStore(storage.database, clock),
        demo=DemoLoader(storage.database, storage.journal, scores, clock),
        clock=clock,
        settings=configuration.traces,
    )


def _open(configuration: Configuration, data_dir: DataDir) -> Storage:
    """All storage, or nothing left running."""
    engine = None
    try:
        engine = start_engine(configuration, data_dir)
        return open_storage(configuration, data_dir, engine)
    except (KanameError, OSError) as e:
        if engine is not None:
            engine.stop()
        if isinstance(e, OSError):
            raise unusable(data_dir.root, e) from e
        raise


def _project_stores(storage: Storage, data_dir: DataDir, clock: Clock) -> tuple[ProjectStore, ...]:
    """Where projects have rows besides SQL."""
    letters = DeadLetters(data_dir.journal / DEAD_LETTERS)
    rows = TelemetryRows(
        storage.columns, storage.journal, clock, lambda: oldest_age_s(data_dir.journal, clock.now_ns())
    )
    files = FileStore(storage.database, FileContent(storage.blobs), clock)
    return rows, DeadLetterRows(letters), FileBytes(files)


def _access_settings(configuration: Configuration) -> AccessSettings:
    """Behind a proxy that speaks TLS requests come in plain; the public URL tells that cookies must be Secure."""
    is_https = configuration.server.public_url.startswith("https://")
    return replace(configuration.access, secure_cookies=configuration.access.secure_cookies or is_https)


def _start_worker(configuration: Configuration, storage: Storage) -> ChildProcess:
    """The consumer of the journal, woken through the journal's pipe."""
    export_target(configuration.gateway)  # a wrong one stops the start here, not the worker again and again
    wake_fd = storage.journal.wake_fd
    environment = {**configuration.child_environment(), WAKE_VARIABLE: str(wake_fd)}
    if storage.endpoint is not None:
        environment.update(storage.endpoint.to_environment())
    worker = ChildProcess(
        "ingest worker", [sys.executable, "-m", "kaname.app.worker"], environment=environment, pass_fds=(wake_fd,)
    )
    worker.start()
    return worker
