"""What the worker spends later on each gateway record: read, decode, turn into a span, normalise, price."""

import time
from pathlib import Path

from kaname.gateway.model import GatewayRecord, decode_records
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.pricing.snapshot import load_snapshot
from kaname.storage.journal import JournalReader
from kaname.traces.gateway_records import to_raw_span
from kaname.traces.normalise import Normaliser

MAX_RECORDS = 20_000


def worker_cost_us(journal: Path) -> float:
    """CPU microseconds a record, without the insert; only answers that weren't streamed."""
    normaliser = Normaliser(PriceBook(load_snapshot()))
    reader = JournalReader(journal)
    records = 0
    before = time.process_time_ns()
    try:
        while records < MAX_RECORDS:
            entries = reader.read_batch(4 << 20, 0.0)
            if not entries:
                break
            for entry in entries:
                for record in decode_records(entry.payload):
                    if not record.stream:
                        _normalise(normaliser, entry.project_id, record, entry.received_ns)
                        records += 1
    finally:
        reader.close()
    return (time.process_time_ns() - before) / 1000 / max(records, 1)


def _normalise(normaliser: Normaliser, project_id: str, record: GatewayRecord, received_ns: int) -> None:
    normaliser.normalise(project_id, to_raw_span(record), received_ns=received_ns)
