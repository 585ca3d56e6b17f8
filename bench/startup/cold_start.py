"""Cold `kaname up` to a page answered, and what every process takes in memory when idle.

Floor in the same run: a bare uvicorn app that answers one page. Wall time is what a person waits; CPU time says how
much of it is ours and not the machine's.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROUNDS = 5
IDLE_S = 12.0
BARE = """
import uvicorn
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
uvicorn.run(app, port=PORT, log_level="error", lifespan="off")
"""


def main() -> None:
    """Prints both tables."""
    ours = [start_ours() for _ in range(ROUNDS)]
    floor = [start_bare() for _ in range(ROUNDS)]
    print(f"{'':<24}{'wall s (median, range)':<28}{'CPU s (median)':<16}")
    for name, runs in (("kaname up, empty folder", ours), ("bare uvicorn (floor)", floor)):
        walls, cpus = [r[0] for r in runs], [r[1] for r in runs]
        spread = f"{statistics.median(walls):.2f}  ({min(walls):.2f}–{max(walls):.2f})"
        print(f"{name:<24}{spread:<28}{statistics.median(cpus):<16.2f}")
    print_memory()


def start_ours() -> tuple[float, float]:
    """(wall seconds to the first page, CPU seconds of all processes until then)."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        started = time.monotonic()
        process = spawn(data)
        url = wait_for_page(data, process)
        wall = time.monotonic() - started
        cpu = sum(cpu_seconds(pid) for pid in family(process.pid))
        stop(process)
        assert url
        return wall, cpu


def spawn(data: Path) -> "subprocess.Popen[bytes]":
    argv = [sys.executable, "-m", "kaname.app.cli", "--data-dir", str(data), "up", "--port", "0"]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_page(data: Path, process: "subprocess.Popen[bytes]") -> str:
    ready = data / "run" / "server.json"
    while process.poll() is None:
        if ready.exists():
            url = json.loads(ready.read_text())["url"]
            try:
                urllib.request.urlopen(url, timeout=5).read()
                return url
            except OSError:
                pass
        time.sleep(0.01)
    raise SystemExit("kaname up ended")


def start_bare() -> tuple[float, float]:
    """The same for a server that does nothing."""
    port = 20000 + os.getpid() % 20000
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", BARE.replace("PORT", str(port))])
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=5).read()
            break
        except OSError:
            time.sleep(0.01)
    wall, cpu = time.monotonic() - started, cpu_seconds(process.pid)
    stop(process)
    return wall, cpu


def print_memory() -> None:
    """Proportional set size of each process after some idle seconds, without a model."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        process = spawn(data)
        wait_for_page(data, process)
        time.sleep(IDLE_S)
        total = 0.0
        print(f"\n{'idle process':<24}{'PSS MB':>8}{'RSS MB':>8}")
        for pid in family(process.pid):
            pss, rss = memory_mb(pid)
            total += pss
            print(f"{describe(pid):<24}{pss:>8.0f}{rss:>8.0f}")
        print(f"{'together':<24}{total:>8.0f}")
        stop(process)


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for one in found:
        children = Path(f"/proc/{one}/task/{one}/children")
        threads = Path(f"/proc/{one}/task").glob("*/children") if children.exists() else []
        found += [int(c) for path in threads for c in path.read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> tuple[float, float]:
    values = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return tuple(int(values[k].split()[0]) / 1024 for k in ("Pss", "Rss"))  # type: ignore[return-value]


def describe(pid: int) -> str:
    argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return (argv[2].decode().rpartition(".")[2] if len(argv) > 2 else "?").replace("cli", "server")


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(30)


if __name__ == "__main__":
    main()
