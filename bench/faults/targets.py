"""The gateways under test: each started with every route of the suite, and how a call names a route.

Ours runs as a process of its own with a real journal; its records are read from there. LiteLLM and Portkey come from
`bench.gateway.peers`. Retries are off unless a route asks for them.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from bench.faults.routes import Combo, Route
from kaname.gateway.model import GatewayRecord, decode_records
from kaname.storage.journal import JournalReader

ROOT = Path(__file__).resolve().parents[2]
KEYS = ("sk-upstream-1", "sk-upstream-2")
Pair = tuple[Route, Combo]


class Target(Protocol):
    """A running gateway."""

    name: str
    port: int
    pid: int

    def address(self, route: Route, combo: Combo) -> tuple[str, dict[str, str]]:
        """The `model` and the headers of a call along a route; raises NotOfferedError."""
        ...

    def records(self) -> Sequence[GatewayRecord]:
        """What has been recorded so far; empty for peers."""
        ...

    def stop(self) -> None: ...


def upstream_url(port: int, mode: str, route: Route, combo: Combo) -> str:
    """Base URL of a behaviour, without `/v1`. Nothing listens at port 1."""
    return "http://127.0.0.1:1" if mode == "refused" else f"http://127.0.0.1:{port}/{mode}/{route.tag(combo)}"


def config_text(pairs: Iterable[Pair], port: int, *, drain: bool = False) -> str:
    """`gateway.yaml` with one provider for each behaviour of each route."""
    providers: list[str] = []
    models: list[str] = []
    for i, (route, combo) in enumerate(dict.fromkeys(pairs)):
        native = "openai" if combo.responses else "openai_compatible"  # others don't speak Responses
        kind = "anthropic" if combo.upstream == "anthropic" else native
        names: dict[str, str] = {}
        for j, mode in enumerate(dict.fromkeys(route.every_mode())):
            names[mode] = f"p{i}-{j}"
            keys = ", ".join(f"{{env: UP_{k + 1}}}" for k in range(route.keys if j == 0 else 1))
            url = f"{upstream_url(port, mode, route, combo)}/v1"
            providers.append(f'  p{i}-{j}: {{type: {kind}, base_url: "{url}", allow_private: true, keys: [{keys}]}}')
        step = [f"targets: [{names[route.modes[0]]}/m]"]
        lists = {"fallback": route.modes[1:], "context_fallback": route.context, "content_fallback": route.content}
        for field, modes in lists.items():
            listed = (modes,) if isinstance(modes, str) else modes
            if any(listed):
                step.append(f"{field}: [{', '.join(f'{names[mode]}/m' for mode in listed)}]")
        times = f"{{connect: 1s, ttft: 400ms, stall: 400ms, total: {route.total_ms}ms}}"
        retry = f"{{max: {route.retries}, base: {route.base_ms}ms, cap: 2s}}"
        models.append(f"  {route.tag(combo)}: {{route: [{{{', '.join(step)}}}], timeouts: {times}, retry: {retry}}}")
    top = "on_disconnect: drain\n" if drain else ""
    return f"{top}providers:\n" + "\n".join(providers) + "\nmodels:\n" + "\n".join(models) + "\n"


class Ours:
    """A gateway process as production runs it."""

    name = "ours"

    def __init__(
        self,
        folder: Path,
        pairs: Iterable[Pair],
        upstream_port: int,
        *,
        drain: bool = False,
        file_limit: int = 0,
        drain_s: int = 5,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "gateway.yaml"
        config.write_text(config_text(pairs, upstream_port, drain=drain))
        self._journal = folder / "journal"
        argv = [sys.executable, "-m", "bench.gateway.serve", "--config", str(config), "--journal", str(self._journal)]
        argv += ["--drain-s", str(drain_s)]
        if file_limit:
            argv += ["--file-limit", str(file_limit)]
        environment = {
            **os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **{f"UP_{i + 1}": key for i, key in enumerate(KEYS)}
        }  # fmt: skip
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
        assert self.process.stdout is not None
        ready = json.loads(self.process.stdout.readline())
        self.port: int = ready["port"]
        self.pid = self.process.pid
        self._headers = {"authorization": f"Bearer {ready['key']}"}
        self._records: list[GatewayRecord] = []
        self._reader: JournalReader | None = None

    def address(self, route: Route, combo: Combo) -> tuple[str, dict[str, str]]:
        """See `Target`."""
        return route.tag(combo), dict(self._headers)

    def records(self) -> Sequence[GatewayRecord]:
        """See `Target`."""
        if self._reader is None:
            self._reader = JournalReader(self._journal)
        while entries := self._reader.read_batch(4 << 20, 0.0):
            for entry in entries:
                self._records += decode_records(entry.payload)
        return self._records

    def terminate(self) -> None:
        """Sends SIGTERM and returns at once."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """See `Target`."""
        if self._reader is not None:
            self._reader.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)
        if self.process.stdout is not None:
            self.process.stdout.close()
