"""What a scrape of `kaname up` shows: its process, the gateway, the journal, and the processes under it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kaname.app.gateway_journal import gateway_journals
from kaname.app.process_metrics import report_journal, report_process
from kaname.app.storage import Storage
from kaname.gateway.canaries.book import CanaryBook
from kaname.gateway.canaries.metrics import report_canaries
from kaname.gateway.server import GatewayApp
from kaname.kernel.child import ChildProcess
from kaname.kernel.exposition import Exposition
from kaname.storage.journal import read_checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMetrics:
    """Reads memory, and the checkpoints of the worker."""

    storage: Storage
    worker: ChildProcess
    gateway: GatewayApp
    canaries: CanaryBook
    journal_folder: Path
    records_dropped: Callable[[], int]

    async def text(self) -> str:
        """The answer to a scrape."""
        out = Exposition({"process": "server"})
        report_process(out)
        self.gateway.report(out)
        report_canaries(out, self.canaries)
        report_journal(out, self.storage.journal.stats())
        out.add(
            "kaname_gateway_records_dropped_total", "counter", "Records that found the journal full.",
            self.records_dropped(),
        )  # fmt: skip
        engine = self.storage.engine
        for name, child in (("worker", self.worker), *([("engine", engine)] if engine is not None else ())):
            out.add(
                "kaname_child_up", "gauge", "1 while a process of ours is ready.", child.state == "ready", child=name
            )
            out.add("kaname_child_restarts_total", "counter", "Times it was started again.", child.restarts, child=name)
        self._report_worker(out)
        return out.text()

    def _report_worker(self, out: Exposition) -> None:
        """What the worker has stored, of all journals."""
        totals: Counter[str] = Counter()
        for folder in (self.journal_folder, *gateway_journals(self.journal_folder)):
            totals.update(read_checkpoint(folder).counters)
        for kind, count in sorted(totals.items()):
            out.add("kaname_worker_items_total", "counter", "What the worker did with entries.", count, kind=kind)
