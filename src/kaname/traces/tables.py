"""The column store's tables: `spans`, `scores`, `log_records`, `ingest_notices`.

`spans` is one append-only table of complete rows: its previews are columns, so a list reads only them, and one insert
is one atomic commit point (docs/adr/0050). Duplicates are dropped before they are written, so no reader needs FINAL
on it; `scores` are corrected and deleted, so their readers do.

Deliberately not here: queries (`queries/`), and rows as Python objects (`model.py`; a test compares the two).
Changes come as a new numbered migration at the end of the list, never by editing one that has shipped.
"""

from collections.abc import Sequence

from kaname.storage.columns import ColumnsMigration

TIME_COLUMNS = {"start_ns": "start_time", "received_ns": "received_at", "created_ns": "created_at", "time_ns": "time"}
"""Row fields in nanoseconds → the DateTime64(9) columns that hold them (`span_store.encode_row`)."""

_JSON_ESCAPE = r'\\\\["\\\\/bfnrt]'
_MESSAGE_KEY = r'"(?:type|role|finish_reason)":"[a-z_]*"|"(?:parts|content|name|id|arguments|response)":'
_UNSPACED = (
    r"[\\x{a0}-\\x{bf}\\x{2000}-\\x{206f}\\x{3000}-\\x{30ff}\\x{31f0}-\\x{31ff}\\x{3400}-\\x{4dbf}\\x{4e00}-\\x{9fff}"
    r"\\x{ac00}-\\x{d7af}\\x{f900}-\\x{faff}\\x{ff00}-\\x{ff0f}\\x{ff1a}-\\x{ff20}\\x{ff3b}-\\x{ff40}\\x{ff5b}-\\x{ffef}"
    r"\\x{20000}-\\x{3ffff}]+"
)
SEARCH_WORDS = (
    "lower(replaceRegexpAll(concat(name, ' ', status_message, ' ', input, ' ', output, ' ', documents), "
    f"'{_JSON_ESCAPE}|{_MESSAGE_KEY}|{_UNSPACED}', ' '))"
)
"""What the word index sees: JSON escapes, the keys of the message shape and scripts without spaces become blanks, so
that `\\nword` doesn't glue to `nword` and 「Pythonで」 is found by `python`. Bigrams of those scripts are in
`search_cjk`."""

_DURABLE = "fsync_after_insert = 1, fsync_part_directory = 1, old_parts_lifetime = 60"

_KIND = (
    "Enum8('span' = 0, 'llm' = 1, 'embedding' = 2, 'retriever' = 3, 'reranker' = 4, 'tool' = 5, 'agent' = 6,"
    " 'chain' = 7, 'guardrail' = 8, 'evaluator' = 9, 'event' = 10)"
)
"""Enums, not LowCardinality: three of them group as one machine word, which halves the time of the facets. The first
value is what a row that leaves the column out gets."""

_SPANS: tuple[tuple[str, str], ...] = (
    ("project_id", "LowCardinality(String)"),
    ("trace_id", "String CODEC(ZSTD(1))"),
    ("span_id", "String CODEC(ZSTD(1))"),
    ("parent_span_id", "String CODEC(ZSTD(1))"),
    ("external_id", "String CODEC(ZSTD(1))"),
    ("name", "LowCardinality(String)"),
    ("kind", _KIND),
    ("otel_kind", "UInt8"),
    ("start_time", "DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1))"),
    ("duration_ns", "UInt64 CODEC(ZSTD(1))"),
    ("status", "Enum8('unset' = 0, 'ok' = 1, 'error' = 2)"),
    ("status_message", "String CODEC(ZSTD(1))"),
    ("level", "Enum8('default' = 0, 'debug' = 1, 'warning' = 2, 'error' = 3)"),
    ("is_root", "Bool"),
    ("environment", "LowCardinality(String) DEFAULT 'default'"),
    ("version", "LowCardinality(String)"),
    ("release", "LowCardinality(String)"),
    ("service_name", "LowCardinality(String)"),
    ("session_id", "String CODEC(ZSTD(1))"),
    ("user_id", "String CODEC(ZSTD(1))"),
    ("tags", "Array(LowCardinality(String))"),
    ("metadata", "Map(LowCardinality(String), String) CODEC(ZSTD(1))"),
    ("operation", "LowCardinality(String)"),
    ("provider", "LowCardinality(String)"),
    ("model", "LowCardinality(String)"),
    ("request_model", "LowCardinality(String)"),
    ("response_model", "LowCardinality(String)"),
    ("response_id", "String CODEC(ZSTD(1))"),
    ("model_parameters", "String CODEC(ZSTD(1))"),
    ("finish_reasons", "Array(LowCardinality(String))"),
    ("prompt_name", "LowCardinality(String)"),
    ("prompt_version", "LowCardinality(String)"),
    ("agent_name", "LowCardinality(String)"),
    ("tool_name", "LowCardinality(String)"),
    ("tool_call_id", "String CODEC(ZSTD(1))"),
    ("time_to_first_token_ns", "Nullable(UInt64) CODEC(ZSTD(1))"),
    ("usage", "Map(LowCardinality(String), UInt64)"),
    ("usage_reported", "Map(LowCardinality(String), UInt64)"),
    ("input_tokens", "UInt64 CODEC(ZSTD(1))"),
    ("output_tokens", "UInt64 CODEC(ZSTD(1))"),
    ("cost", "Map(LowCardinality(String), Decimal(18, 12))"),
    ("cost_usd", "Nullable(Decimal(18, 12)) CODEC(ZSTD(1))"),
    ("cost_source", "LowCardinality(String)"),
    ("price_id", "LowCardinality(String)"),
    ("flags", "Array(LowCardinality(String))"),
    ("input", "String CODEC(ZSTD(3))"),
    ("input_format", "LowCardinality(String)"),
    ("input_preview", "String CODEC(ZSTD(3))"),
    ("input_blob", "String CODEC(ZSTD(1))"),
    ("output", "String CODEC(ZSTD(3))"),
    ("output_format", "LowCardinality(String)"),
    ("output_preview", "String CODEC(ZSTD(3))"),
    ("output_blob", "String CODEC(ZSTD(1))"),
    ("tool_definitions", "String CODEC(ZSTD(3))"),
    ("documents", "String CODEC(ZSTD(3))"),
    ("search_cjk", "Array(String) CODEC(ZSTD(3))"),
    ("attributes", "String CODEC(ZSTD(3))"),
    ("events", "String CODEC(ZSTD(3))"),
    ("links", "String CODEC(ZSTD(3))"),
    ("resource", "String CODEC(ZSTD(3))"),
    ("scope_name", "LowCardinality(String)"),
    ("scope_version", "LowCardinality(String)"),
    ("scope_attributes", "String CODEC(ZSTD(3))"),
    ("schema_url", "LowCardinality(String)"),
    ("trace_state", "String CODEC(ZSTD(1))"),
    ("trace_flags", "UInt32"),
    ("dropped_attributes", "UInt32"),
    ("dropped_events", "UInt32"),
    ("dropped_links", "UInt32"),
    ("dialects", "Array(LowCardinality(String))"),
    ("normaliser_version", "UInt16"),
    ("received_at", "DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1))"),
    ("row_version", "UInt64 CODEC(ZSTD(1))"),
)
SPAN_COLUMNS: tuple[str, ...] = tuple(name for name, _ in _SPANS)

_SCORES: tuple[tuple[str, str], ...] = (
    ("project_id", "LowCardinality(String)"),
    ("score_id", "String"),
    ("name", "LowCardinality(String)"),
    ("data_type", "LowCardinality(String)"),
    ("value", "Nullable(Float64)"),
    ("label", "LowCardinality(String)"),
    ("text", "String CODEC(ZSTD(3))"),
    ("source", "LowCardinality(String)"),
    ("author_id", "String"),
    ("author_name", "String"),
    ("explanation", "String CODEC(ZSTD(3))"),
    ("target", "LowCardinality(String)"),
    ("trace_id", "String"),
    ("span_id", "String"),
    ("session_id", "String"),
    ("environment", "LowCardinality(String) DEFAULT 'default'"),
    ("metadata", "Map(LowCardinality(String), String)"),
    ("execution_trace_id", "String"),
    ("created_at", "DateTime64(9, 'UTC')"),
    ("row_version", "UInt64"),
    ("is_deleted", "UInt8"),
)
SCORE_COLUMNS: tuple[str, ...] = tuple(name for name, _ in _SCORES)

_LOG_RECORDS: tuple[tuple[str, str], ...] = (
    ("project_id", "LowCardinality(String)"),
    ("trace_id", "String CODEC(ZSTD(1))"),
    ("span_id", "String CODEC(ZSTD(1))"),
    ("time", "DateTime64(9, 'UTC')"),
    ("record_id", "String CODEC(ZSTD(1))"),
    ("event_name", "LowCardinality(String)"),
    ("severity", "LowCardinality(String)"),
    ("body", "String CODEC(ZSTD(3))"),
    ("attributes", "String CODEC(ZSTD(3))"),
    ("resource", "String CODEC(ZSTD(3))"),
    ("scope_name", "LowCardinality(String)"),
    ("received_at", "DateTime64(9, 'UTC')"),
)
LOG_RECORD_COLUMNS: tuple[str, ...] = tuple(name for name, _ in _LOG_RECORDS)
"""`record_id` is a digest of the record, so that a re-sent one replaces itself; `body`, `attributes` are JSON text."""

_INGEST_NOTICES: tuple[tuple[str, str], ...] = (
    ("project_id", "LowCardinality(String)"),
    ("notice_id", "String"),
    ("time", "DateTime64(9, 'UTC')"),
    ("kind", "LowCardinality(String)"),
    ("count", "UInt64"),
    ("message", "String"),
    ("details", "String"),
)
INGEST_NOTICE_COLUMNS: tuple[str, ...] = tuple(name for name, _ in _INGEST_NOTICES)
"""`count` spans or records were refused or changed; `details` is JSON: reasons with counts, senders."""


def _body(columns: Sequence[tuple[str, str]], indexes: Sequence[str] = ()) -> str:
    lines = [f"{name} {kind}" for name, kind in columns]
    return "(" + ", ".join([*lines, *indexes]) + ")"


_CREATE_SPANS = f"""CREATE TABLE IF NOT EXISTS spans {
    _body(
        _SPANS,
        (
            "INDEX ix_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1",
            "INDEX ix_span span_id TYPE bloom_filter(0.01) GRANULARITY 1",
            "INDEX ix_user user_id TYPE bloom_filter(0.01) GRANULARITY 1",
            "INDEX ix_session session_id TYPE bloom_filter(0.01) GRANULARITY 1",
            "INDEX ix_received received_at TYPE minmax GRANULARITY 1",
            f"INDEX ix_words {SEARCH_WORDS} TYPE text(tokenizer = 'splitByNonAlpha')",
            "INDEX ix_cjk search_cjk TYPE text(tokenizer = 'array')",
        ),
    )
}
ENGINE = ReplacingMergeTree(row_version)
PARTITION BY toYYYYMM(start_time)
PRIMARY KEY (project_id, toStartOfMinute(start_time), xxHash64(trace_id))
ORDER BY (project_id, toStartOfMinute(start_time), xxHash64(trace_id), span_id, start_time)
SETTINGS index_granularity_bytes = 67108864, min_bytes_for_wide_part = 134217728,
  non_replicated_deduplication_window = 1000, {_DURABLE}"""

_CREATE_SCORES = f"""CREATE TABLE IF NOT EXISTS scores {
    _body(
        _SCORES,
        (
            "INDEX ix_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1",
            "INDEX ix_session session_id TYPE bloom_filter(0.01) GRANULARITY 1",
        ),
    )
}
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (project_id, score_id)
SETTINGS {_DURABLE}"""

_CREATE_LOG_RECORDS = f"""CREATE TABLE IF NOT EXISTS log_records {_body(_LOG_RECORDS)}
ENGINE = ReplacingMergeTree(received_at)
PARTITION BY toYYYYMM(time)
PRIMARY KEY (project_id, trace_id, span_id)
ORDER BY (project_id, trace_id, span_id, time, record_id)
SETTINGS {_DURABLE}"""

_CREATE_INGEST_NOTICES = f"""CREATE TABLE IF NOT EXISTS ingest_notices {_body(_INGEST_NOTICES)}
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (project_id, time, notice_id)
TTL toDateTime(time) + INTERVAL 30 DAY
SETTINGS {_DURABLE}"""

COLUMNS_MIGRATIONS: tuple[ColumnsMigration, ...] = (
    ColumnsMigration(
        number=1,
        name="spans, scores, log records, ingest notices",
        statements=(_CREATE_SPANS, _CREATE_SCORES, _CREATE_LOG_RECORDS, _CREATE_INGEST_NOTICES),
    ),
)
