"""The little SQL reader: it must never take a word inside a string, a name or a comment for a clause."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.storage.columns.engine.faults import StatementError, fault_from_message
from kaname.storage.columns.engine.statement import quote_name, quote_text, read_statement


@pytest.mark.parametrize(
    ("sql", "kind", "output_format"),
    [
        ("SELECT 1", "result", ""),
        ("select 1 format JSON", "result", "JSON"),
        ("SELECT 1 FORMAT Native SETTINGS max_threads = 1", "result", "Native"),
        ("(SELECT 1) UNION ALL (SELECT 2) FORMAT CSV;", "result", "CSV"),
        ("WITH x AS (SELECT 1 AS format) SELECT * FROM x", "result", ""),
        ("SELECT 1 AS format", "result", ""),
        ("SELECT 'FORMAT JSON'", "result", ""),
        ("SELECT 1 -- FORMAT JSON", "result", ""),
        ("SELECT 1 /* FORMAT CSV */ FORMAT TSV -- x", "result", "TSV"),
        ("SELECT $$ FORMAT JSON $$", "result", ""),
        ("SHOW TABLES", "result", ""),
        ("CREATE TABLE t (a UInt8) ENGINE = Memory", "command", ""),
        ("  -- note\nDROP TABLE t", "command", ""),
    ],
)
def test_kind_and_format(sql: str, kind: str, output_format: str):
    statement = read_statement(sql.encode())
    assert (statement.kind, statement.format) == (kind, output_format)


def test_output_clause_is_added_before_format_and_survives_a_comment_at_the_end():
    statement = read_statement(b"SELECT 1 -- last")
    assert statement.with_output("JSON", "/x") == b"SELECT 1 -- last\n INTO OUTFILE '/x' APPEND FORMAT JSON "
    statement = read_statement(b"SELECT 1 FORMAT CSV SETTINGS a = 1;")
    assert statement.with_output(statement.format).split() == b"SELECT 1 FORMAT CSV SETTINGS a = 1".split()


@pytest.mark.parametrize(
    "sql",
    ["SELECT 1; SELECT 2", "DROP TABLE a; DROP TABLE b", "SELECT ';' ; x", "INSERT INTO t SELECT 1; DROP TABLE t"],
)
def test_several_statements_are_refused(sql: str):
    with pytest.raises(StatementError) as caught:
        read_statement(sql.encode())
    assert caught.value.code == 62


@pytest.mark.parametrize(
    "sql", ["SELECT 1;", "SELECT ';'", "SELECT 1 ; -- done", "SELECT `a;b`", "SELECT 'it''s; \\'x;'"]
)
def test_a_semicolon_in_text_or_at_the_end_is_fine(sql: str):
    assert read_statement(sql.encode()).kind == "result"


@pytest.mark.parametrize("sql", ["", "  ", "-- only a comment", "INSERT INTO t"])
def test_incomplete_statements_are_refused(sql: str):
    with pytest.raises(StatementError):
        read_statement(sql.encode())


@pytest.mark.parametrize(
    "sql", ["SELECT 1 INTO OUTFILE '/tmp/x'", "INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV"]
)
def test_files_of_the_engine_s_machine_are_out_of_reach(sql: str):
    with pytest.raises(StatementError):
        read_statement(sql.encode())


def test_insert_data_may_follow_the_format_or_come_as_a_body():
    inline = read_statement(b'INSERT INTO t (a) FORMAT JSONEachRow\n{"a": "; DROP TABLE t"}')
    assert inline.data == b'{"a": "; DROP TABLE t"}'
    assert inline.from_file("/f").split() == b"INSERT INTO t (a) FROM INFILE '/f' FORMAT JSONEachRow".split()
    beside = read_statement(b"INSERT INTO t SETTINGS x = 1 FORMAT Native", b"\x00\xff;")
    assert beside.data == b"\x00\xff;"
    assert beside.from_file("/f").split() == b"INSERT INTO t FROM INFILE '/f' SETTINGS x = 1 FORMAT Native".split()


def test_sync_is_left_out_because_the_embedded_engine_would_wait_for_ever():
    assert read_statement(b"DROP TABLE t SYNC;").head.split() == [b"DROP", b"TABLE", b"t"]
    assert read_statement(b"DROP DATABASE IF EXISTS d -- x\n sync").head.split()[-1] == b"x"
    assert read_statement(b"DROP TABLE sync").head == b"DROP TABLE sync"[:15]


@given(st.binary(max_size=200))
def test_inline_binary_data_is_never_read_as_sql(data: bytes):
    statement = read_statement(b"INSERT INTO t FORMAT Native\n" + data)
    assert bytes(statement.data or b"") == data


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(sql: bytes):
    try:
        read_statement(sql)
    except StatementError as e:
        assert e.status in (400, 404, 500)


@given(st.text(max_size=80))
def test_quoted_text_never_ends_early(text: str):
    sql = f"SELECT {quote_text(text)}, {quote_name(text or 'x')}".encode("utf-8", "surrogatepass")
    assert read_statement(sql).head.rstrip() == sql.rstrip()


def test_faults_are_read_from_the_engine_s_text():
    fault = fault_from_message("Code: 60. DB::Exception: Unknown table (x). (UNKNOWN_TABLE) (version 26.5.1.1)")
    assert (fault.code, fault.name, fault.status) == (60, "UNKNOWN_TABLE", 404)
    assert fault_from_message("gibberish").code == 1002
