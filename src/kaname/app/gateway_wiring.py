"""The gateway's part of the composition root: what it needs of storage, access and traces, built and handed in."""

import os
from dataclasses import dataclass

from fastapi import APIRouter

from kaname.access.service import AccessService
from kaname.app.configuration import Configuration
from kaname.app.data_dir import DataDir
from kaname.app.gateway_api import GatewayFiles, GatewayParts, build_gateway_api, open_gateway_config
from kaname.app.proxies import TrustedProxies
from kaname.app.storage import Storage, gateway_config_path
from kaname.gateway.admission import Admission
from kaname.gateway.batches.service import Batches
from kaname.gateway.cache.erasure import ErasureFollower, UserErasure
from kaname.gateway.cache.store import AnswerStore
from kaname.gateway.canaries.actions import CanaryActions
from kaname.gateway.canaries.book import CanaryBook, ObservedSink
from kaname.gateway.canaries.follower import CanaryFollower, FollowedConfig
from kaname.gateway.canaries.store import CanaryStore
from kaname.gateway.history.audit import InstallationAudit
from kaname.gateway.journal_sink import JournalSink
from kaname.gateway.limits.budget_store import BudgetStore
from kaname.gateway.limits.process import ProcessLimits, build_limits
from kaname.gateway.limits.routes import LimitsApi
from kaname.gateway.limits.store import LimitStore
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.pricing.follower import PriceFollower
from kaname.gateway.pricing.snapshot import load_snapshot
from kaname.gateway.pricing.store import PriceRefresher
from kaname.gateway.processes.state import state_of
from kaname.gateway.processes.store import ProcessStates
from kaname.gateway.processes.teller import ProcessTeller
from kaname.gateway.server import GatewayApp
from kaname.kernel.clock import Clock
from kaname.serving.service import LocalModelService
from kaname.traces.canary_scores import CanaryScores
from kaname.traces.experiment_rewards import ExperimentRewards
from kaname.traces.gateway_feedback import FeedbackScores
from kaname.traces.scores_ingest import JournalScoreWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySlice:
    """The gateway, and what its management works on."""

    app: GatewayApp
    files: GatewayFiles
    limits: ProcessLimits
    prices: PriceBook
    price_follower: PriceFollower
    sink: JournalSink
    models: LocalModelService
    canaries: CanaryBook
    canary_store: CanaryStore
    canary_follower: CanaryFollower
    erasure: UserErasure
    erasure_follower: ErasureFollower
    teller: ProcessTeller

    def management(self, access: AccessService, clock: Clock) -> APIRouter:
        """What the routes of configuration, status and plan work on."""
        parts = GatewayParts(
            health=self.app.health,
            limits=self.limits.service,
            prices=self.prices,
            local_models=self.models,
            teller=self.teller,
            erasure=self.erasure,
            canaries=self.canaries,
            canary_actions=CanaryActions(self.canary_store, lambda: self.files.file.current),
        )
        return build_gateway_api(self.files, parts, access.keys, clock)

    def limits_api(self, storage: Storage, access: AccessService, clock: Clock) -> LimitsApi:
        """What the routes of policies, rules and budgets work on."""
        return LimitsApi(
            limits=LimitStore(storage.database, access.audit, clock),
            budgets=BudgetStore(storage.database, access.audit, clock),
            defaults=lambda: self.limits.service.defaults.policy,
        )


def build_gateway(
    configuration: Configuration,
    data_dir: DataDir,
    storage: Storage,
    access: AccessService,
    models: LocalModelService,
    answers: AnswerStore,
    proxies: TrustedProxies,
    clock: Clock,
) -> GatewaySlice:
    """Builds the gateway of the server process; project prices are followed from here on."""
    files = open_gateway_config(
        gateway_config_path(configuration, data_dir), configuration.gateway, os.environ, storage.database,
        storage.crypto, access.audit, clock,
    )  # fmt: skip
    limits = build_limits(storage.database, clock)
    prices = PriceBook(load_snapshot() if configuration.pricing.public_prices else None)
    follower = PriceFollower(PriceRefresher(storage.database, prices), configuration.pricing.poll_s)
    follower.start()
    sink = JournalSink(storage.journal)
    canaries, canary_store = CanaryBook(clock), CanaryStore(storage.database, InstallationAudit(access.audit), clock)
    followed = FollowedConfig(current=lambda: files.file.current, scores=CanaryScores(storage.columns))
    canary_follower = CanaryFollower(canaries, canary_store, followed, clock)
    canary_follower.load()
    app = GatewayApp(
        keys=access.keyring,
        config=files.file,
        record_sink=ObservedSink(sink, canaries),
        local_models=models,
        settings=configuration.gateway,
        admission=Admission(limits.service, prices, proxies.client),
        feedback=FeedbackScores(JournalScoreWriter(storage.journal), clock),
        rewards=ExperimentRewards(storage.columns),
        answers=answers,
        canaries=canaries,
        batches=Batches(storage.database, storage.blobs, access.keyring, clock, configuration.gateway),
    )
    teller = ProcessTeller(
        "server",
        lambda: state_of(
            app.health, app.cache.stats() if app.cache is not None else None, files.file.current.version, clock
        ),
        ProcessStates(storage.database, clock),
        clock,
    )
    return GatewaySlice(
        app=app, files=files, limits=limits, prices=prices, price_follower=follower, sink=sink, models=models,
        canaries=canaries, canary_store=canary_store, canary_follower=canary_follower,
        erasure=UserErasure(storage.database, access.audit, answers, clock),
        erasure_follower=ErasureFollower(storage.database, answers, clock), teller=teller,
    )  # fmt: skip
