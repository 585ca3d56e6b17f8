"""What every column engine must do, through ColumnsClient."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from kaname.kernel.errors import ConfigurationError, EngineRefusedError, EngineUnavailableError, UnavailableError
from kaname.storage.columns import ColumnsClient, ColumnsSettings, EngineEndpoint, LocalEngine, connect_columns

AWKWARD = [
    "",
    "it's",
    'say "hi"',
    "back\\slash \\n \\' \\\\",
    "line\nbreak\r\n\ttab",
    "日本語 🎋 e\u0301",
    "'; DROP TABLE t; --",
    "{x:String} %(x)s $1 ?",
    "\x00\x01\x7f",
    "\\N",
    "NULL",
]


def test_types_come_back_as_they_went_in(columns: ColumnsClient):
    columns.command(
        """CREATE TABLE t (
            id UInt64, name LowCardinality(String), at DateTime64(9, 'UTC'), usage Map(LowCardinality(String), UInt64),
            cost Map(LowCardinality(String), Decimal(18, 12)), total Nullable(Decimal(18, 12)), tags Array(String),
            is_root Bool, ratio Nullable(Float64)
        ) ENGINE = MergeTree ORDER BY id SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"""
    )
    columns.insert_json_lines(
        "t",
        b'{"id":1,"name":"x","at":"1760000000.123456789","usage":{"a":1,"b":18446744073709551615},'
        b'"cost":{"in":"0.000000000001"},"total":"123456.000000000001","tags":["a","\xe6\x97\xa5"],"is_root":true,'
        b'"ratio":0.1}\n{"id":2,"total":null,"ratio":null}\n',
    )
    first, second = columns.query_rows("SELECT *, toUnixTimestamp64Nano(at) AS ns FROM t ORDER BY id")
    assert first == {
        "id": 1,
        "name": "x",
        "at": datetime(2025, 10, 9, 8, 53, 20, 123456, tzinfo=UTC),
        "usage": {"a": 1, "b": 2**64 - 1},
        "cost": {"in": Decimal("0.000000000001")},
        "total": Decimal("123456.000000000001"),
        "tags": ["a", "日"],
        "is_root": True,
        "ratio": 0.1,
        "ns": 1760000000123456789,
    }
    assert (second["total"], second["ratio"], second["usage"], second["tags"]) == (None, None, {}, [])


@pytest.mark.parametrize("text", AWKWARD)
def test_parameters_are_bound_never_interpreted(columns: ColumnsClient, text: str):
    (row,) = columns.query_rows(
        "SELECT {x:String} AS x, {many:Array(String)} AS many, length({x:String}) AS n",
        {"x": text, "many": [text, "other", text]},
    )
    assert row == {"x": text, "many": [text, "other", text], "n": len(text.encode())}


def test_long_arrays_fit_in_a_parameter(columns: ColumnsClient):
    ids = [f"{i:032x}" for i in range(20_000)]
    (row,) = columns.query_rows(
        "SELECT length({ids:Array(String)}) AS n, {ids:Array(String)}[-1] AS last", {"ids": ids}
    )
    assert row == {"n": 20_000, "last": ids[-1]}


def test_identifiers_with_quotes_are_quoted_on_insert(columns: ColumnsClient):
    columns.command("CREATE TABLE `we``ird; t` (`a b` String) ENGINE = MergeTree ORDER BY tuple()")
    columns.insert_json_lines("we`ird; t", b'{"a b":"x"}', columns=["a b"])
    assert columns.query_rows("SELECT `a b` FROM `we``ird; t`") == [{"a b": "x"}]


def test_columns_are_read_by_column(columns: ColumnsClient):
    result = columns.query_columns("SELECT number AS n, toString(number) AS s FROM numbers(3)")
    assert result == {"n": [0, 1, 2], "s": ["0", "1", "2"]}
    assert columns.query_columns("SELECT 1 AS x WHERE 0") in ({}, {"x": []})
    assert columns.query_rows("SELECT 1 AS x WHERE 0") == []


def test_a_refused_insert_leaves_nothing(columns: ColumnsClient):
    columns.command("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    good = b"\n".join(b'{"a":%d}' % i for i in range(5000))
    for bad in (b'{"a":"x"}', b'{"a":1,"unknown":2}', b'{"a":1', b"\xff\xfe", b'{"a":-1e99}'):
        with pytest.raises(EngineRefusedError) as caught:
            columns.insert_json_lines("t", good + b"\n" + bad)
        assert caught.value.engine_code > 0
    assert columns.query_rows("SELECT count() AS n FROM t") == [{"n": 0}]


def test_one_insert_is_one_part(columns: ColumnsClient):
    columns.command("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    columns.insert_json_lines("t", b"\n".join(b'{"a":%d,"s":"%s"}' % (i, b"x" * 300) for i in range(60_000)))
    assert columns.query_rows(
        "SELECT count() AS n FROM system.parts WHERE table = 't' AND database = currentDatabase()"
    ) == [{"n": 1}]


def test_errors_are_told_apart(columns: ColumnsClient):
    with pytest.raises(EngineRefusedError) as unknown_table:
        columns.query_rows("SELECT * FROM nothing_here")
    assert unknown_table.value.engine_code == 60
    with pytest.raises(EngineRefusedError) as syntax:
        columns.command("CREATE TABEL t")
    assert syntax.value.engine_code == 62
    with pytest.raises(UnavailableError) as slow:
        columns.query_rows(
            "SELECT sum(sipHash64(number)) FROM numbers(100000000000)", settings={"max_execution_time": 0.2}
        )
    assert slow.value.code == "query_timeout"
    with pytest.raises(UnavailableError) as large:
        columns.query_rows(
            "SELECT groupArray(number) FROM numbers(50000000)", settings={"max_memory_usage": 20_000_000}
        )
    assert large.value.code == "query_too_large"


@pytest.mark.parametrize("output_format", ["JSONEachRow", "Parquet", "CSV", "Native"])
def test_exports_are_whole_in_every_format(columns: ColumnsClient, output_format: str):
    sql = "SELECT number AS n, toString(number) AS s FROM numbers({k:UInt64})"
    for rows in (0, 10, 400_000):
        pieces = list(columns.query_stream(sql, {"k": rows}, output_format=output_format))
        if output_format in ("JSONEachRow", "CSV"):
            assert b"".join(pieces).count(b"\n") == rows
        if rows == 400_000:
            assert len(pieces) > 3
            assert max(map(len, pieces)) <= 1 << 20


def test_parquet_exports_can_be_read(columns: ColumnsClient, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "x.parquet"
    with path.open("wb") as f:
        for piece in columns.query_stream("SELECT number AS n FROM numbers(300000)", output_format="Parquet"):
            f.write(piece)
    assert parquet.read_table(path).num_rows == 300_000


def test_an_export_that_fails_midway_raises(columns: ColumnsClient):
    sql = "SELECT throwIf(number = 3000000, 'boom') AS x, toString(number) AS s FROM numbers(5000000)"
    stream = columns.query_stream(sql, output_format="JSONEachRow", settings={"max_block_size": 1000})
    assert next(stream)
    with pytest.raises((EngineRefusedError, EngineUnavailableError)):
        list(stream)


def test_an_export_that_fails_at_once_raises_before_the_first_piece(columns: ColumnsClient):
    with pytest.raises(EngineRefusedError):
        columns.query_stream("SELECT * FROM nothing_here", output_format="JSONEachRow")


def test_leaving_an_export_stops_it(columns: ColumnsClient):
    stream = columns.query_stream("SELECT number, 'marked' FROM numbers(100000000000)", output_format="CSV")
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    sql = "SELECT count() AS n FROM system.processes WHERE query LIKE '%''marked''%' AND query NOT LIKE '%processes%'"
    deadline = threading.Event()
    for _ in range(200):
        if columns.query_rows(sql) == [{"n": 0}]:
            return
        deadline.wait(0.05)
    pytest.fail("the statement still runs")


def test_many_threads_share_a_client(columns: ColumnsClient):
    columns.command("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")

    def work(i: int) -> int:
        columns.insert_json_lines("t", b'{"a":%d}' % i)
        (row,) = columns.query_rows("SELECT {i:UInt64} AS i, count() AS n FROM t WHERE a = {i:UInt64}", {"i": i})
        assert row == {"i": i, "n": 1}
        return i

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(work, range(60))) == list(range(60))


def test_settings_and_databases_of_requests_do_not_leak(columns: ColumnsClient, columns_engine: LocalEngine):
    columns.command("SET max_threads = 1")
    columns.query_rows("SELECT 1", settings={"max_block_size": 7})
    (row,) = columns.query_rows("SELECT getSetting('max_block_size') AS b, currentDatabase() AS d")
    assert row["b"] != 7
    other = connect_columns(ColumnsSettings(database="default"), columns_engine.endpoint)
    assert other.query_rows("SELECT currentDatabase() AS d") == [{"d": "default"}]
    assert columns.query_rows("SELECT currentDatabase() AS d") == [{"d": row["d"]}]
    other.close()


def test_a_wrong_secret_is_a_configuration_error(columns_engine: LocalEngine):
    client = connect_columns(ColumnsSettings(), EngineEndpoint(url=columns_engine.endpoint.url, secret="wrong"))
    with pytest.raises(ConfigurationError) as caught:
        client.query_rows("SELECT 1")
    assert caught.value.code == "columns_access_denied"


def test_nobody_there_is_unavailable():
    endpoint = EngineEndpoint(url="http://127.0.0.1:9", secret="x")
    client = connect_columns(ColumnsSettings(restart_wait_s=0.2), endpoint)
    assert not client.ping()
    with pytest.raises(EngineUnavailableError) as caught:
        client.query_rows("SELECT 1")
    assert caught.value.retry_after_s is not None


def test_settings_need_an_engine_or_a_url():
    with pytest.raises(ConfigurationError):
        connect_columns(ColumnsSettings(), None)
    with pytest.raises(ConfigurationError):
        connect_columns(ColumnsSettings(url="clickhouse://x"), None)


def test_the_endpoint_travels_by_environment():
    endpoint = EngineEndpoint(url="http://127.0.0.1:1", secret="geheim")
    assert EngineEndpoint.from_environment(endpoint.to_environment()) == endpoint
    assert EngineEndpoint.from_environment({}) is None
    assert "geheim" not in repr(endpoint)


def test_the_embedded_engine_can_give_memory_back(columns: ColumnsClient):
    columns.command("SYSTEM JEMALLOC PURGE")


def test_dropping_and_waiting_returns(columns: ColumnsClient):
    columns.command("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    columns.insert_json_lines("t", b'{"a":1}')
    columns.command("DROP TABLE t SYNC")
    assert columns.query_rows("SHOW TABLES") == []
