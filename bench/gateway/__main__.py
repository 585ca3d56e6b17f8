"""The gateway on one core, beside a direct connection to the same upstream and beside bare uvicorn, in one run.

    python -m bench.gateway [--rounds 12] [--seconds 0.7] [--check]

Needs gcc and wrk (`apt-get install wrk`). CPU a request is what counts: from /proc/<pid>/task/*/schedstat over all
threads of the gateway process, journal writer included; requests per second on a shared machine are weather. Of each
figure the best and the median round are printed. `--check` exits 1 when a bar isn't met by the best round.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.gateway.worker_cost import worker_cost_us

HERE = Path(__file__).parent
GATEWAY_CORE, LOAD_CORE = "0", "1"
TEXT = "lorem ip " * 90
BARS = {
    "RPS, % of direct": (15.0, "≥"),
    "CPU µs a request": (90.0, "≤"),
    "64 paced streams, % of direct": (95.0, "≥"),
}

LUA = """
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer " .. os.getenv("KEY")
wrk.body = os.getenv("BODY")
"""


@dataclass
class Load:
    """What wrk saw."""

    requests: int
    per_second: float
    p50_ms: float
    errors: int


@dataclass
class Series:
    """One figure over all rounds."""

    values: list[float] = field(default_factory=list)

    def show(self, *, best: str) -> str:
        chosen = min(self.values) if best == "min" else max(self.values)
        return f"{chosen:9.2f} {statistics.median(self.values):9.2f}"


def cpu_ns(pid: int) -> int:
    """CPU time of all threads of a process."""
    return sum(int(p.read_text().split()[0]) for p in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def wrk(url: str, *, connections: int, seconds: float, body: str, key: str, lua: Path) -> Load:
    """One run of the load generator."""
    out = subprocess.run(
        ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency",
         "--timeout", "20s", "-s", str(lua), url],
        env={**os.environ, "BODY": body, "KEY": key}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    p50 = re.search(r"50%\s+([\d.]+)(us|ms|s)", out)
    scale = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return Load(
        requests=int(re.search(r"(\d+) requests in", out)[1]),  # type: ignore[index]
        per_second=float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),  # type: ignore[index]
        p50_ms=float(p50[1]) * scale[p50[2]] if p50 else 0.0,
        errors=int(errors[1]) if errors else 0,
    )


@contextmanager
def child(argv: Sequence[str], core: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A pinned child and its first line."""
    root = HERE.parent.parent
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"}
    process = subprocess.Popen(["taskset", "-c", core, *argv], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
    finally:
        process.terminate()
        process.wait(20)


def request_body(model: str, *, stream: bool) -> str:
    """About one kilobyte, compact like the official client's."""
    body: dict[str, object] = {"messages": [{"role": "user", "content": TEXT}], "model": model, "temperature": 0.5}
    if stream:
        body["stream"] = True
    return json.dumps(body, separators=(",", ":"))


def run(folder: Path, rounds: int, seconds: float) -> dict[str, Series]:
    """All measurements, interleaved."""
    mock_binary = folder / "mock_upstream"
    subprocess.run(["gcc", "-O2", "-o", str(mock_binary), str(HERE / "mock_upstream.c")], check=True)
    lua = folder / "post.lua"
    lua.write_text(LUA)
    results: dict[str, Series] = {}
    with child([str(mock_binary), "0"], LOAD_CORE) as (_, line):
        upstream = f"http://127.0.0.1:{line.split()[1]}"
        config = folder / "gateway.yaml"
        providers = "".join(f'  {m}: {{base_url: "{upstream}/{m}/v1", allow_private: true}}\n' for m in ("ok", "paced"))
        config.write_text(f"providers:\n{providers}models:\n  m: {{use: ok/mock}}\n  p: {{use: paced/mock}}\n")
        serve = [sys.executable, str(HERE / "serve.py"), "--config", str(config), "--journal", str(folder / "journal")]
        with child(serve, GATEWAY_CORE) as (gateway, ready), child([sys.executable, str(HERE / "bare.py")], GATEWAY_CORE) as (bare, bare_ready):  # fmt: skip  # noqa: E501
            started = json.loads(ready)
            url, key = f"http://127.0.0.1:{started['port']}/v1/chat/completions", started["key"]
            bare_url = f"http://127.0.0.1:{json.loads(bare_ready)['port']}/"

            def measure(name: str, target: str, pid: int | None, model: str, *, stream: bool, c: int, s: float) -> Load:
                before = cpu_ns(pid) if pid else 0
                load = wrk(target, connections=c, seconds=s, body=request_body(model, stream=stream), key=key, lua=lua)
                assert not load.errors, f"{name}: {load.errors} errors"
                results.setdefault(f"{name}: RPS", Series()).values.append(load.per_second)
                if pid:
                    cost = (cpu_ns(pid) - before) / 1000 / max(load.requests, 1)
                    results.setdefault(f"{name}: CPU µs", Series()).values.append(cost)
                return load

            for _ in range(rounds):
                direct = measure("direct", f"{upstream}/ok/v1/x", None, "m", stream=False, c=32, s=seconds)
                measure("bare uvicorn", bare_url, bare.pid, "m", stream=False, c=32, s=seconds)
                ours = measure("gateway", url, gateway.pid, "m", stream=False, c=32, s=seconds)
                _add(results, "RPS, % of direct", 100 * ours.per_second / direct.per_second)
                alone = measure("direct, c=1", f"{upstream}/ok/v1/x", None, "m", stream=False, c=1, s=seconds)
                ours = measure("gateway, c=1", url, gateway.pid, "m", stream=False, c=1, s=seconds)
                _add(results, "added p50 ms, c=1", ours.p50_ms - alone.p50_ms)
                measure("stream of 52 events", url, gateway.pid, "m", stream=True, c=32, s=seconds)
                paced = measure("64 paced, direct", f"{upstream}/paced/v1/x", None, "p", stream=True, c=64, s=2)
                ours = measure("64 paced, gateway", url, gateway.pid, "p", stream=True, c=64, s=2)
                _add(results, "64 paced streams, % of direct", 100 * ours.per_second / paced.per_second)
    return results


def _add(results: dict[str, Series], name: str, value: float) -> None:
    results.setdefault(name, Series()).values.append(value)


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = run(folder, options.rounds, options.seconds)
        worker_us = worker_cost_us(folder / "journal")
    results["CPU µs a request"] = results["gateway: CPU µs"]
    print(f"{'':34} {'best':>9} {'median':>9}")
    for figure, series in results.items():
        best = "min" if "µs" in figure or "p50 ms" in figure else "max"
        bar, sign = BARS.get(figure, (None, ""))
        print(f"{figure:34} {series.show(best=best)}  {f'bar {sign} {bar:g}' if bar is not None else ''}")
    print(f"{'worker, later, CPU µs a record':34} {worker_us:9.2f}")
    failed = [
        figure for figure, (bar, sign) in BARS.items()
        if (max(results[figure].values) < bar if sign == "≥" else min(results[figure].values) > bar)
    ]  # fmt: skip
    if failed:
        print(f"missed: {', '.join(failed)}")
    return 1 if failed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
