"""A whole installation under faults, and an exact account at the end: what calls cost is the same everywhere.

    python -m bench.gateway.soak --minutes 30

Clients call both surfaces over both upstream wires while upstreams fail in every way, clients leave, and the engine and
the worker are killed. When all is quiet, these must agree to the nano-dollar: the records that the gateway settled,
the spend of the key's, the project's and the organization's budget, the key's usage, and the cost of the spans that the
worker priced for itself; and there must be one record and one span for each call. Exits 1 otherwise.
"""

import argparse
import contextlib
import os
import random
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import orjson

from bench.faults.client import post
from bench.faults.routes import ALL_COMBOS, Combo, Route, to
from bench.faults.targets import KEYS, upstream_url
from bench.faults.upstream import build_behaviours, ok
from crash_rig import engine_client, kill
from integration.gateway.fault_upstream import Behaviour, FaultUpstream, Seen, Wire
from kaname.gateway.model import GatewayRecord, decode_records
from kaname.storage.journal import JournalReader
from live import LiveServer, start_live_server

NANO = 10**9
ROUTES: Sequence[tuple[Route, int]] = (
    (to("ok"), 30), (to("no-usage"), 4), (to("dribble"), 2), (to("dressed"), 2), (to("bad-event"), 3), (to("cut"), 6),
    (to("cut", "ok"), 3), (to("cut-before-content", "ok"), 4), (to("error-later"), 3), (to("no-end"), 3),
    (to("stall"), 1), (to("hang", "ok"), 1), (to("500", "ok", retries=1), 5), (to("500", retries=1), 2),
    (to("429", "ok"), 3), (to("429", retries=1), 2), (to("400"), 2), (to("401-key1", keys=2), 3), (to("empty"), 2),
    (to("error-first", "ok"), 2), (to("reset", "ok"), 2), (to("refused", "ok"), 2), (to("529", "ok"), 2),
    (to("slow-stream"), 3),
)  # fmt: skip
MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-sonnet-4-5"}
FAULTY = 0.4
LEAVES = 0.04
"""Share of streams whose client goes away in the middle."""


def config_text(port: int) -> str:
    """The routes, over providers whose models have prices."""
    providers: list[str] = []
    models: list[str] = []
    for i, (route, combo) in enumerate((route, combo) for route, _ in ROUTES for combo in ALL_COMBOS):
        names: list[str] = []
        for j, mode in enumerate(route.modes):
            keys = ", ".join(f"{{env: UP_{k + 1}}}" for k in range(route.keys if j == 0 else 1))
            url = f"{upstream_url(port, mode, route, combo)}/v1"
            names.append(f"p{i}-{j}/{MODELS[combo.upstream]}")
            providers.append(
                f'  p{i}-{j}: {{type: {combo.upstream}, base_url: "{url}", allow_private: true, keys: [{keys}]}}'
            )
        times = "{connect: 1s, ttft: 400ms, stall: 400ms, total: 5s}"
        step = f"{{targets: [{names[0]}], fallback: [{', '.join(names[1:])}]}}"
        models.append(
            f"  {route.tag(combo)}: {{route: [{step}], timeouts: {times}, "
            f"retry: {{max: {route.retries}, base: 20ms, cap: 1s}}}}"
        )
    return "providers:\n" + "\n".join(providers) + "\nmodels:\n" + "\n".join(models) + "\n"


@dataclass
class Tally:
    """What clients did and saw."""

    calls: int = 0
    left: int = 0
    statuses: Counter[int] = field(default_factory=Counter[int])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, status: int) -> None:
        """One call that was answered or left."""
        with self.lock:
            self.calls += 1
            self.statuses[status] += 1


class Clients:
    """Threads that call until they are told to stop."""

    def __init__(self, server: LiveServer, threads: int, seed: int) -> None:
        self.tally = Tally()
        self._port = int(server.url.rpartition(":")[2])
        self._headers = {"authorization": f"Bearer {server.secret_key}", "content-type": "application/json"}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(random.Random(seed + i),)) for i in range(threads)]

    def start(self) -> None:
        """Begins."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Stops, and waits until every call has its answer."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, rng: random.Random) -> None:
        routes, weights = [route for route, _ in ROUTES], [weight for _, weight in ROUTES]
        while not self._stop.is_set():
            route, combo = rng.choices(routes, weights)[0], rng.choice(ALL_COMBOS)
            stream = rng.random() < 0.6
            messages = [{"role": "user", "content": "x" * rng.randrange(900)}]
            document: dict[str, object] = {"model": route.tag(combo), "max_tokens": 64, "messages": messages}
            if stream:
                document["stream"] = True
            body = orjson.dumps(document)
            if stream and rng.random() < LEAVES:
                self._leave(combo, body, rng)
            else:
                reply = post(self._port, combo.path, body, self._headers, style=combo.surface, timeout_s=30)
                self.tally.count(reply.status)

    def _leave(self, combo: Combo, body: bytes, rng: random.Random) -> None:
        lines = [f"POST {combo.path} HTTP/1.1", "host: x", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self._headers.items()]
        with socket.create_connection(("127.0.0.1", self._port)) as client:
            client.settimeout(rng.uniform(0.05, 0.4))  # long enough to be read, so that it counts as a call
            client.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            time.sleep(0.05)
            with contextlib.suppress(OSError):
                client.recv(200)
        self.tally.count(-1)


def sometimes(behaviour: Behaviour, rng: random.Random) -> Behaviour:
    """Misbehaves now and then, so that breakers don't keep the faults away."""

    async def behave(wire: Wire, seen: Seen) -> None:
        await (behaviour if rng.random() < FAULTY else ok)(wire, seen)

    return behave


class Records:
    """Follows the journal beside the worker: what the gateway itself wrote. By links, as it has one reader only."""

    def __init__(self, folder: Path, links: Path) -> None:
        self._folder, self._links = folder, links
        links.mkdir()
        self._link()
        self._reader = JournalReader(links)
        self.count = self.settled = self.estimated = self.unpriced = 0
        self.outcomes: Counter[str] = Counter()
        self.ids: set[str] = set()

    def follow(self) -> None:
        """Takes in what is new."""
        self._link()
        while entries := self._reader.read_batch(4 << 20, 0.0):
            for entry in entries:
                if entry.kind == "gateway":
                    for record in decode_records(entry.payload):
                        self._add(record)

    def _link(self) -> None:
        for segment in self._folder.glob("*.log"):
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                os.link(segment, self._links / segment.name)

    def _add(self, record: GatewayRecord) -> None:
        self.count += 1
        self.ids.add(record.span_id)
        self.settled += record.cost_nano_usd or 0
        self.estimated += record.usage_estimated
        self.unpriced += record.cost_nano_usd is None and record.response_bytes > 0 and record.outcome != "error"
        self.outcomes[record.outcome] += 1

    def close(self) -> None:
        """Ends."""
        self._reader.close()


def create_budgets(server: LiveServer) -> dict[str, str]:
    """One budget for each scope; paths of their spend by name."""
    amount = {"amount_usd": "1000000", "period": "1Y"}
    project, organization = (
        server.project_path("gateway/budgets"),
        f"/api/v1/organizations/{server.organization_id}/gateway/budgets",
    )
    keys = server.call("GET", server.project_path("keys")).json()["items"]
    key_id = next(key["id"] for key in keys)
    made: dict[str, str] = {}
    for name, path, body in (
        ("key", project, {"scope": "key", "subject": key_id}),
        ("project", project, {"scope": "project"}),
        ("organization", organization, {"scope": "organization"}),
    ):
        answer = server.call("POST", path, {**amount, **body})
        assert answer.status in (200, 201), answer.body
        made[name] = f"{path}/{answer.json()['id']}/spend"
    return made


def spent_nano(server: LiveServer, path: str) -> int:
    """All that a budget has counted."""
    return sum(int(Decimal(item["spent_usd"]) * NANO) for item in server.call("GET", path).json()["items"])


def run(folder: Path, minutes: float, threads: int, seed: int) -> bool:
    """Soaks and accounts; True when everything agrees."""
    rng = random.Random(seed)
    behaviours = {name: sometimes(behaviour, rng) for name, behaviour in build_behaviours().items()}
    with FaultUpstream(behaviours) as upstream:
        data = folder / "data"
        data.mkdir(mode=0o700)
        (data / "gateway.yaml").write_text(config_text(upstream.port))
        environment = {f"UP_{i + 1}": key for i, key in enumerate(KEYS)} | {"KANAME_JOURNAL_RETAIN_S": "120"}
        server = start_live_server(data, environment=environment)
        try:
            budgets = create_budgets(server)
            time.sleep(2)  # they count from the next exchange on, 250 ms away at most
            records = Records(data / "journal", folder / "links")
            clients = Clients(server, threads, seed)
            clients.start()
            end = time.monotonic() + minutes * 60
            next_kill = time.monotonic() + 20
            while time.monotonic() < end:
                time.sleep(1)
                records.follow()
                upstream.seen.clear()
                if time.monotonic() > next_kill:
                    victim = rng.choice(["worker", "engine"])
                    kill(server, [victim])
                    next_kill = time.monotonic() + rng.uniform(20, 60)
                    print(f"{records.count} records, {records.settled / NANO:.6f} $; killed the {victim}", flush=True)
            clients.finish()
            return account(server, clients.tally, records, budgets)
        finally:
            server.stop()


def account(server: LiveServer, tally: Tally, records: Records, budgets: dict[str, str]) -> bool:
    """Waits until everything is stored, prints all sums, and compares them."""
    columns = engine_client(server)
    query = (
        "SELECT count() AS n, uniqExact(span_id) AS ids, toString(sum(cost_usd)) AS cost FROM spans "
        f"WHERE project_id = '{server.project_id}'"
    )
    deadline = time.monotonic() + 120
    spans: dict[str, object] = {}
    while time.monotonic() < deadline:
        records.follow()
        spans = columns.query_rows(query)[0]
        if records.count >= tally.calls and int(str(spans["n"])) >= records.count:
            break
        time.sleep(0.5)
    time.sleep(1)  # two exchanges of the limits
    usage = server.call("GET", server.project_path("gateway/usage")).json()["items"]
    sums = {
        "settled records": records.settled,
        **{f"budget of the {name}": spent_nano(server, path) for name, path in budgets.items()},
        "usage of the key": sum(int(Decimal(day["cost_usd"]) * NANO) for day in usage),
        "spans, priced by the worker": int(Decimal(str(spans["cost"])) * NANO),
    }
    counts = {
        "calls": tally.calls, "records": records.count, "distinct records": len(records.ids),
        "requests of the key": sum(int(day["requests"]) for day in usage), "spans": int(str(spans["n"])),
        "distinct spans": int(str(spans["ids"])),
    }  # fmt: skip
    columns.close()
    records.close()
    print(f"statuses (-1: left) {dict(tally.statuses)}; outcomes {dict(records.outcomes)}")
    print(f"estimated usage in {records.estimated} records; answers without a price: {records.unpriced}")
    for name, value in sums.items():
        print(f"{name:30} {value:>16} nano-dollars")
    for name, value in counts.items():
        print(f"{name:30} {value:>16}")
    return len(set(sums.values())) == 1 and len(set(counts.values())) == 1 and records.settled > 0


def main() -> int:
    """Returns 1 unless the account is exact."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kaname-gateway-soak-"))
    print(f"load average {os.getloadavg()[0]:.1f}", flush=True)
    exact = run(folder, options.minutes, options.threads, options.seed)
    print("exact" if exact else f"NOT EXACT; kept {folder}")
    if exact:
        shutil.rmtree(folder)
    return 0 if exact else 1


if __name__ == "__main__":
    sys.exit(main())
