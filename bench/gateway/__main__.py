"""The gateway on one core beside a direct connection, LiteLLM and Portkey, interleaved in one run.

    python -m bench.gateway [--rounds 5] [--seconds 1] [--no-peers] [--check]
    python -m bench.gateway --soak 1000000     memory after so many requests

Needs gcc and wrk (`apt-get install wrk`). CPU a request is what counts: from /proc/<pid>/task/*/schedstat over all
threads and children; requests per second on a shared machine are weather. Medians and ranges over the rounds are
printed, with the load average. `--check` exits 1 when the median misses a bar.
"""

import argparse
import contextlib
import os
import sys
import tempfile
from pathlib import Path

from bench.gateway.load import Load, Series, cpu_ns, pss_kb, request_body, wrk
from bench.gateway.moments import Installation, cancel_ms, start_alone
from bench.gateway.systems import System, config_text, start_bare, start_ours, start_peers, start_upstream
from bench.gateway.worker_cost import worker_cost_us

PACED = 64
SLOW = ("LiteLLM", "Portkey")
BARS: dict[str, tuple[float, str]] = {
    "RPS × LiteLLM": (80.0, "≥"),
    "RPS × Portkey": (15.0, "≥"),
    "RPS, % of direct": (15.0, "≥"),
    "ours: CPU µs a request": (80.0, "≤"),
    "added p50 ms, c=1": (0.25, "≤"),
    "ours: 52 events in a burst, CPU ms": (0.45, "≤"),
    "ours: 52 events paced, CPU ms": (2.0, "≤"),
    "ours: 64 paced streams, % of direct": (95.0, "≥"),
    "ours: cancelled in a stream, ms": (50.0, "≤"),
    "ours: cancelled before it, ms": (50.0, "≤"),
    "ours: start to first 200, CPU s": (0.5, "≤"),
    "ours: idle PSS MB": (60.0, "≤"),
    "memory growth, %": (10.0, "≤"),
}

Results = dict[str, Series]


class Bench:
    """Measures into `results`."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        self.seconds = seconds
        self.results: Results = {}

    def add(self, figure: str, value: float) -> None:
        """One more round of a figure."""
        self.results.setdefault(figure, Series()).values.append(value)

    def load(self, system: System, mode: str, *, stream: bool, c: int, seconds: float) -> tuple[Load, float]:
        """A run of the load generator, and CPU µs a request. Slow systems get longer, or they would answer nothing."""
        if system.name in SLOW:
            seconds = max(seconds, 4.0)
        before = cpu_ns(system.pid) if system.pid else 0
        load = wrk(
            system.url(mode), connections=c, seconds=seconds, folder=self.folder, headers=system.headers[mode],
            body=request_body(system.models[mode], stream=stream),
        )  # fmt: skip
        assert load.requests, f"{system.name}: not one answer in {seconds} s"
        assert not load.errors, f"{system.name}: {load.errors} errors"
        return load, (cpu_ns(system.pid) - before) / 1000 / max(load.requests, 1) if system.pid else 0.0

    def round(self, direct: System, bare: System, ours: System, peers: list[System]) -> None:
        """Everything once."""
        self._requests(direct, bare, ours, peers)
        self._one_at_a_time(direct, ours, peers)
        self._streams(direct, ours, peers)
        self.add("ours: cancelled in a stream, ms", cancel_ms(ours, direct.port, "paced"))
        self.add("ours: cancelled before it, ms", cancel_ms(ours, direct.port, "hang"))

    def _requests(self, direct: System, bare: System, ours: System, peers: list[System]) -> None:
        rates: dict[str, float] = {}
        for system in (direct, bare, ours, *peers):
            load, cpu_us = self.load(system, "ok", stream=False, c=32, seconds=self.seconds)
            rates[system.name] = load.per_second
            self.add(f"{system.name}: RPS", load.per_second)
            if system.pid:
                self.add(f"{system.name}: CPU µs a request", cpu_us)
        self.add("RPS, % of direct", 100 * rates["ours"] / rates["direct"])
        for peer in peers:
            self.add(f"RPS × {peer.name}", rates["ours"] / rates[peer.name])

    def _one_at_a_time(self, direct: System, ours: System, peers: list[System]) -> None:
        alone, _ = self.load(direct, "ok", stream=False, c=1, seconds=self.seconds)
        for system in (ours, *peers):
            load, _ = self.load(system, "ok", stream=False, c=1, seconds=self.seconds)
            name = "added p50 ms, c=1" if system is ours else f"{system.name}: added p50 ms, c=1"
            self.add(name, load.p50_ms - alone.p50_ms)

    def _streams(self, direct: System, ours: System, peers: list[System]) -> None:
        for system in (ours, *peers):
            _, cpu_us = self.load(system, "ok", stream=True, c=32, seconds=self.seconds)
            self.add(f"{system.name}: 52 events in a burst, CPU ms", cpu_us / 1000)
        paced_s = max(3.0, self.seconds)
        least, _ = self.load(direct, "paced", stream=True, c=PACED, seconds=paced_s)
        for system in (ours, *peers):
            load, cpu_us = self.load(system, "paced", stream=True, c=PACED, seconds=paced_s)
            self.add(f"{system.name}: 52 events paced, CPU ms", cpu_us / 1000)
            self.add(f"{system.name}: 64 paced streams, % of direct", 100 * load.per_second / least.per_second)


def run(folder: Path, rounds: int, seconds: float, *, peers: bool) -> Results:
    """All measurements, interleaved; one round to warm up isn't counted."""
    bench = Bench(folder, seconds)
    with contextlib.ExitStack() as stack:
        direct = stack.enter_context(start_upstream(folder))
        ours = stack.enter_context(start_ours(folder, direct.port))
        bare = stack.enter_context(start_bare())
        others = stack.enter_context(start_peers(folder, direct.port)) if peers else []
        for peer in others:
            bench.add(f"{peer.name}: idle PSS MB", pss_kb(peer.pid) / 1024)
        for system in (ours, *others):
            bench.load(system, "ok", stream=False, c=8, seconds=2)
        for _ in range(rounds):
            bench.round(direct, bare, ours, others)
        installation = Installation(folder / "alone", config_text(f"http://127.0.0.1:{direct.port}"))
        for _ in range(3):
            start = start_alone(installation)
            bench.add("ours: start to first 200, CPU s", start.cpu_s)
            bench.add("ours: idle PSS MB", start.pss_mb)
    return bench.results


def soak(folder: Path, requests: int) -> Results:
    """Memory before and after many requests, streams among them."""
    bench = Bench(folder, 1)
    with contextlib.ExitStack() as stack:
        direct = stack.enter_context(start_upstream(folder))
        ours = stack.enter_context(start_ours(folder, direct.port))
        done = 0
        while done < 20_000:  # caches fill, the allocator finds its size
            done += bench.load(ours, "ok", stream=False, c=32, seconds=2)[0].requests
        before_kb = pss_kb(ours.pid)
        done = 0
        while done < requests:
            done += bench.load(ours, "ok", stream=False, c=32, seconds=10)[0].requests
            done += bench.load(ours, "ok", stream=True, c=32, seconds=1)[0].requests
            print(f"{done} requests: {pss_kb(ours.pid) / 1024:.1f} MB", file=sys.stderr, flush=True)
        after_kb = pss_kb(ours.pid)
    bench.add("ours: PSS MB before", before_kb / 1024)
    bench.add("ours: PSS MB after", after_kb / 1024)
    bench.add("memory growth, %", 100 * (after_kb - before_kb) / before_kb)
    return bench.results


def misses(results: Results) -> list[str]:
    """Figures whose median misses its bar."""
    return [
        figure
        for figure, (bar, sign) in BARS.items()
        if figure in results and (results[figure].median < bar if sign == "≥" else results[figure].median > bar)
    ]


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--no-peers", action="store_true", help="leave LiteLLM and Portkey out")
    parser.add_argument("--soak", type=int, default=0, metavar="N", help="only memory growth, over N requests")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.soak:
            results = soak(folder, options.soak)
        else:
            results = run(folder, options.rounds, options.seconds, peers=not options.no_peers)
            results["worker, later: CPU µs a record"] = Series([worker_cost_us(folder / "journal")])
    print(f"load average {load_before:.1f} before, {os.getloadavg()[0]:.1f} after; {os.cpu_count()} cores")
    print(f"{'':42} {'median':>10}   {'range':>21}")
    for figure, series in results.items():
        bar, sign = BARS.get(figure, (None, ""))
        print(f"{figure:42} {series.show()}  {f'bar {sign} {bar:g}' if bar is not None else ''}")
    failed = misses(results)
    if failed:
        print(f"missed: {', '.join(failed)}")
    return 1 if failed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
