"""The loop of the worker: journal → batch → store → checkpoint, forever, in order, each entry's effect exactly once.

It notes which entries it is about to apply before it applies them, so that after a crash it tries exactly the same
entries again, as a replay. While the store doesn't answer it waits and the journal grows; nothing is skipped.
"""

import logging
import threading
import time
from collections.abc import Sequence

from kaname.kernel.border import survive
from kaname.kernel.errors import KanameError
from kaname.storage.journal import Entry, JournalReader
from kaname.traces.batch import Batch, BatchDecoder
from kaname.traces.ingest_settings import IngestSettings
from kaname.traces.otlp_export import OtlpExporter
from kaname.traces.writer import SpanWriter

logger = logging.getLogger(__name__)

_IDLE_WAIT_S = 1.0
_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.1, 5.0
_DRAIN_S = 3.0
_PAUSE_S = 0.5
_FIRST_WAIT_S = 0.02


class Consumer:
    """Consumes the journal until it is told to stop."""

    def __init__(
        self,
        reader: JournalReader,
        decoder: BatchDecoder,
        writer: SpanWriter,
        settings: IngestSettings,
        exporter: OtlpExporter | None = None,
    ) -> None:
        self._reader = reader
        self._decoder = decoder
        self._writer = writer
        self._settings = settings
        self._exporter = exporter
        self._last_commit = 0.0
        self._writer.counters.update(reader.checkpoint.counters)

    def rewind(self) -> None:
        """Goes back to the last commit, after the journal's own files failed."""
        self._reader.rewind()

    def run(self, stop: threading.Event) -> None:
        """Consumes; after `stop` it drains what is there for a moment and returns. Uncommitted work is replayed."""
        while not stop.is_set():
            try:
                self.step(stop, _IDLE_WAIT_S)
            except OSError as e:  # the journal's own files: a full disk refuses the checkpoint too
                logger.warning("the journal can't be read or its checkpoint written: %s", e)
                self._reader.rewind()
                stop.wait(1.0)
        deadline = time.monotonic() + _DRAIN_S
        while time.monotonic() < deadline and self.step(stop, 0.0):
            pass

    def step(self, stop: threading.Event, wait_s: float) -> int:
        """Applies and commits one run of entries; returns how many. 0: none came in time, or it was stopped."""
        interrupted = self._reader.interrupted
        entries = self._gather(wait_s, None if interrupted is None else interrupted.last_sequence)
        if not entries:
            return 0
        self._reader.intend(entries)
        batch = self._decoder.decode(entries)
        self._writer.attach_logs(batch)
        is_replay = interrupted is not None
        backoff = _FIRST_BACKOFF_S
        while not self._write(batch, len(entries), is_replay=is_replay):
            is_replay = True
            if stop.wait(backoff) and backoff >= 1.0:
                self._reader.rewind()
                return 0
            backoff = min(backoff * 2, _LONGEST_BACKOFF_S)
        if self._exporter is not None:
            self._export(self._exporter, batch, is_replay=interrupted is not None)
        self._reader.commit(entries[-1].position, self._writer.counters)
        self._last_commit = time.monotonic()
        return len(entries)

    def _export(self, exporter: OtlpExporter, batch: Batch, *, is_replay: bool) -> None:
        """Offers the calls in a batch; not those of a replay, which may have been sent before."""
        if not is_replay:
            exporter.offer([received.span for received in batch.spans if received.is_call])
        sent, dropped = exporter.take_count()
        self._writer.counters["otlp_sent"] += sent
        self._writer.counters["otlp_dropped"] += dropped

    def _write(self, batch: Batch, count: int, *, is_replay: bool) -> bool:
        """Whether the store has the batch now. A defect must not lose it, nor end the worker."""
        with survive(logger, "writing a batch of %d entries", count):
            try:
                self._writer.write(batch, is_replay=is_replay)
                return True
            except (KanameError, OSError) as e:
                logger.warning("a batch of %d entries waits for the store: %s", count, e)
        return False

    def _gather(self, wait_s: float, last_sequence: int | None) -> Sequence[Entry]:
        """The entries of the next run: those of an interrupted run exactly, else what comes within a short while."""
        limit = self._settings.batch_bytes
        entries = self._reader.read_batch(limit, wait_s, last_sequence=last_sequence)
        if not entries or last_sequence is not None:
            return entries
        size = sum(len(e.payload) for e in entries)
        # The first request after a pause is likely a person waiting to see it; a stream of them is worth gathering.
        is_stream = time.monotonic() - self._last_commit < _PAUSE_S
        until = time.monotonic() + (self._settings.batch_wait_s if is_stream else _FIRST_WAIT_S)
        while size < limit and (left := until - time.monotonic()) > 0:
            # Sleeping through wake-ups on purpose: one insert of many rows costs far less than many of few.
            time.sleep(left)
            more = self._reader.read_batch(limit - size, 0.0)
            entries += more
            size += sum(len(e.payload) for e in more)
        return entries
