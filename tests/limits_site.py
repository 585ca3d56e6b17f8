"""A limit service with definitions made by hand and a clock that tests move."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from kaname.gateway.limits.model import (
    Budget,
    Definitions,
    Estimate,
    KeyPolicy,
    LimitRule,
    Rates,
    Subject,
)
from kaname.gateway.limits.service import LimitService
from kaname.gateway.limits.windows import WindowRule
from kaname.kernel.clock import ManualClock

START = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
ALICE = Subject("key_1", "prj_1", "org_1", "alice", {}, "gpt-5")
DOLLAR = 1_000_000_000
MONTH = WindowRule(count=1, unit="M", calendar=True)


def budget(scope: str = "key", subject: str = "key_1", **changes: object) -> Budget:
    made = Budget(
        id=f"bud_{scope}",
        project_id=None if scope == "organization" else "prj_1",
        organization_id="org_1",
        scope="key",
        subject=subject,
        amount_nano_usd=DOLLAR,
        window=MONTH,
        window_from=START,
    )
    return replace(made, scope=scope, **changes)


def rule(**changes: object) -> LimitRule:
    return replace(LimitRule(id="lim_1", project_id="prj_1", name="r", rates=Rates(rpm=2)), **changes)


def service(
    *,
    policy: KeyPolicy | None = None,
    budgets: Sequence[Budget] = (),
    rules: Sequence[LimitRule] = (),
    clock: ManualClock | None = None,
) -> LimitService:
    made = LimitService(clock or ManualClock(START))
    policies: Mapping[str, KeyPolicy] = {} if policy is None else {"key_1": policy}
    made.use_definitions(Definitions(version=1, policies=policies, budgets=budgets, rules=rules))
    return made


def cost(usd: float, tokens: int = 10) -> Estimate:
    return Estimate(tokens // 2, tokens - tokens // 2, round(usd * DOLLAR))
