"""What the worker reads from and writes to the column store: keys of stored spans, and inserts of whole batches.

Rows are JSON lines whose keys are column names (`encode_row`). Inserts of spans carry a token: the
store ignores a second insert with the token of one that it has taken, so an insert whose client died, and which the
store finishes later, can't add what a replay has added in the meantime.
"""

from collections.abc import Sequence
from copy import copy
from typing import cast

import msgspec

from kaname.kernel.errors import EngineRefusedError
from kaname.storage.columns import ColumnsClient
from kaname.traces.known_spans import Minute, StoredKey
from kaname.traces.model import ScoreRow, SpanRow

_BAD_ROW_CODES = frozenset({6, 7, 26, 27, 32, 33, 38, 41, 43, 53, 69, 70, 72, 117, 131, 130, 349, 407, 439, 473, 691})
"""Codes of the engine for input that it can't read; every other refusal may pass, so it is tried again."""

_KEYS = """
SELECT project_id, intDiv(toUnixTimestamp(toStartOfMinute(start_time)), 60) AS minute, trace_id, span_id FROM spans
WHERE project_id IN {projects:Array(String)} AND toStartOfMinute(start_time) IN {minutes:Array(DateTime('UTC'))}
  AND start_time >= fromUnixTimestamp64Nano({first:Int64}) AND start_time < fromUnixTimestamp64Nano({behind:Int64})"""
_OF_TRACES = """
  AND xxHash64(trace_id) IN (SELECT xxHash64(arrayJoin({traces:Array(String)})))
  AND trace_id IN {traces:Array(String)}"""
_TRACES_AT_ONCE = 5_000


class LogRow(msgspec.Struct, kw_only=True):
    """One row of table `log_records`."""

    project_id: str
    trace_id: str
    span_id: str
    time: int
    record_id: str
    event_name: str
    severity: str
    body: str
    attributes: str
    resource: str
    scope_name: str
    received_at: int


class NoticeRow(msgspec.Struct, kw_only=True):
    """One row of table `ingest_notices`: something about a project's ingest that its people should know."""

    project_id: str
    notice_id: str
    time: int
    kind: str
    count: int
    message: str
    details: str = ""


_TIMES: dict[type[msgspec.Struct], tuple[str, ...]] = {
    SpanRow: ("start_ns", "received_ns"), ScoreRow: ("created_ns",), LogRow: ("time", "received_at"),
    NoticeRow: ("time",),
}  # fmt: skip
_encode = msgspec.json.Encoder().encode


def encode_row(row: SpanRow | ScoreRow | LogRow | NoticeRow) -> bytes:
    """One line of JSONEachRow. Times are nanoseconds in quotes: from 26.8 on a bare number means seconds."""
    wire = copy(row)
    for name in _TIMES[type(row)]:
        setattr(wire, name, str(getattr(row, name)))
    return _encode(wire)


def decode_span_row(line: bytes) -> SpanRow:
    """The span that `encode_row` wrote."""
    return msgspec.json.decode(line, type=SpanRow, strict=False)


class SpanStore:
    """The tables of telemetry, for the one process that fills them."""

    def __init__(self, client: ColumnsClient) -> None:
        self._client = client

    def load_minutes(self, minutes: Sequence[Minute], limit: int) -> list[StoredKey]:
        """Keys in these minutes (and in the same minutes of the other projects named), at most `limit`."""
        return self._keys(f"{_KEYS} LIMIT {{limit:UInt64}}", _range(minutes) | {"limit": limit})

    def load_traces(self, minutes: Sequence[Minute], trace_ids: Sequence[str]) -> list[StoredKey]:
        """Keys of these traces in these minutes."""
        found: list[StoredKey] = []
        for at in range(0, len(trace_ids), _TRACES_AT_ONCE):
            part = list(trace_ids[at : at + _TRACES_AT_ONCE])
            found += self._keys(_KEYS + _OF_TRACES, _range(minutes) | {"traces": part})
        return found

    def insert_spans(self, lines: Sequence[bytes], token: str) -> None:
        """Inserts encoded rows as one atomic block a month. Raises EngineUnavailableError, EngineRefusedError."""
        settings = {"insert_deduplicate": 1, "insert_deduplication_token": token}
        self._client.insert_json_lines("spans", b"\n".join(lines), settings=settings)

    def insert_scores(self, rows: Sequence[ScoreRow]) -> None:
        """Inserts scores; the newest version of an id counts, so repeating changes nothing."""
        self._insert("scores", rows)

    def insert_logs(self, rows: Sequence[LogRow]) -> None:
        """Inserts log records; equal ones replace each other."""
        self._insert("log_records", rows)

    def insert_notices(self, rows: Sequence[NoticeRow]) -> None:
        """Inserts notices; equal ids replace each other."""
        self._insert("ingest_notices", rows)

    def _insert(self, table: str, rows: Sequence[ScoreRow] | Sequence[LogRow] | Sequence[NoticeRow]) -> None:
        if rows:
            self._client.insert_json_lines(table, b"\n".join([encode_row(row) for row in rows]))

    def _keys(self, sql: str, parameters: dict[str, object]) -> list[StoredKey]:
        columns = self._client.query_columns(sql, parameters)
        if not columns:
            return []
        names = ("project_id", "minute", "trace_id", "span_id")
        rows = zip(*(columns[name] for name in names), strict=True)
        return [StoredKey(*cast("tuple[str, int, str, str]", row)) for row in rows]


def is_bad_row(error: EngineRefusedError) -> bool:
    """Whether the engine refused the content of a row, which no repetition mends."""
    return error.engine_code in _BAD_ROW_CODES


def _range(minutes: Sequence[Minute]) -> dict[str, object]:
    numbers = sorted({m.minute for m in minutes})
    return {
        "projects": sorted({m.project_id for m in minutes}),
        "minutes": [n * 60 for n in numbers],
        "first": numbers[0] * 60 * 10**9,
        "behind": (numbers[-1] + 1) * 60 * 10**9,
    }
