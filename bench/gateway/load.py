"""Load and its cost: wrk on one core, CPU time of whole process trees, figures over rounds."""

import contextlib
import json
import os
import re
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GATEWAY_CORE, LOAD_CORE = "0", "1"
TEXT = "lorem ip " * 90
_LUA = """
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
for name, value in os.getenv("HEADERS"):gmatch("([^\\n]+)\\t([^\\n]+)") do wrk.headers[name] = value end
wrk.body = os.getenv("BODY")
"""


@dataclass(frozen=True, kw_only=True)
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

    @property
    def median(self) -> float:
        """Of all rounds."""
        return statistics.median(self.values)

    def show(self) -> str:
        """Median, and the range."""
        return f"{self.median:10.2f}   {min(self.values):9.2f} … {max(self.values):9.2f}"


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    found, at = [pid], 0
    while at < len(found):
        for children in Path(f"/proc/{found[at]}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, children.read_text().split())
        at += 1
    return found


def cpu_ns(pid: int) -> int:
    """CPU time of all threads of a process and its children."""
    total = 0
    for process in tree(pid):
        for path in Path(f"/proc/{process}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(path.read_text().split()[0])
    return total


def pss_kb(pid: int) -> int:
    """Proportional set size of a process and its children."""
    total = 0
    for process in tree(pid):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def wrk(
    url: str, *, connections: int, seconds: float, body: str, headers: Mapping[str, str], folder: Path
) -> Load:  # fmt: skip
    """One run of the load generator."""
    lua = folder / "post.lua"
    lua.write_text(_LUA)
    lines = "\n".join(f"{name}\t{value}" for name, value in headers.items())
    out = subprocess.run(
        ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency",
         "--timeout", "20s", "-s", str(lua), url],
        env={**os.environ, "BODY": body, "HEADERS": lines}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    p50 = re.search(r"50%\s+([\d.]+)(us|ms|s)", out)
    scale = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    requests = re.search(r"(\d+) requests in", out)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    assert requests is not None, out
    assert rate is not None, out
    return Load(
        requests=int(requests[1]),
        per_second=float(rate[1]),
        p50_ms=float(p50[1]) * scale[p50[2]] if p50 else 0.0,
        errors=int(errors[1]) if errors else 0,
    )


@contextmanager
def child(argv: Sequence[str], core: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A pinned child and its first line."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
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
