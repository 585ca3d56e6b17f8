"""A decoded batch → rows in the store, each span exactly once.

Order: attach log content, drop what is stored already, normalise, move wide values to blobs, insert. When it is unknown
whether an insert happened, the same rows are tried under the same token after asking the store again; rows that the
store has neither under that token nor by key go in under the next one. Rows that the engine can't read are found by
halving and become dead letters.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from kaname.kernel.border import survive
from kaname.kernel.errors import EngineRefusedError, KanameError
from kaname.traces.batch import Batch, ReceivedSpan
from kaname.traces.dead_letters import DeadLetters
from kaname.traces.known_spans import KnownSpans
from kaname.traces.log_buffer import LogBuffer, SpanKey
from kaname.traces.logs import CONTENT_EVENTS
from kaname.traces.model import RawEvent, RawSpan, ScoreRow
from kaname.traces.normalise import Normaliser
from kaname.traces.span_scores import score_of_record, scores_of_span
from kaname.traces.span_store import NoticeRow, SpanStore, decode_span_row, encode_row, is_bad_row
from kaname.traces.wide_values import WideValues

logger = logging.getLogger(__name__)

CHUNK_ROWS = 5_000
"""Rows in one insert. Chunks are cut from the decoded batch, so a replay cuts the same ones."""
_MAX_TOKENS = 5


class SpanWriter:
    """Writes batches. One thread uses it; a batch that failed must be given again before any other."""

    def __init__(
        self,
        *,
        store: SpanStore,
        normaliser: Normaliser,
        known: KnownSpans,
        wide: WideValues,
        dead_letters: DeadLetters,
        logs: LogBuffer,
    ) -> None:
        self._store = store
        self._normaliser = normaliser
        self._known = known
        self._wide = wide
        self._dead_letters = dead_letters
        self._logs = logs
        self.counters: Counter[str] = Counter()

    def attach_logs(self, batch: Batch) -> None:
        """Gives spans the content that came for them as log records; call it once for a batch, before `write`."""
        arrived: dict[SpanKey, list[RawEvent]] = {}
        for received in batch.records:
            record = received.record
            if record.span_id and record.event_name in CONTENT_EVENTS:
                key = (received.project_id, record.trace_id, record.span_id)
                arrived.setdefault(key, []).append(record.as_event())
        if not arrived and not self._logs:
            return
        for received in batch.spans:
            span = received.span
            key = (received.project_id, span.trace_id, span.span_id)
            events = [*self._logs.take(key), *arrived.pop(key, ())]
            if events:
                span.events = [*span.events, *events]
                received.has_log_content = True
        for key, events in arrived.items():
            for event in events:
                size = len(str(event.body)) + len(str(event.attributes))
                self._logs.add(key, event, size, batch.records[-1].row.received_at)

    def write(self, batch: Batch, *, is_replay: bool) -> None:
        """Stores everything in a batch; may be called again with it when it raised. Raises what the store raises.

        `is_replay`: an earlier attempt at this batch may have succeeded, or may still be under way in the engine.
        """
        scores = list(batch.scores)
        notices = list(batch.notices)
        for number, start in enumerate(range(0, len(batch.spans), CHUNK_ROWS)):
            chunk = batch.spans[start : start + CHUNK_ROWS]
            self._write_chunk(chunk, f"{batch.token}#{number}", scores, notices, is_replay=is_replay)
        for received in batch.records:
            score = score_of_record(received.project_id, received.record)
            if score is not None:
                scores.append(score)
        self._store.insert_scores(scores)
        self._store.insert_logs([r.row for r in batch.records])
        self._store.insert_notices(notices)
        self.counters["scores"] += len(scores)
        self.counters["log_records"] += len(batch.records)
        self.counters["dead_letters"] += batch.dead

    def _write_chunk(
        self,
        chunk: Sequence[ReceivedSpan],
        token: str,
        scores: list[ScoreRow],
        notices: list[NoticeRow],
        *,
        is_replay: bool,
    ) -> None:
        keys = [(r.project_id, r.span) for r in chunk]
        for attempt in range(_MAX_TOKENS):
            fresh = self._known.select_new(keys)
            rows = self._rows([r for r, is_new in zip(chunk, fresh, strict=True) if is_new], notices)
            if not attempt:
                self.counters["duplicates"] += 0 if is_replay else fresh.count(False)
                for received, is_new in zip(chunk, fresh, strict=True):
                    if is_new or is_replay:
                        scores += scores_of_span(received.project_id, received.span, self._session_of(received))
            if not rows:
                return
            with ExitStack() as undo:
                undo.callback(self._known.forget, keys)
                self._insert(rows, f"{token}.{attempt}" if attempt else token, notices)
                undo.pop_all()
            self.counters["spans"] += len(rows)
            if not is_replay:
                return
            # The store may have ignored the rows because of a token whose rows it then lost: ask it.
            self._known.forget(keys)
        raise EngineRefusedError(f"rows of batch {token} don't stay in the store", engine_code=0)

    def _rows(self, spans: list[ReceivedSpan], notices: list[NoticeRow]) -> list[bytes]:
        rows: list[bytes] = []
        for received in spans:
            # A dialect's bug must not block the log; but where a blob can't be stored the batch waits.
            span_id = received.span.span_id
            with survive(logger, "normalising span %s", span_id, passing=(OSError, KanameError)) as normalising:
                rows.append(self._row(received))
            if normalising.fault is not None:
                self._bury_span(received, repr(normalising.fault), notices)
        return rows

    def _row(self, received: ReceivedSpan) -> bytes:
        row = self._normaliser.normalise(received.project_id, received.span, received_ns=received.received_ns)
        row.row_version = 1
        if received.has_log_content:
            row.flags.append("log_content")
        self._wide.shrink(row)
        return encode_row(row)

    def _session_of(self, received: ReceivedSpan) -> Callable[[RawSpan], str]:
        def read(span: RawSpan) -> str:
            row = self._normaliser.normalise(received.project_id, span, received_ns=received.received_ns)
            return row.session_id

        return read

    def _insert(self, rows: list[bytes], token: str, notices: list[NoticeRow]) -> None:
        try:
            self._store.insert_spans(rows, token)
        except EngineRefusedError as e:
            if not is_bad_row(e):
                raise
            if len(rows) > 1:
                half = len(rows) // 2
                self._insert(rows[:half], f"{token}l", notices)
                self._insert(rows[half:], f"{token}r", notices)
                return
            row = decode_span_row(rows[0])
            self._bury(row.project_id, row.trace_id, row.span_id, row.received_ns, rows[0], e.message, notices)

    def _bury_span(self, received: ReceivedSpan, reason: str, notices: list[NoticeRow]) -> None:
        span = received.span
        payload = repr(span).encode("utf-8", "replace")
        self._bury(received.project_id, span.trace_id, span.span_id, received.received_ns, payload, reason, notices)

    def _bury(
        self,
        project_id: str,
        trace_id: str,
        span_id: str,
        received_ns: int,
        payload: bytes,
        reason: str,
        notices: list[NoticeRow],
    ) -> None:
        name = f"span-{trace_id}-{span_id}"
        self._dead_letters.put(name, payload, kind="span", project_id=project_id, reason=reason)
        self.counters["dead_letters"] += 1
        notices.append(
            NoticeRow(
                project_id=project_id,
                notice_id=f"ntc_{received_ns:x}_{name}",
                time=received_ns,
                kind="dead_letter",
                count=1,
                message=f"span {span_id} of trace {trace_id} can't be stored: {reason[:300]}",
            )
        )
