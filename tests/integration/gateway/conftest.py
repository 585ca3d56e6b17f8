"""A gateway on a real socket before an upstream that misbehaves on demand."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from openai import OpenAI

from integration.gateway.fault_upstream import BEHAVIOURS, FaultUpstream
from kaname.app.connection import build_protocol
from kaname.gateway.admission import Admission
from kaname.gateway.cache.store import AnswerStore
from kaname.gateway.client_address import Believe, peer_only
from kaname.gateway.config_file import ConfigFile
from kaname.gateway.feedback import Feedback
from kaname.gateway.limits.service import LimitService
from kaname.gateway.model import GatewayRecord
from kaname.gateway.outbox import Outbox
from kaname.gateway.ports import Caller, CallerKeys, LocalEndpoint, LocalModelInfo, LocalModels
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.routing.bandit import MetricKind, Rewards
from kaname.gateway.server import GatewayApp
from kaname.gateway.settings import GatewaySettings
from kaname.kernel.clock import SystemClock
from kaname.kernel.errors import UnauthenticatedError

UPSTREAM_KEY = "sk-upstream-secret"
QUICK = "{connect: 2s, ttft: 300ms, stall: 300ms, total: 1s}"


@dataclass(frozen=True)
class TestCaller:
    id: str
    name: str
    project_id: str | None
    permissions: frozenset[str]
    organization_id: str | None = "org_1"


class TestKeys:
    """Two keys: one that may call, one that may not."""

    def authenticate(self, authorization: bytes | None, x_api_key: bytes | None = None) -> TestCaller:
        secret = (authorization or b"Bearer ").removeprefix(b"Bearer ") or x_api_key
        if secret == b"good":
            return TestCaller("key_1", "test key", "prj_1", frozenset({"gateway:call", "scores:write"}))
        if secret == b"weak":
            return TestCaller("key_2", "weak key", "prj_1", frozenset({"traces:read"}))
        raise UnauthenticatedError("the key isn't known", hint="Send another.")


@dataclass
class ListSink:
    """Keeps records and lets a test wait for them."""

    records: list[GatewayRecord] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def put(self, record: GatewayRecord) -> None:
        with self.changed:
            self.records.append(record)
            self.changed.notify_all()

    def flush(self) -> None:
        pass

    def wait(self, matches: Callable[[GatewayRecord], bool]) -> GatewayRecord:
        """The first record that matches; fails after ten seconds."""
        deadline = time.monotonic() + 10
        with self.changed:
            while True:
                found = next((r for r in self.records if matches(r)), None)
                if found is not None:
                    return found
                assert self.changed.wait(deadline - time.monotonic()), "no such record"


@dataclass
class ListFeedback:
    """Keeps verdicts."""

    verdicts: list[Feedback] = field(default_factory=list)
    earned: Mapping[str, Rewards] = field(default_factory=dict)

    async def write(self, caller: Caller, feedback: Feedback) -> str:
        self.verdicts.append(feedback)
        return feedback.id or f"scr_{len(self.verdicts)}"

    def rewards(self, experiment: str, metric: str) -> Mapping[str, Rewards]:
        return self.earned

    def kind(self, metric: str) -> MetricKind:
        return "boolean"


class FaultyLocalModels:
    """Local models that answer at the fault upstream."""

    def __init__(self, port: int) -> None:
        self._port = port

    def list(self) -> Sequence[LocalModelInfo]:
        return (
            LocalModelInfo(name="tiny", created=1764000000, context_window=2048),
            LocalModelInfo(name="context"),
            LocalModelInfo(name="ok", tools=True),
        )

    async def endpoint(self, model: str) -> LocalEndpoint:
        mode = "ok" if model == "tiny" else model
        return LocalEndpoint(base_url=f"http://127.0.0.1:{self._port}/{mode}/v1", api_key="local-secret")


@dataclass
class Gateway:
    """What a test needs."""

    port: int
    app: GatewayApp
    sink: ListSink
    upstream: FaultUpstream
    feedback: ListFeedback
    config_path: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def client(self, **options: object) -> OpenAI:
        return OpenAI(base_url=self.url, api_key="good", max_retries=0, timeout=20, **options)  # type: ignore[arg-type]


def config_text(port: int) -> str:
    """One provider and one short-tempered alias for every behaviour."""
    lines = ["providers:"]
    url = f"http://127.0.0.1:{port}"
    options = "allow_private: true, keys: [{env: UP}]"
    lines += [f'  "{mode}": {{base_url: "{url}/{mode}/v1", {options}}}' for mode in BEHAVIOURS]
    lines += ['  refused: {base_url: "http://127.0.0.1:1/v1", allow_private: true}', "models:"]
    lines += ["  support-bot: {use: ok/mock-model, context_window: 4096}"]
    lines += [f'  quick-{mode}: {{use: "{mode}/m", timeouts: {QUICK}}}' for mode in BEHAVIOURS]
    return "\n".join(lines) + "\n"


class QuietProtocol(build_protocol(1000)):  # type: ignore[misc]
    """pytest gives every logger a handler, which turns the access log on."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.access_log = False


@contextmanager
def running_gateway(
    folder: Path,
    upstream: FaultUpstream,
    text: str,
    *,
    keys: CallerKeys | None = None,
    local_models: LocalModels | None = None,
    answers: AnswerStore | None = None,
    environment: Mapping[str, str] | None = None,
    believe: Believe = peer_only,
) -> Iterator[Gateway]:
    """A gateway with this configuration. `environment`: keys of upstreams besides `UP`."""
    path = folder / "gateway.yaml"
    path.write_text(text)
    sink, feedback = ListSink(), ListFeedback()
    app = GatewayApp(
        keys=keys or TestKeys(),
        config=ConfigFile(path, {"UP": UPSTREAM_KEY, **(environment or {})}),
        record_sink=sink,
        local_models=local_models or FaultyLocalModels(upstream.port),
        answers=answers,
        feedback=feedback,
        rewards=feedback,
        admission=Admission(LimitService(SystemClock()), PriceBook(None), believe),
        settings=GatewaySettings(
            max_body_bytes=9 << 20, max_event_bytes=200_000, record_body_bytes=50_000, reload_interval_s=0.05
        ),
    )
    protocol = type("Quiet", (QuietProtocol,), {"direct_calls": app, "outbox": Outbox()})
    server = uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=0, http=protocol, loop="uvloop", lifespan="off", access_log=False,
            proxy_headers=False, server_header=False, date_header=False, log_level="error",
            timeout_graceful_shutdown=2,
        )
    )  # fmt: skip
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Gateway(port=port, app=app, sink=sink, upstream=upstream, feedback=feedback, config_path=path)
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A running gateway; shared by a module's tests, which look for their own records."""
    folder = tmp_path_factory.mktemp("gateway")
    with (
        FaultUpstream(BEHAVIOURS) as upstream,
        running_gateway(folder, upstream, config_text(upstream.port)) as running,
    ):
        yield running
