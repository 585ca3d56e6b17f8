"""A gateway alone in a process, as production runs it: real key ring, real journal on disk, uvicorn with uvloop.

Prints one line `{"port": …, "key": …}` when it is ready. Not a product entry point: `kaname up` is.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import resource
import signal
import sys
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import uvicorn

from kaname.access.keyring import KeyRing
from kaname.access.model import Principal
from kaname.access.ports import KeyRecord
from kaname.access.tokens import issue_token
from kaname.app.connection import build_protocol
from kaname.gateway.admission import Admission
from kaname.gateway.config_file import ConfigFile
from kaname.gateway.feedback import Feedback
from kaname.gateway.journal_sink import JournalSink
from kaname.gateway.limits.model import Budget, Definitions, KeyPolicy, Rates
from kaname.gateway.limits.service import LimitService
from kaname.gateway.limits.windows import WindowRule
from kaname.gateway.ports import Caller, NoLocalModels
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.routing.bandit import MetricKind, Rewards
from kaname.gateway.server import GatewayApp
from kaname.gateway.settings import GatewaySettings
from kaname.kernel.clock import SystemClock
from kaname.storage.journal import Journal
from kaname.storage.journal.settings import JournalSettings


class OneKey:
    """A key source with one key."""

    def __init__(self) -> None:
        token = issue_token("kn-sk-")
        self.secret = token.text
        self._record = KeyRecord(
            key_id="key_bench",
            public_part=token.public_part,
            digest=token.digest,
            principal=Principal(
                kind="api_key", id="key_bench", name="bench", project_id="prj_bench",
                organization_id="org_bench",
                permissions=frozenset({"gateway:call"}),
            ),
            expires_at=None,
            usable=True,
        )  # fmt: skip

    def changes_since(self, version: int) -> tuple[int, Sequence[KeyRecord]]:
        return 1, [self._record] if version == 0 else []

    def record_uses(self, uses: Mapping[str, datetime]) -> None:
        pass


class NoFeedback:
    """Nobody gives any here."""

    async def write(self, caller: Caller, feedback: Feedback) -> str:
        raise NotImplementedError

    def rewards(self, experiment: str, metric: str) -> Mapping[str, Rewards]:
        return {}

    def kind(self, metric: str) -> MetricKind:
        return "boolean"


class Server(uvicorn.Server):
    """Ends at SIGTERM without raising it again, so that the journal is closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.handle_exit, signal.SIGTERM, None)
        yield


def _limits() -> LimitService:
    """Limits that are on and never reached: requests and tokens a minute, concurrency, and a budget of the key."""
    limits = LimitService(SystemClock())
    policy = KeyPolicy(rates=Rates(rpm=100_000_000, tpm=1_000_000_000_000, max_concurrency=100_000))
    budget = Budget(
        id="bud_bench", project_id="prj_bench", organization_id="org_bench", scope="key", subject="key_bench",
        amount_nano_usd=1 << 60, window=WindowRule(), window_from=SystemClock().now(),
    )  # fmt: skip
    limits.use_definitions(Definitions(version=1, policies={"key_bench": policy}, budgets=[budget]))
    return limits


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--file-limit", type=int, default=0, help="no file may grow beyond this: a disk that is full")
    parser.add_argument("--drain-s", type=int, default=5, help="how long calls may go on after SIGTERM")
    options = parser.parse_args()
    if options.file_limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (options.file_limit, options.file_limit))
    source = OneKey()
    journal = Journal(options.journal, JournalSettings(max_bytes=64 << 30, segment_bytes=1 << 30))
    journal.open()
    with KeyRing(source) as keys:
        app = GatewayApp(
            keys=keys,
            config=ConfigFile(options.config, os.environ, must_exist=True),
            record_sink=JournalSink(journal),
            local_models=NoLocalModels(),
            settings=GatewaySettings(),
            feedback=NoFeedback(),
            rewards=NoFeedback(),
            admission=Admission(_limits(), PriceBook.load()),
        )
        server = Server(
            uvicorn.Config(
                app, host="127.0.0.1", port=0, http=build_protocol(10_000, app), loop="none", lifespan="off",
                access_log=False, proxy_headers=False, server_header=False, date_header=False, log_level="warning",
                backlog=4096, timeout_graceful_shutdown=options.drain_s,
            )
        )  # fmt: skip
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no such event
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        sys.stdout.write(json.dumps({"port": port, "key": source.secret}) + "\n")
        sys.stdout.flush()
        await serving
        await app.close(options.drain_s)
    journal.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
