"""The JSON shapes of the Traces API, which OpenAPI and the TypeScript client are made from. No behaviour."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from kaname.traces.model import CostSource, Level, PayloadFormat, SpanKind, Status
from kaname.traces.routes_model_scores import Cost, Score, ScoreChip, Shape, Time


class SpanSummary(Shape):
    """One span as lists show it."""

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    kind: SpanKind
    status: Status
    level: Level
    start_time: Time
    duration_ms: float
    time_to_first_token_ms: float | None
    model: str
    provider: str
    environment: str
    service_name: str
    session_id: str
    user_id: str
    tags: list[str]
    input_tokens: int
    output_tokens: int
    total_tokens: int
    cost_usd: Cost | None
    cost_source: CostSource
    input_preview: str
    output_preview: str
    is_root: bool
    flags: list[str]
    scores: list[ScoreChip]
    prompt_name: str
    tool_name: str
    agent_name: str


class SpanList(Shape):
    """One page of spans."""

    items: list[SpanSummary]
    next_cursor: str | None


class FacetValue(Shape):
    """A value of a field and how many spans have it."""

    value: str
    count: int


class Facet(Shape):
    """The most frequent values of a field; `truncated` if there are more."""

    field: str
    values: list[FacetValue]
    truncated: bool


class FacetList(Shape):
    """Exact counts over all spans that match."""

    total: int
    facets: list[Facet]


class FilterFieldInfo(Shape):
    """A field that spans can be filtered by."""

    name: str
    type: str
    description: str
    operators: list[str]
    choices: list[str]
    facet: bool


class FilterFieldList(Shape):
    """All fields, for completion."""

    items: list[FilterFieldInfo]


class HistogramBucket(Shape):
    """Spans that start in one interval."""

    time: Time
    count: int
    errors: int
    cost_usd: Cost | None
    p50_ms: float | None
    p95_ms: float | None


class Histogram(Shape):
    """Buckets of equal length, empty ones included."""

    interval_ms: int
    buckets: list[HistogramBucket]


class TraceSummary(Shape):
    """One trace as lists show it."""

    trace_id: str
    name: str
    start_time: Time
    duration_ms: float
    span_count: int
    error_count: int
    llm_count: int
    total_tokens: int
    cost_usd: Cost | None
    session_id: str
    user_id: str
    environment: str
    input_preview: str
    output_preview: str
    scores: list[ScoreChip]


class TraceList(Shape):
    """One page of traces."""

    items: list[TraceSummary]
    next_cursor: str | None


class SkeletonColumns(Shape):
    """Parallel columns, one entry a span, in tree pre-order."""

    span_id: list[str]
    parent_index: list[int] = Field(description="Row of the parent, -1 for a root.")
    depth: list[int]
    name_index: list[int] = Field(description="Index into `names`.")
    kind: list[int] = Field(description="Index into `kinds`.")
    start_us: list[int] = Field(description="Microseconds after the trace's start.")
    duration_us: list[int]
    status: list[int] = Field(description="0 unset, 1 ok, 2 error.")
    level: list[int] = Field(description="0 default, 1 debug, 2 warning, 3 error.")
    model_index: list[int] = Field(description="Index into `models`; its first entry is no model.")
    total_tokens: list[int]
    cost_usd: list[float]
    missing: list[int] = Field(description="1 for a parent that never arrived: only its id is known.")


class TraceSkeleton(Shape):
    """A whole trace without payloads."""

    trace_id: str
    span_count: int
    truncated: bool
    start_time: Time
    duration_ms: float
    total_tokens: int
    cost_usd: Cost | None
    error_count: int
    session_id: str
    user_id: str
    names: list[str]
    models: list[str]
    kinds: list[SpanKind]
    columns: SkeletonColumns
    scores: list[Score]
    missing_parents: int


class Payload(Shape):
    """A text field, cut if it is long; `bytes` is the size of the whole, which `…/payload/{field}` downloads."""

    format: PayloadFormat
    text: str
    truncated: bool
    bytes: int


class MessagePart(BaseModel):
    """One part of a message; other keys depend on `type`."""

    model_config = ConfigDict(extra="allow")
    type: str


class Message(BaseModel):
    """A chat message in the OpenTelemetry GenAI shape."""

    model_config = ConfigDict(extra="allow")
    role: str
    name: str | None = None
    parts: list[MessagePart]
    finish_reason: str | None = None


class SpanEvent(Shape):
    """An event of a span, or a log record that belongs to it."""

    name: str
    time: Time | None
    attributes: dict[str, JsonValue]
    body: JsonValue


class SpanLink(Shape):
    """A link to another span."""

    trace_id: str
    span_id: str
    attributes: dict[str, JsonValue]


class SpanDetail(Shape):
    """Everything about one span."""

    trace_id: str
    span_id: str
    parent_span_id: str
    external_id: str
    name: str
    kind: SpanKind
    otel_kind: int
    status: Status
    status_message: str
    level: Level
    start_time: Time
    duration_ms: float
    time_to_first_token_ms: float | None
    operation: str
    model: str
    provider: str
    request_model: str
    response_model: str
    response_id: str
    model_parameters: JsonValue
    finish_reasons: list[str]
    environment: str
    service_name: str
    session_id: str
    user_id: str
    tags: list[str]
    metadata: dict[str, str]
    release: str
    version: str
    input_tokens: int
    output_tokens: int
    total_tokens: int
    usage: dict[str, int]
    usage_reported: dict[str, int]
    cost: dict[str, Cost]
    cost_usd: Cost | None
    cost_source: CostSource
    price_id: str
    is_root: bool
    flags: list[str]
    prompt_name: str
    prompt_version: str
    agent_name: str
    tool_name: str
    tool_call_id: str
    input: Payload
    output: Payload
    input_preview: str
    output_preview: str
    input_messages: list[Message] | None
    output_messages: list[Message] | None
    tool_definitions: JsonValue
    documents: JsonValue
    attributes: dict[str, JsonValue]
    resource: dict[str, JsonValue]
    scope_name: str
    scope_version: str
    scope_attributes: dict[str, JsonValue]
    schema_url: str
    trace_state: str
    trace_flags: int
    dropped_attributes: int
    dropped_events: int
    dropped_links: int
    events: list[SpanEvent]
    links: list[SpanLink]
    log_records: list[SpanEvent]
    scores: list[Score]
    dialects: list[str]
    normaliser_version: int
    received_at: Time
    cut_fields: list[str] = Field(description="JSON fields too long to be shown here; download them.")


class Turn(Shape):
    """One message of a conversation, in the order of the conversation."""

    trace_id: str
    span_id: str
    role: str
    parts: list[MessagePart]
    time: Time
    model: str
    tokens: int
    is_new: bool = Field(description="False for a message that an earlier turn already showed.")


class Transcript(Shape):
    """A conversation; `truncated` if it was too long to be shown whole."""

    turns: list[Turn]
    truncated: bool


class SessionSummary(Shape):
    """One session as lists show it."""

    session_id: str
    trace_count: int
    span_count: int
    error_count: int
    start_time: Time
    end_time: Time
    total_tokens: int
    cost_usd: Cost | None
    user_id: str
    environment: str
    input_preview: str


class SessionList(Shape):
    """One page of sessions, the one with the newest span first."""

    items: list[SessionSummary]
    next_cursor: str | None


class SessionDetail(SessionSummary):
    """A session with its traces, oldest first, and its conversation."""

    traces: list[TraceSummary]
    turns: list[Turn]
    truncated: bool
    scores: list[Score]


class EndUser(Shape):
    """An end user of the traced application."""

    user_id: str
    span_count: int
    trace_count: int
    session_count: int
    error_count: int
    total_tokens: int
    cost_usd: Cost | None
    first_seen: Time
    last_seen: Time


class EndUserList(Shape):
    """One page of end users, the last seen first."""

    items: list[EndUser]
    next_cursor: str | None


class IngestNotice(Shape):
    """Spans or records that were refused or changed on arrival, and why."""

    id: str
    time: Time
    kind: str
    count: int
    message: str
    details: dict[str, JsonValue]


class IngestNoticeList(Shape):
    """One page of notices, newest first."""

    items: list[IngestNotice]
    next_cursor: str | None


Direction = Literal["desc", "asc"]
SpanOrder = Literal["start_time", "duration", "cost", "total_tokens"]
ExportFormat = Literal["jsonl", "parquet"]
PayloadField = Literal[
    "input", "output", "attributes", "events", "links", "resource", "scope_attributes", "tool_definitions", "documents",
    "model_parameters",
]  # fmt: skip
