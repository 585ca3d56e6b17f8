"""Durable and visible spans per CPU-second, beside Phoenix and MLflow from the package index.

    python -m bench.ingest.compare [--rounds 3] [--systems kaname,phoenix,mlflow]

Every system gets the same kind of batches (OpenInference spans of 2 to 3 KB, 512 a request, protobuf) over HTTP in
interleaved rounds. A round is over when the store shows all its spans; CPU is that of the system's whole process tree
from the first request until two seconds after, so that work put off for a moment counts too.
"""

import argparse
import http.client
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.ingest.payloads import build_batch
from bench.ingest.peers import SYSTEMS, System, tree_cpu_s

BATCH = 512
BATCHES = {"kaname": 40, "phoenix": 2, "mlflow": 6}
"""Requests in a round: about ten seconds of work for each."""
SETTLE_S = 2.0
VISIBLE_TIMEOUT_S = 300.0
BARS = {"phoenix": 10.0, "mlflow": 3.0}


@dataclass(frozen=True, slots=True)
class Round:
    """What one round cost."""

    spans: int
    wall_s: float
    cpu_s: float


def run_round(system: System, bodies: list[bytes]) -> Round:
    """Posts all bodies over two connections and waits until the store shows their spans."""
    before = system.stored()
    expected = before + BATCH * len(bodies)
    cpu = tree_cpu_s(system.pid)
    start = time.monotonic()
    queue = list(bodies)
    failures: list[str] = []
    threads = [threading.Thread(target=_post_all, args=(system, queue, failures)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while system.stored() < expected and time.monotonic() < start + VISIBLE_TIMEOUT_S:
        time.sleep(0.4)
    wall = time.monotonic() - start
    seen = system.stored()
    if failures or seen != expected:
        print(f"  {system.name}: {seen - before} of {expected - before} spans visible; failures: {failures[:3]}")
    time.sleep(SETTLE_S)
    return Round(max(seen - before, 1), wall, tree_cpu_s(system.pid) - cpu)


def _post_all(system: System, queue: list[bytes], failures: list[str]) -> None:
    parts = urlsplit(system.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=300)
    headers = {"content-type": "application/x-protobuf", **system.headers}
    while queue:
        try:
            body = queue.pop()
        except IndexError:
            break
        for _ in range(100):
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status in (429, 503):  # back-pressure is an answer, not a failure
                time.sleep(0.2)
                continue
            if answer.status != 200:
                failures.append(f"{answer.status} {text[:200]!r}")
            break
    connection.close()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--systems", default="kaname,phoenix,mlflow")
    arguments = parser.parse_args()
    rng = random.Random(4)
    folder = Path(tempfile.mkdtemp(prefix="kaname-compare-"))
    systems: list[System] = []
    results: dict[str, list[Round]] = {}
    try:
        for name in arguments.systems.split(","):
            systems += [SYSTEMS[name](folder)]  # one by one: all that started are stopped when one fails
        for number in range(arguments.rounds + 1):
            for system in systems:
                bodies = [build_batch(rng, BATCH) for _ in range(BATCHES[system.name] if number else 1)]
                done = run_round(system, bodies)
                if not number:
                    continue  # warm-up
                results.setdefault(system.name, []).append(done)
                speed = f"{done.spans / done.cpu_s:8.0f} spans/CPU-s {done.spans / done.wall_s:8.0f} spans/s"
                cost = f"{done.spans:6} spans {done.wall_s:7.2f} s wall {done.cpu_s:7.2f} s CPU"
                print(f"round {number} {system.name:8} {cost} {speed}", flush=True)
        size = len(build_batch(rng, BATCH)) / BATCH
        return report(results, size)
    finally:
        for system in systems:
            system.stop()
        shutil.rmtree(folder, ignore_errors=True)


def report(results: dict[str, list[Round]], size: float) -> int:
    """Prints the table of ratios; returns 1 if a bar is missed."""
    rates = {name: statistics.median(r.spans / r.cpu_s for r in rounds) for name, rounds in results.items()}
    print(f"\n{size:.0f} bytes a span, batches of {BATCH}, medians of {len(next(iter(results.values())))} rounds")
    print(f"{'system':10}{'spans/CPU-s':>12}{'spans/s':>10}{'ours is':>10}{'bar':>8}")
    missed = 0
    for name, rounds in results.items():
        wall = statistics.median(r.spans / r.wall_s for r in rounds)
        ratio = rates.get("kaname", 0.0) / rates[name]
        bar = BARS.get(name)
        missed += bar is not None and ratio < bar
        print(f"{name:10}{rates[name]:12.0f}{wall:10.0f}{ratio:9.1f}×{f'≥ {bar:g}×' if bar else '':>8}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
