"""clickhouse-connect, unmodified and with its own defaults, against the embedded engine."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from kaname.storage.columns import ColumnsClient, ColumnsSettings, LocalEngine


@pytest.fixture(params=[True, False, "lz4", "zstd", "gzip"])
def client(
    request: pytest.FixtureRequest,
    columns_engine: LocalEngine,
    columns: ColumnsClient,
    columns_settings: ColumnsSettings,
) -> Iterator[Client]:
    parts = urlsplit(columns_engine.endpoint.url)
    client = clickhouse_connect.get_client(
        host=parts.hostname,
        port=parts.port,
        username="kaname",
        password=columns_engine.endpoint.secret,
        database=columns_settings.database,
        compress=request.param,
    )
    yield client
    client.close()


def test_insert_query_and_command(client: Client):
    assert client.ping()
    assert client.command("SELECT 40 + 2") == 42
    client.command(
        "CREATE TABLE t (a UInt64, s String, at DateTime64(6, 'UTC'), m Map(String, UInt64), d Decimal(18, 12)) "
        "ENGINE = MergeTree ORDER BY a"
    )
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    rows = [[i, f"row {i} 日本 'x'", at, {"k": i}, Decimal("0.000000000001") * i] for i in range(10_000)]
    summary = client.insert("t", rows, column_names=["a", "s", "at", "m", "d"])
    assert summary.written_rows == 10_000
    result = client.query("SELECT * FROM t ORDER BY a", tz_mode="aware")
    assert [list(row) for row in result.result_rows] == rows
    client.raw_insert("t", column_names=["a", "s"], insert_block=b'{"a":99999,"s":"x"}', fmt="JSONEachRow")
    assert client.query("SELECT count() FROM t").result_rows == [(10_001,)]
    assert client.command("SELECT a FROM t WHERE a > 1e9") == ""


def test_parameters_and_settings(client: Client):
    text = "it's \\ \n 日本; DROP"
    result = client.query(
        "SELECT {x:String}, {y:UInt64}, getSetting('max_threads')", {"x": text, "y": 5}, {"max_threads": 1}
    )
    assert result.result_rows == [(text, 5, 1)]
    assert client.query("SELECT %(x)s", {"x": text}).result_rows == [(text,)]


def test_streams(client: Client):
    with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(300000)") as stream:
        assert sum(len(block) for block in stream) == 300_000
    with client.raw_stream("SELECT number FROM numbers(100000)", fmt="CSV") as raw:
        assert raw.read().count(b"\n") == 100_000


def test_errors(client: Client):
    with pytest.raises(DatabaseError) as caught:
        client.query("SELECT * FROM nothing_here")
    assert (caught.value.code, caught.value.name) == (60, "UNKNOWN_TABLE")
    sql = "SELECT throwIf(number = 2000000, 'boom'), toString(number) FROM numbers(3000000)"
    with client.query_row_block_stream(sql, settings={"max_block_size": 1000}) as stream:
        assert next(stream)
        with pytest.raises((StreamFailureError, DatabaseError)):
            list(stream)
