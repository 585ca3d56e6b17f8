"""A few rounds of what `bench/ingest/soak.py` does many of: kill -9 while spans arrive; nothing lost, nothing twice."""

import random
import time

import pytest

from crash_rig import Sender, audit, kill
from live import start_live_server


@pytest.mark.timeout(400)
def test_kill_9_of_every_process_loses_nothing_and_counts_nothing_twice(tmp_path):
    rng = random.Random(20261124)
    server = start_live_server(tmp_path / "data", environment={"KANAME_INGEST_BATCH_WAIT_S": "0.05"})
    acknowledged: set[str] = set()
    try:
        for victims in (["engine"], ["worker"], ["server"], ["worker", "engine"], ["server", "engine", "worker"]):
            sender = Sender(server, rng.randrange(2**32), 30, 0.02)
            sender.start()
            time.sleep(rng.uniform(0.3, 1.2))
            kill(server, victims)
            if "server" in victims:
                server.restart()
            time.sleep(0.3)
            sender.finish()
            acknowledged |= sender.account.acknowledged
        result = audit(server, acknowledged)
    finally:
        server.stop()
    assert result.acknowledged > 300
    assert result.is_exact, result
