"""The explanation of one request: as JSON for the API and `--json`, as text by `text.py`."""

from typing import Literal

from pydantic import BaseModel

Resolution = Literal["alias", "local model", "provider/model", "default provider"]
TargetRole = Literal["primary", "fallback", "context_fallback", "content_fallback", "mirror"]


class StepResult(BaseModel):
    """A step of the route and whether its condition holds. `holds` is null for steps that weren't reached."""

    index: int
    when: str
    holds: bool | None


class CanaryResult(BaseModel):
    """Where a canary stands. Without a running gateway nobody knows: `phase` is `unknown`, the step the first."""

    id: str
    name: str
    arm: str
    phase: Literal["unknown", "waiting", "running", "rolled_back", "finished"]
    step: int
    """Index in `steps`."""
    steps: list[int]
    share: float
    """Of the calls, from 0 to 1."""


class SplitResult(BaseModel):
    """How the arm was found."""

    sticky: Literal["session_id", "user_id", "key_id", "none"]
    value: str
    """The caller's value; empty: there is none, so each call draws anew."""
    bucket: int | None
    """0 to 9,999; null when the arm is drawn."""
    arm: str
    propensity: float
    shares: dict[str, float]
    drawn: bool
    """The arm shown is only the likeliest."""
    canary: CanaryResult | None = None


class TargetKeyResult(BaseModel):
    name: str
    state: str
    """Of its breaker at this target; `unknown` without a running gateway."""


class TargetResult(BaseModel):
    """A target that the call may reach, in the order in which they are tried. Primary ones are equals."""

    name: str
    role: TargetRole
    provider_type: str
    model: str
    """As it is sent upstream."""
    weight: float
    url: str | None
    wire: Literal["passed", "translated", "impossible"]
    upstream_format: str
    warnings: list[str]
    """What translation loses or changes."""
    problem: str
    """Why the request can't be said to this target; it would be refused or skipped."""
    allowed: bool
    """Whether the key may use its provider."""
    keys: list[TargetKeyResult]
    estimated_cost_usd: str | None
    """Null: nobody knows the price."""


class TokenEstimate(BaseModel):
    input_tokens: int
    output_tokens: int
    output_source: Literal["request", "default"]
    """`request`: its `max_tokens` or alike; `default`: the gateway learns how long a model's answers are."""


class LimitResult(BaseModel):
    """A limit or budget that counts this call."""

    name: str
    kind: Literal["requests", "tokens", "concurrency", "budget", "max_cost", "models", "network"]
    limit: str
    remaining: str | None
    would_refuse: bool
    effect: Literal["block", "warn", "downgrade", "shadow"]
    note: str = ""


class PlanExplanation(BaseModel):
    config_version: str
    surface: str
    requested_model: str
    resolved_by: Resolution
    stream: bool
    caller: dict[str, str]
    """What conditions and splits see: key, session, user, tags, metadata."""
    steps: list[StepResult]
    chosen_step: int
    choose: Literal["balanced", "cheapest", "fastest"]
    split: SplitResult | None
    targets: list[TargetResult]
    tokens: TokenEstimate
    limits: list[LimitResult]
    retries: int
    timeouts_s: dict[str, float]
    refused: str
    """Why the call would be refused before any target is tried; empty if it wouldn't."""
