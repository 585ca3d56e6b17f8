"""kill -9 of the engine while rows are inserted: what was acknowledged is there, exactly once."""

import os
import random
import signal
import threading
from dataclasses import replace
from pathlib import Path

from kaname.kernel.errors import EngineUnavailableError
from kaname.storage.columns import (
    ColumnsClient,
    ColumnsMigration,
    ColumnsSettings,
    LocalEngine,
    connect_columns,
    migrate_columns,
)

MIGRATION = ColumnsMigration(
    number=1,
    name="create rows",
    statements=[
        """CREATE TABLE IF NOT EXISTS rows (batch UInt64, number UInt64, text String) ENGINE = MergeTree
        ORDER BY (batch, number) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"""
    ],
)
ROUNDS = int(os.environ.get("KANAME_KILL_ROUNDS", "4"))
"""More for a soak: `KANAME_KILL_ROUNDS=60 pytest tests/integration/columns`."""
ROWS = 400


def insert_once(client: ColumnsClient, batch: int) -> None:
    body = b"\n".join(b'{"batch":%d,"number":%d,"text":"%b"}' % (batch, i, b"x" * 500) for i in range(ROWS))
    client.insert_json_lines("rows", body)


def insert_batch(client: ColumnsClient, batch: int) -> None:
    """What the consumer does: insert; when the outcome is unknown, look, and send again what is missing."""
    while True:
        try:
            insert_once(client, batch)
            return
        except EngineUnavailableError:
            (row,) = client.query_rows("SELECT count() AS n FROM rows WHERE batch = {b:UInt64}", {"b": batch})
            if row["n"] == ROWS:
                return
            assert row["n"] == 0, "a block is there whole or not at all"


def test_acknowledged_rows_survive_kills_exactly_once(tmp_path: Path):
    settings = ColumnsSettings(restart_wait_s=30)
    engine = LocalEngine(tmp_path / "columns", settings)
    engine.start()
    client = connect_columns(settings, engine.endpoint)
    acknowledged: list[int] = []
    stop = threading.Event()
    try:
        engine.wait_ready()
        migrate_columns(client, [MIGRATION])
        url = engine.endpoint.url

        def insert_until_stopped() -> None:
            while not stop.is_set():
                insert_batch(client, len(acknowledged))
                acknowledged.append(len(acknowledged))

        worker = threading.Thread(target=insert_until_stopped)
        worker.start()
        dice = random.Random(20261124)
        for _ in range(ROUNDS):
            before = len(acknowledged)
            while len(acknowledged) < before + 3:
                assert worker.is_alive()
                stop.wait(0.01)
            stop.wait(dice.random() * 0.2)
            pid = engine.pid
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        stop.set()
        worker.join(60)
        assert not worker.is_alive()
        rows = client.query_rows(
            "SELECT batch, count() AS n, uniqExact(number) AS u FROM rows GROUP BY batch ORDER BY batch"
        )
        assert [row["batch"] for row in rows] == acknowledged
        assert {(row["n"], row["u"]) for row in rows} == {(ROWS, ROWS)}
        assert engine.endpoint.url == url
        assert engine.restarts >= 1
        migrate_columns(client, [MIGRATION])
    finally:
        stop.set()
        client.close()
        engine.stop()


def test_reads_wait_for_the_restart_and_rows_survive_a_clean_stop(tmp_path: Path):
    settings = ColumnsSettings(restart_wait_s=30)
    engine = LocalEngine(tmp_path / "columns", settings)
    engine.start()
    try:
        client = connect_columns(settings, engine.endpoint)
        migrate_columns(client, [MIGRATION])
        insert_batch(client, 0)
        pid = engine.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert client.query_rows("SELECT count() AS n FROM rows") == [{"n": ROWS}]
        client.close()
    finally:
        engine.stop()
    engine.start()
    try:
        client = connect_columns(settings, engine.endpoint)
        assert client.query_rows("SELECT count() AS n FROM rows") == [{"n": ROWS}]
        client.command("DROP TABLE rows SYNC")
        client.close()
    finally:
        engine.stop()
    parts = list((tmp_path / "columns" / "store" / "store").glob("*/*/all_*"))
    engine.start()
    try:
        engine.wait_ready()
        left = list((tmp_path / "columns" / "store" / "store").glob("*/*/all_*"))
        assert len(left) < len(parts) or not parts, "a start removes what dropped tables left"
    finally:
        engine.stop()


def test_an_insert_that_its_client_gave_up_while_the_engine_was_away_is_not_run(tmp_path: Path):
    settings = ColumnsSettings(restart_wait_s=30)
    engine = LocalEngine(tmp_path / "columns", settings)
    engine.start()
    client = connect_columns(settings, engine.endpoint)
    try:
        migrate_columns(client, [MIGRATION])
        insert_batch(client, 0)
        pid = engine.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        hasty = connect_columns(replace(settings, insert_timeout_s=1), engine.endpoint)
        outcomes: list[str] = []

        def insert_hastily() -> None:
            try:
                insert_once(hasty, 1)
            except EngineUnavailableError as e:
                outcomes.append(e.code)

        threads = [threading.Thread(target=insert_hastily) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        hasty.close()
        assert outcomes == ["engine_unavailable"] * 3
        os.kill(pid, signal.SIGCONT)
        assert client.query_rows("SELECT batch, count() AS n FROM rows GROUP BY batch") == [{"batch": 0, "n": ROWS}]
    finally:
        client.close()
        engine.stop()
