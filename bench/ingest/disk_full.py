"""The device fills up while spans arrive: ingest answers 503, nothing acknowledged is lost, and later it goes on.

    python -m bench.ingest.disk_full --rounds 3

Runs the whole server on a small tmpfs in a mount namespace of its own, which needs root; exits 77 without it. The
journal meets the real end of the device (`min_free_bytes` is 0), and so does the column engine.
"""

import argparse
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from crash_rig import Sender, audit
from live import start_live_server

SKIPPED = 77
_CHUNK = 256 << 10


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", default="500m")
    parser.add_argument("--inside", type=Path)
    arguments = parser.parse_args()
    if arguments.inside is not None:
        return run(arguments.inside, arguments.rounds)
    with tempfile.TemporaryDirectory(prefix="kaname-full-") as folder:
        script = f'mount -t tmpfs -o size={arguments.size} tmpfs "$1" || exit {SKIPPED}; shift; exec "$@"'
        inner = [sys.executable, "-m", "bench.ingest.disk_full", "--rounds", str(arguments.rounds), "--inside", folder]
        try:
            return subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", folder, *inner], check=False).returncode
        except FileNotFoundError:
            return SKIPPED


def run(folder: Path, rounds: int) -> int:
    """Fills and frees the device under a running server."""
    rng = random.Random(5)
    environment = {"KANAME_JOURNAL_MIN_FREE_BYTES": "0", "KANAME_INGEST_BATCH_WAIT_S": "0.05"}
    server = start_live_server(folder / "data", environment=environment)
    filler = folder / "filler"
    acknowledged: set[str] = set()
    exact = True
    try:
        for number in range(1, rounds + 1):
            senders = [Sender(server, rng.randrange(2**32), 60, 0.02) for _ in range(2)]
            for sender in senders:
                sender.start()
            time.sleep(0.5)
            fill(filler)
            deadline = time.monotonic() + 20
            while not all(s.account.refused for s in senders) and time.monotonic() < deadline:
                fill(filler)
                time.sleep(0.1)
            refused = sum(s.account.refused for s in senders)
            filler.unlink()
            for sender in senders:
                sender.finish()
                acknowledged |= sender.account.acknowledged
            result = audit(server, acknowledged, timeout_s=90)
            print(f"round {number} refused {refused:4} {result}", flush=True)
            exact = exact and result.is_exact and refused > 0
    finally:
        server.stop()
        if not exact:
            print((folder / "server.log").read_text()[-6000:])
    return 0 if exact else 1


def fill(filler: Path) -> None:
    """Takes every byte that is free."""
    with contextlib.suppress(OSError):
        fd = os.open(filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for size in (_CHUNK, 4096, 64):
                with contextlib.suppress(OSError):
                    while os.write(fd, bytes(size)) == size:
                        pass
        finally:
            os.close(fd)


if __name__ == "__main__":
    sys.exit(main())
