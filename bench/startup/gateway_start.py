"""CPU from the start of `kaname gateway up` to the first 200 that a key gets, beside a bare uvicorn app in turns.

The bar is 0.5 s of CPU on a quiet machine; on a busy one the ratio to the floor is what can be compared.
"""

import os
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.startup.cold_start import cpu_seconds, family, start_bare, stop
from kaname.access.tokens import issue_token
from kaname.storage.sql.database import Database
from kaname.storage.sql.migrations import migrate

ROUNDS = 7
BAR_S = 0.5


def main() -> None:
    """Prints medians, ranges and the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        key = make_installation(data)
        ours: list[float] = []
        floor: list[float] = []
        for _ in range(ROUNDS):
            ours.append(start_gateway(data, key))
            floor.append(start_bare()[1])
            time.sleep(0.2)
    for name, runs in (("kaname gateway up", ours), ("bare uvicorn (floor)", floor)):
        print(f"{name:<24} CPU s {statistics.median(runs):.2f}  ({min(runs):.2f}–{max(runs):.2f})")
    ratio = statistics.median(a / b for a, b in zip(ours, floor, strict=True))
    print(f"{'ratio':<24} {ratio:.1f}; bar {BAR_S} s: {'met' if statistics.median(ours) <= BAR_S else 'missed'}")


def make_installation(data: Path) -> str:
    """A database with one key."""
    file = data / "kaname.db"
    database = Database(f"sqlite:///{file}")
    migrate(database)
    database.close()
    token = issue_token("kn-sk-")
    now = "2026-01-01 00:00:00.000000"
    with sqlite3.connect(file) as c:
        c.execute("INSERT INTO organizations VALUES ('org_1', 'o', ?)", (now,))
        c.execute("INSERT INTO projects VALUES ('prj_1', 'org_1', 'p', ?, NULL)", (now,))
        (version,) = c.execute("UPDATE key_changes SET version = version + 1 RETURNING version").fetchone()
        c.execute(
            "INSERT INTO api_keys (id, project_id, public_part, digest, name, scopes, created_at, created_by, version)"
            " VALUES ('key_1', 'prj_1', ?, ?, 'k', '[\"gateway:call\"]', ?, 'usr_1', ?)",
            (token.public_part, token.digest, now, version),
        )
    return token.text


def start_gateway(data: Path, key: str) -> float:
    """CPU seconds of all its processes until the answer."""
    argv = [sys.executable, "-m", "kaname.app.entry", "--data-dir", str(data), "gateway", "up", "--port", "0"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    found = re.search(r"answers at (\S+)", process.stdout.readline().decode())
    if found is None:
        process.send_signal(signal.SIGKILL)
        raise SystemExit("kaname gateway up didn't start")
    request = urllib.request.Request(f"{found.group(1)}/models", headers={"authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
    cpu = sum(cpu_seconds(pid) for pid in family(process.pid))
    stop(process)
    return cpu


if __name__ == "__main__":
    main()
