"""All journals of a data folder into the column store: the server's, and those of gateway processes beside it.

One thread serves them in turn. Each journal has its own checkpoint, so each entry takes effect exactly once whatever is
killed; what the consumers know of the store (spans seen, prices, log content) they share. Journals of gateways are
found while the worker runs: their processes come and go, and what a dead one left is consumed all the same.
"""

import logging
import threading
import time
from pathlib import Path

from kaname.app.configuration import Configuration
from kaname.app.data_dir import DEAD_LETTERS, DataDir
from kaname.app.gateway_journal import gateway_journals
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.settings import GatewaySettings
from kaname.kernel.errors import ConfigurationError
from kaname.storage.blobs.opening import open_blobs
from kaname.storage.columns import ColumnsClient
from kaname.storage.journal import JournalReader
from kaname.traces.batch import BatchDecoder
from kaname.traces.consumer import Consumer
from kaname.traces.dead_letters import DeadLetters
from kaname.traces.known_spans import KnownSpans
from kaname.traces.log_buffer import LogBuffer
from kaname.traces.normalise import Normaliser
from kaname.traces.otlp_export import ExportTarget, OtlpExporter
from kaname.traces.span_store import SpanStore
from kaname.traces.wide_values import WideValues
from kaname.traces.writer import SpanWriter

logger = logging.getLogger("kaname.worker")

_LOG_BUFFER_BYTES = 8 << 20
_LOOK_S = 1.0
_ALONE_WAIT_S = 1.0
_TURN_WAIT_S = 0.1
"""How long the server's own journal is waited for while there are others, which can't wake the worker."""
_DRAIN_S = 3.0


class Consumers:
    """One consumer a journal. One thread uses it; the reader of the server's journal is handed in open."""

    def __init__(
        self,
        configuration: Configuration,
        data_dir: DataDir,
        reader: JournalReader,
        columns: ColumnsClient,
        prices: PriceBook,
    ) -> None:
        ingest = configuration.ingest
        self._settings = ingest
        self._folder = data_dir.journal
        self._dead_letters = data_dir.journal / DEAD_LETTERS
        self._store = SpanStore(columns)
        self._normaliser = Normaliser(prices)
        self._known = KnownSpans(self._store, ingest.dedup_keys)
        self._logs = LogBuffer(_LOG_BUFFER_BYTES)
        self._wide = WideValues(
            open_blobs(configuration.blobs, data_dir.root),
            wide_bytes=ingest.wide_value_bytes,
            media_bytes=ingest.media_bytes,
        )
        target = export_target(configuration.gateway)
        self._exporter = OtlpExporter(target) if target is not None else None
        if self._exporter is not None:
            self._exporter.start()
        self._readers: list[JournalReader] = [reader]
        self._first = self._consumer(reader, "")
        self._others: dict[Path, Consumer] = {}
        self._next_look = 0.0

    def run(self, stop: threading.Event) -> None:
        """Consumes; after `stop` it drains what is there for a moment. Uncommitted work is replayed."""
        while not stop.is_set():
            self._look()
            busy = [self._turn(consumer, stop, 0.0) for consumer in list(self._others.values())]
            wait_s = 0.0 if any(busy) else _TURN_WAIT_S if self._others else _ALONE_WAIT_S
            self._turn(self._first, stop, wait_s)
        deadline = time.monotonic() + _DRAIN_S
        for consumer in (self._first, *self._others.values()):
            while time.monotonic() < deadline and consumer.step(stop, 0.0):
                pass

    def close(self) -> None:
        """Lets go of all journals."""
        if self._exporter is not None:
            self._exporter.stop()
        for reader in self._readers:
            reader.close()

    def _turn(self, consumer: Consumer, stop: threading.Event, wait_s: float) -> int:
        """One run of entries; how many."""
        try:
            return consumer.step(stop, wait_s)
        except OSError as e:  # the journal's own files: a full disk refuses the checkpoint too
            logger.warning("a journal can't be read or its checkpoint written: %s", e)
            consumer.rewind()
            stop.wait(1.0)
            return 0

    def _look(self) -> None:
        """Finds journals that weren't there before."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_S
        for folder in gateway_journals(self._folder):
            if folder in self._others:
                continue
            try:
                reader = JournalReader(folder)
            except ConfigurationError:  # the worker of a server that was just killed still holds it
                continue
            self._readers.append(reader)
            self._others[folder] = self._consumer(reader, f"{folder.name}-")
            logger.info("consuming journal %s", folder.name)

    def _consumer(self, reader: JournalReader, prefix: str) -> Consumer:
        """`prefix` tells the batches and letters of a journal from those of others, which count entries alike."""
        letters = DeadLetters(self._dead_letters, prefix)
        writer = SpanWriter(
            store=self._store,
            normaliser=self._normaliser,
            known=self._known,
            wide=self._wide,
            dead_letters=letters,
            logs=self._logs,
        )
        decoder = BatchDecoder(self._settings.limits(), letters, prefix)
        return Consumer(reader, decoder, writer, self._settings, self._exporter)


def export_target(settings: GatewaySettings) -> ExportTarget | None:
    """Where the gateway's spans go besides, if anywhere; raises ConfigurationError."""
    if not settings.otlp_endpoint:
        return None
    return ExportTarget.parse(settings.otlp_endpoint, settings.otlp_headers, content=settings.otlp_content)
