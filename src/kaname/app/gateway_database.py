"""What a gateway process shares with others through SQL: limits, secrets, prices, canaries,
whose kept answers must go, and how the process itself is.

Apart from `gateway_process.py` because it needs SQLAlchemy, whose import takes longer than all the rest of the start.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from kaname.access.audit import AuditLog
from kaname.access.keys import SqlKeySource
from kaname.access.ports import KeySource
from kaname.app.configuration import Configuration
from kaname.gateway.cache.erasure import ErasureFollower
from kaname.gateway.cache.store import AnswerStore
from kaname.gateway.canaries.book import CanaryBook
from kaname.gateway.canaries.follower import CanaryFollower, FollowedConfig
from kaname.gateway.canaries.store import CanaryStore
from kaname.gateway.config import GatewayConfig, KeyResolver
from kaname.gateway.history.audit import InstallationAudit
from kaname.gateway.history.store import ConfigHistory
from kaname.gateway.limits.exchange import Exchange
from kaname.gateway.limits.flusher import LimitFlusher
from kaname.gateway.limits.ledger import Ledger
from kaname.gateway.limits.service import LimitService
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.pricing.follower import PriceFollower
from kaname.gateway.pricing.store import PriceRefresher
from kaname.gateway.processes.state import ProcessState
from kaname.gateway.processes.store import ProcessStates
from kaname.gateway.processes.teller import ProcessTeller
from kaname.gateway.secrets.cache import SecretCache
from kaname.gateway.secrets.store import ProviderSecrets
from kaname.kernel.clock import Clock
from kaname.storage.crypto import load_keyring
from kaname.storage.secrets import SecretStore
from kaname.storage.sql.database import Database
from kaname.storage.sql.migrations import require_current
from kaname.storage.sql.settings import database_url

_POOL = 4


class GatewayDatabase:
    """One process's side. Raises what the database raises when it is made; never migrates."""

    def __init__(
        self,
        configuration: Configuration,
        root: Path,
        clock: Clock,
        limits: LimitService,
        prices: PriceBook,
        canaries: CanaryBook,
        config: Callable[[], GatewayConfig],
        answers: AnswerStore,
        state: Callable[[], ProcessState],
    ) -> None:
        self._database = Database(database_url(configuration.sql, root), pool_size=_POOL)
        require_current(self._database)
        audit = InstallationAudit(AuditLog(clock))
        sealed = SecretStore(self._database, load_keyring(configuration.crypto, root), clock)
        self._secrets = SecretCache(ProviderSecrets(self._database, sealed, audit, clock), os.environ)
        self._history = ConfigHistory(self._database, audit, clock)
        self._flusher = LimitFlusher(Ledger(limits, limits.live), Exchange(self._database, clock))
        store = CanaryStore(self._database, audit, clock)
        self._canaries = CanaryFollower(canaries, store, FollowedConfig(current=config), clock)
        self._erasures = ErasureFollower(self._database, answers, clock)
        self._teller = ProcessTeller("gateway", state, ProcessStates(self._database, clock), clock)
        self._prices = PriceFollower(PriceRefresher(self._database, prices), configuration.pricing.poll_s)

    @property
    def keys(self) -> KeySource:
        """For a key ring."""
        return SqlKeySource(self._database)

    @property
    def resolver(self) -> KeyResolver:
        """Finds `{env: …}` and `{secret: …}`."""
        return self._secrets.resolver

    @property
    def is_failing(self) -> bool:
        """Whether the last exchange of limits failed."""
        return self._flusher.is_failing

    def refresh_secrets(self) -> int:
        """Follows changes; a number that changes when a value may have."""
        return self._secrets.refresh()

    def last_config(self) -> str | None:
        """The newest configuration that was in force on this installation."""
        newest = self._history.newest()
        return newest.text if newest is not None else None

    def load(self) -> None:
        """Takes over what counts now; in the loop's thread, or before there is a loop."""
        self._prices.start()
        self._flusher.load()
        self._canaries.load()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to exchange."""
        self._flusher.start(loop)
        self._canaries.start(loop)
        self._erasures.start()
        self._teller.start()

    def stop(self) -> None:
        """Stores what is left; from the loop's thread, when no call runs any more."""
        self._canaries.stop()
        self._erasures.stop()
        self._teller.stop()
        self._flusher.stop()
        self._prices.stop()
        self._database.close()
