"""Puts the gateway's configuration, secrets and state together: what its management routes work on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter

from kaname.access.audit import AuditLog
from kaname.access.keys import KeyService
from kaname.gateway.cache.erasure import UserErasure
from kaname.gateway.cache.routes import build_router as build_cache_router
from kaname.gateway.canaries.actions import CanaryActions
from kaname.gateway.canaries.book import CanaryBook
from kaname.gateway.canaries.routes import build_router as build_canaries_router
from kaname.gateway.config_file import ConfigFile, Credentials
from kaname.gateway.explain.explain import Explainer
from kaname.gateway.explain.routes import build_router as build_plan_router
from kaname.gateway.health import HealthBook
from kaname.gateway.history.audit import InstallationAudit
from kaname.gateway.history.routes import build_router as build_config_router
from kaname.gateway.history.service import ConfigService
from kaname.gateway.history.store import ConfigHistory
from kaname.gateway.limits.service import LimitService
from kaname.gateway.ports import LocalModels
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.processes.teller import ProcessTeller
from kaname.gateway.secrets.cache import SecretCache
from kaname.gateway.secrets.routes import build_router as build_secrets_router
from kaname.gateway.secrets.store import ProviderSecrets
from kaname.gateway.secrets.uses import SecretUses
from kaname.gateway.settings import GatewaySettings
from kaname.gateway.status.routes import build_router as build_status_router
from kaname.gateway.status.service import GatewayStatus
from kaname.kernel.clock import Clock
from kaname.storage.crypto import Keyring
from kaname.storage.secrets import SecretStore
from kaname.storage.sql.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayFiles:
    """The configuration in force, the secrets it names, and its past."""

    file: ConfigFile
    secrets: ProviderSecrets
    history: ConfigHistory


def open_gateway_config(
    path: Path, settings: GatewaySettings, environment: Mapping[str, str], database: Database, crypto: Keyring,
    audit: AuditLog, clock: Clock,
) -> GatewayFiles:  # fmt: skip
    """Reads the configuration with the secrets of the database; raises ConfigurationError."""
    installation_audit = InstallationAudit(audit)
    secrets = ProviderSecrets(database, SecretStore(database, crypto, clock), installation_audit, clock)
    cache = SecretCache(secrets, environment)
    history = ConfigHistory(database, installation_audit, clock)

    def last_text() -> str | None:
        newest = history.newest()
        return newest.text if newest is not None else None

    file = ConfigFile(
        path,
        environment,
        credentials=Credentials(resolver=cache.resolver, refresh=cache.refresh),
        must_exist=bool(settings.config_file),
        max_connections=settings.max_connections,
        last_text=last_text,
    )
    return GatewayFiles(file=file, secrets=secrets, history=history)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayParts:
    """The running gateway, as far as its management looks into it."""

    health: HealthBook
    teller: ProcessTeller
    limits: LimitService
    prices: PriceBook
    local_models: LocalModels
    erasure: UserErasure
    canaries: CanaryBook
    canary_actions: CanaryActions


def build_gateway_api(files: GatewayFiles, parts: GatewayParts, keys: KeyService, clock: Clock) -> APIRouter:
    """All management routes of the configuration; also records what comes into force from now on."""
    service = ConfigService(files.file, files.history)
    uses = SecretUses(files.secrets, parts.health, clock)

    def after_look() -> None:
        service.record_current()
        uses.store_if_due()

    service.record_current()
    files.file.after_each_look(after_look)
    explainer = Explainer(
        local_models=parts.local_models,
        limits=parts.limits,
        prices=parts.prices,
        clock=clock,
        health=parts.health,
        canaries=parts.canaries,
    )
    router = APIRouter()
    router.include_router(build_config_router(service))
    router.include_router(build_secrets_router(files.secrets, files.file, uses.store))
    status = GatewayStatus(files.file, parts.teller, parts.prices, clock, parts.canaries)
    router.include_router(build_status_router(status))
    router.include_router(build_cache_router(parts.erasure))
    router.include_router(build_canaries_router(parts.canary_actions))
    router.include_router(build_plan_router(explainer, files.file, keys))
    return router
