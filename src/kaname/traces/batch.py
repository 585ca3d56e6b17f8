"""Journal entries → the raw spans, log records, scores and notices inside them. Decoding only; nothing is stored here.

Deterministic: the same entries give the same batch, in the same order, which is what makes a replay recognisable.
An entry that can't be decoded becomes a dead letter and a notice; those beside it aren't touched.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from kaname.gateway.model import decode_records
from kaname.kernel.border import survive
from kaname.storage.journal import Entry
from kaname.traces.coerce import dump_json
from kaname.traces.dead_letters import DeadLetters
from kaname.traces.gateway_guards import guard_spans
from kaname.traces.gateway_records import to_raw_span
from kaname.traces.logs import LogRecord
from kaname.traces.model import RawSpan, ScoreRow
from kaname.traces.otlp import json as otlp_json
from kaname.traces.otlp import protobuf as otlp_protobuf
from kaname.traces.otlp.limits import OtlpLimits
from kaname.traces.otlp.outcome import MalformedError, Outcome, Signal
from kaname.traces.span_store import LogRow, NoticeRow
from kaname.traces.stream_outputs import StreamOutputs

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class ReceivedSpan:
    """A decoded span and what is known of its arrival."""

    project_id: str
    span: RawSpan
    received_ns: int
    is_call: bool = False
    """Whether a gateway of this installation made it."""
    has_log_content: bool = False
    """Whether log records gave the span some of its events."""


@dataclass(slots=True, kw_only=True)
class ReceivedRecord:
    """A decoded log record, its row, and its project."""

    project_id: str
    record: LogRecord
    row: LogRow


@dataclass(slots=True)
class Batch:
    """What a run of entries holds."""

    token: str
    spans: list[ReceivedSpan] = field(default_factory=list[ReceivedSpan])
    records: list[ReceivedRecord] = field(default_factory=list[ReceivedRecord])
    scores: list[ScoreRow] = field(default_factory=list[ScoreRow])
    notices: list[NoticeRow] = field(default_factory=list[NoticeRow])
    dead: int = 0


class BatchDecoder:
    """Decodes runs of entries."""

    def __init__(self, limits: OtlpLimits, dead_letters: DeadLetters, journal: str = "") -> None:
        """`journal` tells the tokens of one journal from those of others, which count their entries alike."""
        self._journal = journal
        self._limits = limits
        self._dead_letters = dead_letters
        self._score = msgspec.json.Decoder(ScoreRow)
        self._stream_outputs = StreamOutputs()
        self._readers: dict[str, Callable[[Entry, Batch], None]] = {
            "otlp_traces_protobuf": self._read_traces,
            "otlp_traces_json": self._read_traces,
            "otlp_logs_protobuf": self._read_logs,
            "otlp_logs_json": self._read_logs,
            "gateway": self._read_gateway,
            "score": self._read_score,
        }

    def decode(self, entries: Sequence[Entry]) -> Batch:
        """All entries of a run, in order."""
        first, last = entries[0], entries[-1]
        run = f"{first.position.sequence}.{first.received_ns}-{last.position.sequence}.{last.received_ns}"
        batch = Batch(f"{self._journal}{run}")
        for entry in entries:
            # One entry must never block the log.
            with survive(logger, "decoding entry %d", entry.position.sequence) as decoding:
                try:
                    self._readers[entry.kind](entry, batch)
                except (MalformedError, msgspec.DecodeError, UnicodeDecodeError) as e:
                    self._bury(entry, batch, str(e))
            if decoding.fault is not None:
                self._bury(entry, batch, repr(decoding.fault))
        return batch

    def _read_traces(self, entry: Entry, batch: Batch) -> None:
        source = otlp_json if entry.kind == "otlp_traces_json" else otlp_protobuf
        spans, outcome = source.decode_traces(entry.payload, self._limits, entry.received_ns)
        spans = self._stream_outputs.fold(entry.project_id, spans)
        batch.spans += [ReceivedSpan(project_id=entry.project_id, span=s, received_ns=entry.received_ns) for s in spans]
        _notice_rejections(entry, batch, "traces", outcome)

    def _read_logs(self, entry: Entry, batch: Batch) -> None:
        source = otlp_json if entry.kind == "otlp_logs_json" else otlp_protobuf
        records, outcome = source.decode_logs(entry.payload, self._limits, entry.received_ns)
        batch.records += [
            ReceivedRecord(project_id=entry.project_id, record=r, row=_log_row(entry.project_id, r, entry.received_ns))
            for r in records
        ]
        _notice_rejections(entry, batch, "logs", outcome)

    def _read_gateway(self, entry: Entry, batch: Batch) -> None:
        batch.spans += [
            ReceivedSpan(project_id=entry.project_id, span=span, received_ns=entry.received_ns, is_call=True)
            for record in decode_records(entry.payload)
            for span in (to_raw_span(record), *guard_spans(record))
        ]

    def _read_score(self, entry: Entry, batch: Batch) -> None:
        batch.scores.append(self._score.decode(entry.payload))

    def _bury(self, entry: Entry, batch: Batch, reason: str) -> None:
        batch.dead += 1
        name = f"{entry.position.sequence:020d}"
        self._dead_letters.put(name, entry.payload, kind=entry.kind, project_id=entry.project_id, reason=reason)
        batch.notices.append(
            notice(entry, "dead_letter", 1, f"an accepted {entry.kind} request can't be stored: {reason[:500]}")
        )


def notice(entry: Entry, kind: str, count: int, message: str, details: str = "") -> NoticeRow:
    """A notice about an entry; its id is the entry's, so a replay gives the same."""
    return NoticeRow(
        project_id=entry.project_id,
        notice_id=f"ntc_{entry.received_ns:x}_{entry.position.sequence}_{kind}",
        time=entry.received_ns,
        kind=kind,
        count=count,
        message=message,
        details=details,
    )


def _notice_rejections(entry: Entry, batch: Batch, signal: Signal, outcome: Outcome) -> None:
    if outcome.rejected:
        details = dump_json({"reasons": dict(outcome.faults), "scopes": list(outcome.scopes)})
        kind = "rejected_spans" if signal == "traces" else "rejected_logs"
        batch.notices.append(notice(entry, kind, outcome.rejected, outcome.message(signal), details))


def _log_row(project_id: str, record: LogRecord, received_ns: int) -> LogRow:
    body = dump_json(record.body) if record.body is not None else ""
    attributes = dump_json(record.attributes) if record.attributes else ""
    identity = "\0".join((record.event_name, record.severity, body, attributes))
    return LogRow(
        project_id=project_id,
        trace_id=record.trace_id,
        span_id=record.span_id,
        time=record.time_ns,
        record_id=hashlib.blake2b(identity.encode("utf-8", "replace"), digest_size=12).hexdigest(),
        event_name=record.event_name,
        severity=record.severity,
        body=body,
        attributes=attributes,
        resource=dump_json(record.scope.resource) if record.scope.resource else "",
        scope_name=record.scope.name,
        received_at=received_ns,
    )
