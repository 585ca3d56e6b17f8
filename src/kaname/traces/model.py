"""What a span is, before (`RawSpan`) and after (`SpanRow`) normalisation, and what a score is.

A span is the only telemetry row: complete and immutable. Traces, sessions and users are groupings of spans at read.
`SpanRow` fields are exactly the columns of table `spans` (see `tables.py`); a test compares the two. Rows are
msgspec structs because they are encoded straight into the engine's JSONEachRow input.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, get_args

import msgspec

AttributeValue = str | bool | int | float | bytes | list["AttributeValue"] | dict[str, "AttributeValue"] | None
Attributes = dict[str, AttributeValue]

SpanKind = Literal[
    "llm", "embedding", "retriever", "reranker", "tool", "agent", "chain", "guardrail", "evaluator", "event", "span"
]
SPAN_KINDS: tuple[SpanKind, ...] = get_args(SpanKind)
Level = Literal["debug", "default", "warning", "error"]
Status = Literal["unset", "ok", "error"]
PayloadFormat = Literal["", "messages", "json", "text"]
"""`messages`: JSON list in the OpenTelemetry GenAI shape `[{role, name?, parts:[{type, …}], finish_reason?}]`."""
CostSource = Literal["", "sent", "computed", "unpriced"]

USAGE_INPUT_BUCKETS = (
    "input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "cache_write", "input_audio", "input_image",
)  # fmt: skip
USAGE_OUTPUT_BUCKETS = ("output_text", "reasoning", "output_audio")
"""Disjoint: the sum of the input buckets is the whole input, the sum of the output buckets the whole output."""

NORMALISER_VERSION = 1


@dataclass(slots=True, kw_only=True)
class RawEvent:
    """A span event, or a log record that belongs to a span, as received."""

    name: str
    time_ns: int
    attributes: Attributes = field(default_factory=dict[str, AttributeValue])
    body: AttributeValue = None


@dataclass(slots=True, kw_only=True)
class RawLink:
    """A link to another span, as received."""

    trace_id: str
    span_id: str
    trace_state: str = ""
    attributes: Attributes = field(default_factory=dict[str, AttributeValue])


@dataclass(slots=True, kw_only=True)
class Scope:
    """The instrumentation scope and resource that a batch of spans shares."""

    name: str = ""
    version: str = ""
    attributes: Attributes = field(default_factory=dict[str, AttributeValue])
    resource: Attributes = field(default_factory=dict[str, AttributeValue])
    schema_url: str = ""


@dataclass(slots=True, kw_only=True)
class RawSpan:
    """A decoded OTLP span with valid ids (lower-case hex), before any dialect has read it."""

    trace_id: str
    span_id: str
    parent_span_id: str = ""
    name: str = ""
    otel_kind: int = 0
    start_ns: int
    end_ns: int
    status: Status = "unset"
    status_message: str = ""
    attributes: Attributes = field(default_factory=dict[str, AttributeValue])
    events: list[RawEvent] = field(default_factory=list[RawEvent])
    links: list[RawLink] = field(default_factory=list[RawLink])
    scope: Scope = field(default_factory=Scope)
    trace_state: str = ""
    flags: int = 0
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0


class SpanRow(msgspec.Struct, kw_only=True, rename={"start_ns": "start_time", "received_ns": "received_at"}):
    """One normalised span: the columns of table `spans`, in order.

    Times are nanoseconds since 1970; encoded as JSON they go under their column's name. JSON columns hold compact JSON
    text with unescaped Unicode, or "" when absent.
    """

    project_id: str
    trace_id: str
    span_id: str
    parent_span_id: str = ""
    external_id: str = ""
    """The sender's own id when it isn't OTel hex."""
    name: str = ""
    kind: SpanKind = "span"
    otel_kind: int = 0
    start_ns: int
    duration_ns: int = 0
    status: Status = "unset"
    status_message: str = ""
    level: Level = "default"
    is_root: bool = False
    """No parent, or declared the logical root by its sender."""
    environment: str = "default"
    version: str = ""
    release: str = ""
    service_name: str = ""
    session_id: str = ""
    user_id: str = ""
    tags: list[str] = []
    metadata: dict[str, str] = {}
    operation: str = ""
    """`gen_ai.operation.name` or its equivalent."""
    provider: str = ""
    model: str = ""
    """The model to show and to price: response model if known, else requested."""
    request_model: str = ""
    response_model: str = ""
    response_id: str = ""
    model_parameters: str = ""
    """JSON object."""
    finish_reasons: list[str] = []
    prompt_name: str = ""
    prompt_version: str = ""
    agent_name: str = ""
    tool_name: str = ""
    tool_call_id: str = ""
    time_to_first_token_ns: int | None = None
    usage: dict[str, int] = {}
    """Disjoint buckets that count towards cost."""
    usage_reported: dict[str, int] = {}
    """The sender's own map; on aggregate spans the only one, because their children are counted."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: dict[str, Decimal] = {}
    cost_usd: Decimal | None = None
    cost_source: CostSource = ""
    price_id: str = ""
    """Which price applied: `snapshot:<date>:<model>` or `project:<price id>`."""
    flags: list[str] = []
    """`end_before_start`, `inconsistent_usage`, `estimated_usage`, `attributes_over_budget`, `incomplete` …"""
    input: str = ""
    input_format: PayloadFormat = ""
    input_preview: str = ""
    input_blob: str = ""
    """Digest of the whole value in the blob store when `input` holds only its beginning."""
    output: str = ""
    output_format: PayloadFormat = ""
    output_preview: str = ""
    output_blob: str = ""
    tool_definitions: str = ""
    documents: str = ""
    """Retrieved documents: JSON list of `{id, score, content, metadata}`."""
    search_cjk: list[str] = []
    attributes: str = ""
    events: str = ""
    links: str = ""
    resource: str = ""
    scope_name: str = ""
    scope_version: str = ""
    scope_attributes: str = ""
    schema_url: str = ""
    trace_state: str = ""
    trace_flags: int = 0
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    dialects: list[str] = []
    """Readers that contributed, e.g. `["otel_genai", "openinference"]`."""
    normaliser_version: int = NORMALISER_VERSION
    received_ns: int = 0
    row_version: int = 0


ScoreSource = Literal["human", "llm", "code", "user", "api"]
ScoreDataType = Literal["numeric", "categorical", "boolean", "text", "correction"]
ScoreTarget = Literal["span", "trace", "session"]


class ScoreRow(msgspec.Struct, kw_only=True, rename={"created_ns": "created_at"}):
    """One score: the columns of table `scores`. The newest `row_version` of a `score_id` counts."""

    project_id: str
    score_id: str
    name: str
    data_type: ScoreDataType
    value: float | None = None
    """numeric, and boolean as 0 or 1."""
    label: str = ""
    text: str = ""
    """text and correction."""
    source: ScoreSource
    author_id: str = ""
    author_name: str = ""
    explanation: str = ""
    target: ScoreTarget
    trace_id: str = ""
    span_id: str = ""
    session_id: str = ""
    environment: str = "default"
    metadata: dict[str, str] = {}
    execution_trace_id: str = ""
    """The trace of the judge that gave the score."""
    created_ns: int
    row_version: int
    is_deleted: int = 0
