"""Canaries for tests: a configuration with one, records of calls, and processes that follow it over one database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kaname.access.audit import AuditLog
from kaname.gateway.canaries.book import CanaryBook
from kaname.gateway.canaries.follower import CanaryFollower, FollowedConfig
from kaname.gateway.canaries.model import Canary, canaries_of
from kaname.gateway.canaries.store import CanaryStore
from kaname.gateway.config import GatewayConfig, parse_config
from kaname.gateway.history.audit import InstallationAudit
from kaname.gateway.model import AttemptRecord, GatewayRecord
from kaname.gateway.routing.split import Arms
from kaname.kernel.clock import ManualClock
from kaname.storage.sql.database import Database

GUARDS = "[{metric: error_rate, tolerance: 0.05, min_n: 50}]"


def canary_config(
    canary: str = f"{{arm: b, steps: [10, 50, 100], guards: {GUARDS}, interval: 60s}}", *, b: str = "up/b"
) -> GatewayConfig:
    """A model `bot` whose arm `b` is let in."""
    text = f"""
providers: {{up: {{base_url: "http://127.0.0.1:9/v1", allow_private: true}}}}
models:
  bot:
    route:
      - split: {{sticky: user_id, experiment: exp, arms: {{a: 1, b: 1}}, canary: {canary}}}
        targets: {{a: up/a, b: {b}}}
        fallback: [up/c]
"""
    return parse_config(text, "gateway.yaml", lambda source, name: "k")


def call_record(
    clock: ManualClock, arm: str, *, failed: bool = False, target: str = "", ms: float = 100.0, cost: int | None = 1000
) -> GatewayRecord:
    """A call that has just ended."""
    now = clock.now_ns()
    return GatewayRecord(
        project_id="prj_1", request_id="req_1", trace_id="0" * 32, span_id="0" * 16, surface="chat_completions",
        start_ns=now, duration_ns=int(ms * 1e6), status=502 if failed else 200, outcome="error" if failed else "ok",
        experiment="exp", arm=arm, attempts=[AttemptRecord(target=target or f"up/{arm}", start_ns=now, duration_ns=1)],
        cost_nano_usd=None if failed else cost,
    )  # fmt: skip


@dataclass
class FakeScores:
    """A `ScoreSource` that gives what a test sets."""

    given: Mapping[str, Sequence[float]] = field(default_factory=dict[str, Sequence[float]])

    def scores(self, experiment: str, metric: str, since_ns: int) -> Mapping[str, Sequence[float]]:
        return self.given


class CanaryProcess:
    """What one gateway process has of canaries; `tick` is its round, at the clock's time."""

    def __init__(self, database: Database, clock: ManualClock, config: GatewayConfig) -> None:
        self.config = config
        self.clock = clock
        self.scores = FakeScores()
        self.book = CanaryBook(clock)
        self.store = CanaryStore(database, InstallationAudit(AuditLog(clock)), clock)
        followed = FollowedConfig(current=lambda: self.config, scores=self.scores)
        self.follower = CanaryFollower(self.book, self.store, followed, clock)
        self.follower.load()

    @property
    def canary(self) -> Canary:
        return next(canaries_of(self.config))

    def tick(self, seconds: float = 1.0) -> None:
        self.clock.advance(seconds)
        self.follower.load()

    def serve(self, arm: str, calls: int, failing: int = 0, **rest: object) -> None:
        """That many calls, of which the first `failing` fail."""
        for i in range(calls):
            self.book.observe(call_record(self.clock, arm, failed=i < failing, **rest))  # type: ignore[arg-type]

    @property
    def share(self) -> float:
        """Of the canary, by the arms that calls get."""
        holder = Holder()
        owners = self.book.arms(self.canary, holder).owners()
        return owners.count("b") / len(owners)

    @property
    def phase(self) -> str:
        standing = self.book.standing(self.canary)
        return standing.state.phase if standing is not None else "unknown"


class Holder:
    """A planned step as far as its arms go."""

    arms: Arms | None = None
