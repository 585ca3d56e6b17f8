"""`./dev bench [name …]`: runs the named benchmarks, or all of them one after the other; `--list` shows them."""

import subprocess
import sys

BENCHMARKS = {
    "startup": ("bench.startup.cold_start", "cold `kaname up` to a page; idle memory of every process"),
    "access": ("bench.access.keyring", "authentication on the hot path beside its floor"),
    "normalise": ("bench.normalise.bench", "one span from attributes to row"),
    "ingest": ("bench.ingest.compare", "durable spans per CPU-second beside Phoenix and MLflow"),
    "soak": ("bench.ingest.soak", "kill -9 of server, worker and engine at random points, 50 rounds"),
    "query": ("bench.query", "lists, facets, a trace and text search at a million spans"),
    "gateway": ("bench.gateway", "beside direct calls, LiteLLM and Portkey: requests, CPU, streams, memory"),
    "faults": ("bench.faults", "every promise about failures, on both surfaces over both upstream wires"),
    "gateway_soak": ("bench.gateway.soak", "faults for 30 minutes, then an account to the nano-dollar"),
    "sdk": ("bench.sdk.caller_cost", "the SDK's cost in the caller's thread beside OpenTelemetry and Langfuse"),
    "ui": ("bench.ui.trace_page", "a trace of 30,000 spans in a real browser"),
}


def main(arguments: list[str]) -> int:
    """Returns the number of benchmarks that failed."""
    if "--list" in arguments:
        for name, (_, what) in BENCHMARKS.items():
            print(f"{name:<10} {what}")
        return 0
    names = [a for a in arguments if not a.startswith("-")] or list(BENCHMARKS)
    rest = [a for a in arguments if a.startswith("-")]
    unknown = [n for n in names if n not in BENCHMARKS]
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; known: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    failed = 0
    for name in names:
        module, what = BENCHMARKS[name]
        print(f"\n== {name}: {what}", flush=True)
        failed += subprocess.run([sys.executable, "-m", module, *rest], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
