"""Reads of a project with a million spans, through the HTTP API of a real server: `python -m bench.query`.

Prints p50 and p95 beside the bar, and the CPU time of a request in the server and in the engine. A data folder given by
`--data-dir` is filled once and used again. The bars are what a person should at most wait; exit status 1 if one is
missed.
"""

import argparse
import json
import random
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import urllib3

from bench.query import dataset
from kaname.storage.columns import ColumnsSettings, LocalEngine, connect_columns
from kaname.storage.columns.client import ColumnsClient

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
from live import LiveServer, start_live_server

BLOCK = 20_000
_WARM, _ROUNDS = 3, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question; `path` makes a path for each round, so that no answer is served from a cache of the last."""

    name: str
    bar_ms: float | None
    path: Callable[[random.Random], str]


def main() -> int:
    """Fills, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--spans", type=int, default=dataset.SPANS)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kaname-bench-") as temporary:
        data_dir: Path = options.data_dir or Path(temporary) / "data"
        server = _prepare(data_dir, options.spans)
        try:
            return _measure_all(server, options.spans, options.rounds)
        finally:
            server.stop()


def _prepare(data_dir: Path, spans: int) -> LiveServer:
    """A server on a filled data folder. The engine has one owner: it is filled while the server is down."""
    notes = data_dir.parent / f"{data_dir.name}.bench.json"
    if notes.exists():
        server = _reopen(data_dir, json.loads(notes.read_text()))
        server.restart()
        return server
    server = start_live_server(data_dir)
    server.stop()
    engine = LocalEngine(data_dir / "columns", ColumnsSettings())
    engine.start()
    try:
        engine.wait_ready()
        columns = connect_columns(ColumnsSettings(), engine.endpoint)
        end_ns = time.time_ns()
        _fill(columns, server.project_id, spans, end_ns)
        columns.close()
    finally:
        engine.stop()
    notes.write_text(json.dumps({"key": server.secret_key, "project": server.project_id}))
    server.restart()
    return server


def _reopen(data_dir: Path, notes: dict[str, str]) -> LiveServer:
    variables = {"KANAME_SERVER_DATA_DIR": str(data_dir), "KANAME_SERVER_PORT": "0"}
    return LiveServer(
        data_dir=data_dir,
        environment=variables,
        process=None,  # type: ignore[arg-type]
        url="http://127.0.0.1:0",
        log_path=data_dir.parent / "server.log",
        project_id=notes["project"],
        secret_key=notes["key"],
    )


def _fill(columns: ColumnsClient, project_id: str, spans: int, end_ns: int) -> None:
    began = time.monotonic()
    for name, (count, length, seed) in dataset.POOLS.items():
        columns.command(dataset.CREATE_POOL.format(name=name))
        columns.insert_json_lines(name, b"\n".join(dataset.sentences(count, length, seed)))
    for first in range(0, spans, BLOCK):
        columns.command(dataset.insert_spans(project_id, first, min(BLOCK, spans - first), end_ns))
        print(f"\r{min(first + BLOCK, spans):,} spans", end="", flush=True)
    for name in dataset.POOLS:
        columns.command(f"DROP TABLE {name}")
    _wait_for_merges(columns)
    size = columns.query_rows(
        "SELECT sum(bytes_on_disk) AS all, sum(secondary_indices_compressed_bytes) AS indexes, count() AS parts"
        " FROM system.parts WHERE active AND table = 'spans' AND database = currentDatabase()"
    )[0]
    print(f" in {time.monotonic() - began:.0f} s; {size}")


def _wait_for_merges(columns: ColumnsClient) -> None:
    for _ in range(120):
        if not columns.query_rows("SELECT count() AS n FROM system.merges")[0]["n"]:
            return
        time.sleep(1)


def _cases(project_id: str, now: datetime) -> Iterator[Case]:
    root = f"/api/v1/projects/{project_id}"
    week = (now - timedelta(days=7)).isoformat()

    def spans(r: random.Random, *, start: str = "", q: str = "", filters: bool = True) -> str:
        two = [
            {"field": "kind", "op": "eq", "value": "llm"},
            {"field": "model", "op": "eq", "value": r.choice(dataset.MODEL_NAMES)},
        ]
        query = {"limit": "50", "from": start, "q": q, "filter": json.dumps(two) if filters else ""}
        return f"{root}/spans?{urllib.parse.urlencode({k: v for k, v in query.items() if v})}"

    yield Case(name="newest 50, no filter, all time", bar_ms=None, path=lambda r: spans(r, filters=False))
    yield Case(name="newest 50, two filters, 7 days", bar_ms=60, path=lambda r: spans(r, start=week))
    yield Case(name="newest 50, two filters, all time", bar_ms=150, path=spans)
    yield Case(name="newest 50, rare user and error, all time", bar_ms=None, path=lambda r: _rare(root, r))
    yield Case(name="facets of 7 fields, all time", bar_ms=80, path=lambda r: f"{root}/spans/facets")
    yield Case(name="facets, 7 days, one filter", bar_ms=80, path=lambda r: _facets(root, week, r))
    yield Case(name="a trace of 200 spans", bar_ms=80, path=lambda r: f"{root}/traces/{dataset.BIG_TRACE_ID}")
    yield Case(
        name="search for a common word", bar_ms=200, path=lambda r: spans(r, q=dataset.COMMON_WORD, filters=False)
    )
    yield Case(name="search for a rare word", bar_ms=200, path=lambda r: spans(r, q=dataset.RARE_WORD, filters=False))
    yield Case(
        name="search for random words", bar_ms=200, path=lambda r: spans(r, q=r.choice(dataset.WORDS), filters=False)
    )
    yield Case(
        name="search in Japanese",
        bar_ms=200,
        path=lambda r: spans(r, q=r.choice(dataset.JAPANESE_TERMS), filters=False),
    )
    yield Case(name="histogram, all time", bar_ms=None, path=lambda r: f"{root}/spans/histogram")
    yield Case(name="newest 50 traces", bar_ms=None, path=lambda r: f"{root}/traces")
    yield Case(name="newest 50 sessions", bar_ms=None, path=lambda r: f"{root}/sessions")
    yield Case(name="newest 50 end users", bar_ms=None, path=lambda r: f"{root}/users")
    yield Case(name="most expensive 50, all time", bar_ms=None, path=lambda r: f"{root}/spans?order=cost")


def _rare(root: str, r: random.Random) -> str:
    filters = [
        {"field": "user_id", "op": "eq", "value": f"user-{r.randrange(5000)}"},
        {"field": "status", "op": "eq", "value": "error"},
    ]
    return f"{root}/spans?{urllib.parse.urlencode({'filter': json.dumps(filters)})}"


def _facets(root: str, week: str, r: random.Random) -> str:
    filters = [{"field": "model", "op": "eq", "value": r.choice(dataset.MODEL_NAMES)}]
    return f"{root}/spans/facets?{urllib.parse.urlencode({'from': week, 'filter': json.dumps(filters)})}"


def _measure_all(server: LiveServer, spans: int, rounds: int) -> int:
    pool = urllib3.PoolManager(maxsize=1, headers={"authorization": f"Bearer {server.secret_key}"})
    processes = _processes(server)
    missed = 0
    print(f"{spans:,} spans, {rounds} rounds; CPU ms a request by process: {', '.join(processes)}")
    for case in _cases(server.project_id, datetime.now(UTC)):
        r = random.Random(case.name)
        times: list[float] = []
        size = 0
        for i in range(_WARM + rounds):
            if i == _WARM:
                before = {name: _cpu_ms(pid) for name, pid in processes.items()}
            began = time.perf_counter()
            answer = pool.request("GET", server.url + case.path(r))
            times.append((time.perf_counter() - began) * 1000)
            if answer.status != 200:
                raise SystemExit(f"{case.name}: {answer.status} {answer.data[:500]!r}")
            size = len(answer.data)
        cpu = {name: (_cpu_ms(pid) - before[name]) / rounds for name, pid in processes.items()}
        measured = sorted(times[_WARM:])
        p50, p95 = measured[len(measured) // 2], measured[min(len(measured) - 1, int(len(measured) * 0.95))]
        verdict = "" if case.bar_ms is None else f"bar {case.bar_ms:.0f} " + ("ok" if p95 <= case.bar_ms else "MISSED")
        missed += verdict.endswith("MISSED")
        used = "  ".join(f"{name} {ms:.0f}" for name, ms in cpu.items())
        print(f"{case.name:42s} p50 {p50:6.1f}  p95 {p95:6.1f} ms  {verdict:14s} cpu {used}  {size:,} bytes")
    return 1 if missed else 0


def _processes(server: LiveServer) -> dict[str, int]:
    found = {"server": server.process.pid}
    for pid in _children(server.process.pid):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        if "kaname.app.engine" in command:
            found["engine"] = pid
    return found


def _children(pid: int) -> list[int]:
    return [int(c) for task in Path(f"/proc/{pid}/task").iterdir() for c in (task / "children").read_text().split()]


def _cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 10.0


if __name__ == "__main__":
    sys.exit(main())
