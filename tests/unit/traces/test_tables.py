"""The tables are the rows: columns and fields agree, and nothing reads them around the project."""

import re
from pathlib import Path

import kaname.traces
from kaname.traces import tables
from kaname.traces.model import SPAN_KINDS, ScoreRow, SpanRow
from kaname.traces.skeleton import KIND_CODES
from kaname.traces.span_store import decode_span_row, encode_row

SOURCES = Path(kaname.traces.__file__).parent


def columns_of(struct: type) -> tuple[str, ...]:
    return tuple(tables.TIME_COLUMNS.get(name, name) for name in struct.__struct_fields__)  # type: ignore[attr-defined]


def test_span_rows_are_the_columns_of_spans() -> None:
    assert columns_of(SpanRow) == tables.SPAN_COLUMNS


def test_score_rows_are_the_columns_of_scores() -> None:
    assert columns_of(ScoreRow) == tables.SCORE_COLUMNS


def test_kind_codes_are_those_of_the_column() -> None:
    enum = re.search(r"kind Enum8\((.*?)\)", tables.COLUMNS_MIGRATIONS[0].statements[0])
    assert enum is not None
    named = dict(re.findall(r"'(\w+)' = (\d+)", enum[1]))
    assert named == {kind: str(code) for code, kind in enumerate(KIND_CODES)}
    assert set(KIND_CODES) == set(SPAN_KINDS)


def test_tables_are_durable() -> None:
    for statement in tables.COLUMNS_MIGRATIONS[0].statements:
        assert "fsync_after_insert = 1" in statement
        assert "fsync_part_directory = 1" in statement


def test_only_one_place_writes_from() -> None:
    """Every FROM over a table goes through ProjectStatement.source, which adds the project."""
    pattern = re.compile(r"\b(FROM|JOIN)\s+(spans|scores|log_records|ingest_notices)\b")
    files = [*SOURCES.glob("queries/*.py"), *(SOURCES / n for n in ("filter_sql.py", "search.py", "criteria.py"))]
    assert [f.name for f in files if pattern.search(f.read_text())] == []


def test_only_the_statement_writes_from_a_variable_table() -> None:
    hits = [f.name for f in SOURCES.glob("queries/*.py") if re.search(r"FROM \{table", f.read_text())]
    assert hits == ["statement.py"]


def test_times_are_written_in_quotes_and_read_back() -> None:
    """Engines from 26.8 on read a bare number as seconds."""
    row = SpanRow(project_id="p", trace_id="t", span_id="s", start_ns=1_780_000_000_123_456_789, received_ns=5)
    line = encode_row(row)
    assert b'"start_time":"1780000000123456789"' in line
    assert decode_span_row(line) == row
    assert row.start_ns == 1_780_000_000_123_456_789
