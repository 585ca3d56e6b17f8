"""kill -9 of server, engine and worker at random moments while spans arrive, again and again, on one data folder.

    python -m bench.ingest.soak --rounds 60

Prints an account after every round and exits 1 unless, at the end, every acknowledged span is stored exactly once and
costs exactly what it should.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from crash_rig import Sender, audit, kill
from live import start_live_server

VICTIMS = (
    ["worker"], ["engine"], ["server"], ["worker", "engine"], ["engine", "server"], ["server", "worker", "engine"],
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--senders", type=int, default=2)
    parser.add_argument("--spans", type=int, default=40, help="spans in a batch")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    folder = Path(tempfile.mkdtemp(prefix="kaname-soak-"))
    server = start_live_server(folder / "data", environment={"KANAME_INGEST_BATCH_WAIT_S": "0.05"})
    acknowledged: set[str] = set()
    ok = True
    try:
        for number in range(1, arguments.rounds + 1):
            senders = [Sender(server, rng.randrange(2**32), arguments.spans, 0.05) for _ in range(arguments.senders)]
            for sender in senders:
                sender.start()
            victims = VICTIMS[rng.randrange(len(VICTIMS))]
            time.sleep(rng.uniform(0.2, 2.0))
            kill(server, victims)
            if "server" in victims:
                server.restart()
            time.sleep(rng.uniform(0.0, 1.0))
            for sender in senders:
                sender.finish()
                acknowledged |= sender.account.acknowledged
            result = audit(server, acknowledged)
            requests = sum(s.account.requests for s in senders)
            print(
                f"round {number:3} killed {'+'.join(victims):22} requests {requests:5} acknowledged "
                f"{result.acknowledged:7} rows {result.rows:7} lost {result.lost} "
                f"duplicates {result.rows - result.distinct} cost off by {result.cost - result.cost_expected}",
                flush=True,
            )
            ok = ok and result.is_exact
            if not ok:
                break
    finally:
        server.stop()
        if ok:
            shutil.rmtree(folder)
        else:
            print(f"kept {folder}")
    print("exact" if ok else "NOT EXACT")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
