"""The engine's HTTP interface on the wire: who may come in, what is refused, how errors look."""

import base64
import gzip
import http.client
import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kaname.storage.columns import ColumnsClient, ColumnsSettings, LocalEngine

TINY_BODY = 1 << 20


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """An engine with small bounds, so that reaching them is cheap."""
    small = ColumnsSettings(max_request_bytes=TINY_BODY, max_concurrent_queries=1, max_waiting=2)
    engine = LocalEngine(tmp_path_factory.mktemp("columns_http") / "columns", small)
    engine.start()
    try:
        engine.wait_ready()
        yield engine
    finally:
        engine.stop()


def address(engine: LocalEngine) -> tuple[str, int]:
    host, _, port = engine.endpoint.url.removeprefix("http://").partition(":")
    return host, int(port)


def basic(engine: LocalEngine) -> dict[str, str]:
    token = base64.b64encode(f"kaname:{engine.endpoint.secret}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


def ask(
    engine: LocalEngine,
    target: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    method: str = "POST",
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*address(engine), timeout=30)
    try:
        connection.request(method, target, body, basic(engine) if headers is None else headers)
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        connection.close()


def exchange(engine: LocalEngine, data: bytes) -> bytes:
    """Sends raw bytes and reads until the server closes or is silent."""
    with socket.create_connection(address(engine), timeout=10) as s:
        s.sendall(data)
        s.settimeout(1.0)
        received = b""
        try:
            while piece := s.recv(65536):
                received += piece
        except (TimeoutError, ConnectionResetError):
            pass
        return received


def test_ping_needs_no_secret(engine: LocalEngine):
    assert ask(engine, "/ping", method="GET", headers={})[::2] == (200, b"Ok.\n")
    assert ask(engine, "/", method="GET", headers={})[::2] == (200, b"Ok.\n")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Basic !!!"}, 401),
        ({"Authorization": "Bearer x"}, 401),
        ({"Authorization": "Basic " + base64.b64encode(b"kaname:wrong").decode()}, 403),
        ({"X-ClickHouse-User": "kaname", "X-ClickHouse-Key": "wrong"}, 403),
        ({"X-ClickHouse-User": "kaname", "X-ClickHouse-Key": ""}, 401),
    ],
)
def test_without_the_secret_nothing_runs(engine: LocalEngine, headers: dict[str, str], status: int):
    got, answer, body = ask(engine, "/?query=SELECT+1", headers=headers)
    assert got == status
    assert answer["x-clickhouse-exception-code"] in ("194", "516")
    assert b"DB::Exception" in body


def test_every_way_to_send_the_secret_works(engine: LocalEngine):
    secret = engine.endpoint.secret
    key = {"X-ClickHouse-User": "kaname", "X-ClickHouse-Key": secret}
    assert ask(engine, "/?query=SELECT+1", headers=key)[2] == b"1\n"
    by_url = f"/?user=kaname&password={quote(secret)}&query=SELECT+1"
    assert ask(engine, by_url, headers={})[2] == b"1\n"
    wrong_user = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": secret}
    assert ask(engine, "/?query=SELECT+1", headers=wrong_user)[0] == 403


def test_a_body_without_the_secret_is_not_read(engine: LocalEngine):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"
    assert exchange(engine, head).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELECT * FROM nothing_here", 404, 60),
        ("SELEC", 400, 62),
        ("SELECT 1; SELECT 2", 400, 62),
        ("SELECT nofunction(1)", 404, 46),
        ("SELECT toUInt8('x')", 400, 6),
        ("SELECT throwIf(1, 'boom')", 500, 395),
        ("", 400, 62),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", 500, 348),
        ("SELECT {x:UInt8}", 400, 456),
        ("SELECT 1 FORMAT NoSuchFormat", 404, 73),
    ],
)
def test_errors_have_clickhouse_s_shape(engine: LocalEngine, sql: str, status: int, code: int):
    for target in ("/?wait_end_of_query=1", "/"):
        got, headers, body = ask(engine, target, sql.encode())
        assert (got, headers.get("x-clickhouse-exception-code")) == (status, str(code)), body
        assert body.startswith(f"Code: {code}. DB::Exception: ".encode())


def test_unknown_settings_databases_and_paths_are_refused(engine: LocalEngine):
    assert ask(engine, "/?no_such_setting=1", b"SELECT 1")[0] == 404
    assert ask(engine, "/?a%20b=1", b"SELECT 1")[0] == 404
    assert ask(engine, "/?database=nothing", b"SELECT 1")[0] == 404
    assert ask(engine, "/?database=" + quote("x`; DROP DATABASE default"), b"SELECT 1")[0] == 404
    assert ask(engine, "/?max_threads=" + quote("1', readonly='1"), b"SELECT 1")[0] in (400, 500)
    assert ask(engine, "/replicas_status", b"SELECT 1")[0] == 404
    assert ask(engine, "/?compress=1", b"SELECT 1")[0] == 501
    assert ask(engine, "/", b"SELECT 1", method="PUT")[0] == 405


def test_get_may_only_read(engine: LocalEngine):
    assert ask(engine, "/?" + urlencode({"query": "SELECT 1"}), method="GET")[2] == b"1\n"
    status, headers, _ = ask(engine, "/?" + urlencode({"query": "CREATE DATABASE x"}), method="GET")
    assert (status, headers["x-clickhouse-exception-code"]) == (500, "164")
    assert ask(engine, "/?readonly=1", b"CREATE DATABASE x")[0] == 500


def test_formats_summary_and_head(engine: LocalEngine):
    status, headers, body = ask(engine, "/?default_format=JSON&wait_end_of_query=1", b"SELECT 1 AS x")
    assert (status, json.loads(body)["data"]) == (200, [{"x": 1}])
    assert headers["x-clickhouse-format"] == "JSON"
    assert headers["content-type"].startswith("application/json")
    assert int(json.loads(headers["x-clickhouse-summary"])["result_rows"]) == 1
    assert headers["x-clickhouse-query-id"]
    assert ask(engine, "/?query=SELECT+1", method="HEAD")[2] == b""


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4", "zstd"])
def test_answers_are_compressed_when_asked(engine: LocalEngine, encoding: str):
    ask_for = basic(engine) | {"Accept-Encoding": encoding}
    _, headers, body = ask(engine, "/?enable_http_compression=1", b"SELECT number FROM numbers(100000)", ask_for)
    assert headers["content-encoding"] == encoding
    assert len(body) < 500_000
    assert "content-encoding" not in ask(engine, "/", b"SELECT 1", ask_for)[1]
    if encoding == "gzip":
        assert gzip.decompress(body).count(b"\n") == 100_000


def test_bodies_may_be_compressed_and_bombs_are_refused(engine: LocalEngine):
    packed = basic(engine) | {"Content-Encoding": "gzip"}
    assert ask(engine, "/", gzip.compress(b"SELECT 7"), packed)[2] == b"7\n"
    bomb = gzip.compress(b"SELECT 1 --" + b"x" * 20 * TINY_BODY)
    assert ask(engine, "/", bomb, packed)[0] == 413
    assert ask(engine, "/", b"no gzip", packed)[0] == 400


def test_bodies_are_bounded(engine: LocalEngine):
    into_nothing = b"INSERT INTO FUNCTION null('x String') FORMAT LineAsString\n"
    assert ask(engine, "/", into_nothing + b"x" * (TINY_BODY - 100))[0] == 200
    assert exchange_with_secret(engine, b"Content-Length: 9999999999\r\n\r\n").startswith(b"HTTP/1.1 413 ")
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    answer = exchange_with_secret(engine, b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 40)
    assert answer.startswith(b"HTTP/1.1 413 ") or answer == b""


def test_endless_headers_are_cut(engine: LocalEngine):
    head = b"GET /?query=1 HTTP/1.1\r\nX-Long: "
    with socket.create_connection(address(engine), timeout=10) as s, pytest.raises(ConnectionError):
        s.sendall(head + b"x" * (64 << 20))


def exchange_with_secret(engine: LocalEngine, rest: bytes) -> bytes:
    authorization = basic(engine)["Authorization"].encode()
    return exchange(engine, b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: " + authorization + b"\r\n" + rest)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"NONSENSE\r\n\r\n",
        b"GET /?query=1 HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_malformed_requests_are_answered_and_cut(engine: LocalEngine, data: bytes):
    answer = exchange(engine, data)
    assert answer == b"" or answer.split(b" ", 2)[1] in (b"400", b"401", b"501")
    assert ask(engine, "/ping", method="GET", headers={})[0] == 200


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=2000))
def test_any_bytes_leave_the_engine_alive(engine: LocalEngine, data: bytes):
    with socket.create_connection(address(engine), timeout=10) as s:
        s.sendall(data)
    assert ask(engine, "/ping", method="GET", headers={})[0] == 200


def test_requests_on_one_connection_are_answered_in_order(engine: LocalEngine):
    authorization = basic(engine)["Authorization"].encode()
    one = b"GET /?query=SELECT+%d HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\n\r\n"
    answer = exchange(engine, b"".join(one % (i, authorization) for i in range(5)))
    bodies = [part.rpartition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [b"%d\n" % i for i in range(5)]


def test_expect_continue_is_answered(engine: LocalEngine):
    answer = exchange_with_secret(engine, b"Expect: 100-continue\r\nContent-Length: 8\r\n\r\nSELECT 3")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def test_a_full_line_is_refused_with_retry_after(engine: LocalEngine):
    slow = b"SELECT sleepEachRow(0.5) FROM numbers(4) SETTINGS max_block_size = 1"
    connections = [http.client.HTTPConnection(*address(engine), timeout=30) for _ in range(3)]
    for connection in connections:
        connection.request("POST", "/?wait_end_of_query=1", slow, basic(engine))
    deadline = time.monotonic() + 20
    status, headers, body = 0, {}, b""
    while time.monotonic() < deadline and status != 503:
        status, headers, body = ask(engine, "/?wait_end_of_query=1", b"SELECT 1")
    assert (status, headers["retry-after"], headers["x-clickhouse-exception-code"]) == (503, "1", "202"), body
    # Writes have a line of their own.
    assert ask(engine, "/", b"CREATE DATABASE IF NOT EXISTS other_lane")[0] == 200
    for connection in connections:
        connection.close()


def test_a_client_that_leaves_frees_its_place(engine: LocalEngine):
    for _ in range(3):
        connection = http.client.HTTPConnection(*address(engine), timeout=30)
        connection.request(
            "POST", "/?wait_end_of_query=1", b"SELECT sum(sipHash64(number)) FROM numbers(1e12)", basic(engine)
        )
        connection.close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if ask(engine, "/?wait_end_of_query=1", b"SELECT 1")[0] == 200:
            return
        time.sleep(0.05)
    pytest.fail("the statements of clients that left still hold the lane")


def test_external_tables_are_refused(engine: LocalEngine):
    boundary = "b"
    head = 'Content-Disposition: form-data; name="t"; filename="t"'
    body = f"--{boundary}\r\n{head}\r\n\r\n1\n\r\n--{boundary}--\r\n".encode()
    headers = basic(engine) | {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    assert ask(engine, "/?query=SELECT+1", body, headers)[0] == 501


def test_the_engine_writes_no_logs_of_its_own(columns: ColumnsClient):
    columns.query_rows("SELECT 1")
    columns.command("SYSTEM FLUSH LOGS")
    stored = "SELECT name FROM system.tables WHERE database = 'system' AND engine LIKE '%MergeTree'"
    assert columns.query_rows(stored) == []
