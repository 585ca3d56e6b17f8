"""What the gateway knows of one call when it is over: `GatewayRecord`, journalled and later turned into a span.

It holds what happened, uninterpreted: bodies as bytes, the provider's usage object as it came. Disjoint usage, cost and
messages are derived from it by the worker (`traces.gateway_records`), never on the request path.
Invariants: fields are only ever added, with a default, because old journals hold old records; bodies are bounded by
`GatewaySettings.record_body_bytes`, and `*_bytes` tells the true size; it never holds a credential.
"""

from typing import Literal

import msgspec

Surface = Literal[
    "chat_completions", "completions", "embeddings", "responses", "messages", "count_tokens", "moderations", "rerank",
    "images", "image_edits", "image_variations", "audio_speech", "audio_transcriptions", "audio_translations", "pass",
]  # fmt: skip
UsageFormat = Literal["", "openai", "anthropic", "responses", "gemini"]
CacheOutcome = Literal["", "hit", "semantic_hit", "miss", "bypass"]
Outcome = Literal["ok", "error", "incomplete", "cancelled"]
"""`incomplete`: the answer began and then failed. `cancelled`: the client left first."""
ResponseFormat = Literal["", "json", "sse"]


_PROVIDER_NAMES = {
    "openai": "openai", "local": "local", "anthropic": "anthropic", "azure": "azure.ai.openai", "gemini": "gcp.gemini",
    "vertex": "gcp.vertex_ai", "bedrock": "aws.bedrock", "mistral": "mistral_ai", "cohere": "cohere",
}  # fmt: skip


def telemetry_provider(provider_type: str, name: str) -> str:
    """The value of `gen_ai.provider.name`, by which prices are found: the vendor's, else the configuration's name."""
    return _PROVIDER_NAMES.get(provider_type, name)


class AttemptRecord(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One try at one target. Never holds upstream text: providers echo keys and user input."""

    target: str
    """`provider/model`."""
    key_name: str = ""
    """Where the provider key came from, e.g. `env:OPENAI_API_KEY`; never the key."""
    start_ns: int
    duration_ns: int
    upstream_status: int = 0
    """0 when no status line arrived."""
    error_code: str = ""
    reused_connection: bool = False
    stale_retries: int = 0
    """Free repeats because a kept-alive connection had died without a reply byte."""


class GuardRecord(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One decision of one guardrail. `reason` names rules and counts, never the text that was found."""

    guard: str
    point: Literal["input", "output", "stream"]
    action: Literal["pass", "observe", "mask", "replace", "block", "error"]
    reason: str = ""
    start_ns: int
    duration_ns: int


class GatewayRecord(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One call through the gateway. Times are nanoseconds: `*_ns` since 1970, `duration_ns` and `ttft_ns` elapsed."""

    project_id: str
    request_id: str
    trace_id: str
    span_id: str
    parent_span_id: str = ""
    """The caller's span from `traceparent`, or "" when the call starts its own trace."""
    trace_flags: int = 1
    trace_state: str = ""
    key_id: str = ""
    """Id of the principal that called."""
    key_name: str = ""
    surface: Surface
    requested_model: str = ""
    """As the client wrote it: an alias, or `provider/model`."""
    provider: str = ""
    """Name of the provider in the configuration."""
    provider_type: str = ""
    """`openai`, `openai_compatible` or `local`."""
    target_model: str = ""
    """The name that was sent upstream."""
    config_version: str = ""
    start_ns: int
    duration_ns: int
    ttft_ns: int | None = None
    """From the client's request to the first content event of a stream."""
    status: int
    """The HTTP status that the client got; 499 when it left before one."""
    outcome: Outcome = "ok"
    error_type: str = ""
    error_code: str = ""
    error_message: str = ""
    stream: bool = False
    finish_reasons: list[str] = []
    usage: bytes = b""
    """The provider's `usage` object as JSON, or b"" when it sent none."""
    response_model: str = ""
    response_id: str = ""
    request: bytes = b""
    """The client's body (decompressed JSON), at most `record_body_bytes`."""
    request_bytes: int = 0
    request_truncated: bool = False
    response: bytes = b""
    """What the client got, at most `record_body_bytes`."""
    response_format: ResponseFormat = ""
    response_bytes: int = 0
    response_truncated: bool = False
    environment: str = "default"
    session_id: str = ""
    user_id: str = ""
    tags: list[str] = []
    metadata: dict[str, str] = {}
    client_retry_count: int = 0
    """`x-stainless-retry-count` of the official SDKs."""
    attempts: list[AttemptRecord] = []
    usage_format: UsageFormat = ""
    """Whose words `usage` uses; "": the surface's own."""
    experiment: str = ""
    arm: str = ""
    propensity: float = 1.0
    """With which probability the arm was drawn."""
    shadow_of: str = ""
    """The span id of the call that this one mirrors; its answer went to nobody."""
    cache: CacheOutcome = ""
    cached_span_id: str = ""
    """On a hit: the call whose answer was given again."""
    cost_nano_usd: int | None = None
    """What settlement charged; None when the price is unknown."""
    saved_nano_usd: int = 0
    """On a hit: what the call would have cost."""
    limited_by: str = ""
    """Which limit or budget refused the call, or would have in evaluate-only mode."""
    warnings: list[str] = []
    """What translation lost or changed."""
    malformed_events: int = 0
    usage_estimated: bool = False
    """Whether `usage` is ours: the upstream gave none, or the stream broke off before it did."""
    guards: list[GuardRecord] = []


def encode_records(records: list[GatewayRecord]) -> bytes:
    """The journal payload of kind `gateway`: a msgpack list, because one entry for many calls costs a tenth."""
    return _ENCODER.encode(records)


def decode_records(payload: bytes) -> list[GatewayRecord]:
    """The reverse; raises msgspec.DecodeError on bytes that aren't records."""
    return _DECODER.decode(payload)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[GatewayRecord])
