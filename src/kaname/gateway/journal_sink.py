"""Finished calls into the write-ahead log, without waiting for the disk. The documented exception to "durable before
acknowledged": a kill -9 may lose the records of the last `journal.soon_interval_s`."""

from kaname.gateway.model import GatewayRecord, encode_record
from kaname.storage.journal import Journal


class JournalSink:
    """A `RecordSink`. A record that finds the journal's buffer full is dropped; the journal counts it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def put(self, record: GatewayRecord) -> None:
        """Appends soon."""
        self._journal.append_soon("gateway", record.project_id, encode_record(record))
